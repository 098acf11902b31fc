//! Listings of a bucket, and of the parts of an upload.

use model::{VersionId, limits};
use operations::{Context, ListObjects, ListUploads};

use super::service::{read_token, token};
use super::{Asked, Failure};
use crate::error::S3Error;
use crate::reply::{self, Reply};
use crate::xml::listings::{self, V2};
use crate::xml::{Encoding, answers};

/// A query value; `""` where there is none.
fn text<'a>(asked: &Asked<'a>, key: &str) -> &'a str {
    asked.query(key).unwrap_or("")
}

fn encoding(asked: &Asked<'_>) -> Result<Encoding, S3Error> {
    match text(asked, "encoding-type") {
        "" => Ok(Encoding::Plain),
        "url" => Ok(Encoding::Url),
        other => Err(S3Error::argument("encoding-type", other, "Invalid Encoding Method specified in Request")),
    }
}

/// What listings have in common; `max` names the query key that bounds a page.
fn page<'a>(asked: &Asked<'a>, max: &'static str, least: u32) -> Result<listings::Asked<'a>, S3Error> {
    Ok(listings::Asked {
        bucket: asked.bucket()?.as_str(),
        prefix: text(asked, "prefix"),
        delimiter: text(asked, "delimiter"),
        max: asked.number(max, least)?.map_or(limits::PAGE_KEYS, |max| limits::PAGE_KEYS.min(max as usize)),
        encoding: encoding(asked)?,
    })
}

fn wanted(page: &listings::Asked<'_>, after: &str) -> ListObjects {
    ListObjects {
        prefix: page.prefix.to_owned(),
        delimiter: page.delimiter.to_owned(),
        after: after.to_owned(),
        limit: page.max,
    }
}

pub(super) async fn objects_v1(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let page = page(asked, "max-keys", 0)?;
    let marker = text(asked, "marker");
    let listing = asked
        .store
        .list_objects(ctx, asked.call.operation.action, asked.bucket()?, &wanted(&page, marker), true)
        .await?;
    Ok(reply::xml(listings::objects_v1(&page, marker, &listing)))
}

pub(super) async fn objects_v2(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let page = page(asked, "max-keys", 0)?;
    let fetch_owner = match text(asked, "fetch-owner") {
        "" | "false" => false,
        "true" => true,
        other => return Err(S3Error::argument("fetch-owner", other, "Argument must be true or false").into()),
    };
    let (sent, start_after) = (asked.query("continuation-token"), asked.query("start-after"));
    // A token, once there is one, says where to go on; start-after was for the first page.
    let after = match sent {
        Some(token) if !token.is_empty() => read_token(token)?,
        _ => start_after.unwrap_or("").to_owned(),
    };
    let listing = asked
        .store
        .list_objects(ctx, asked.call.operation.action, asked.bucket()?, &wanted(&page, &after), fetch_owner)
        .await?;
    let next = listings::end_of(&listing).map(token);
    let v2 = V2 { start_after, token: sent, next_token: next.as_deref(), fetch_owner };
    Ok(reply::xml(listings::objects_v2(&page, &v2, &listing)))
}

pub(super) async fn versions(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let page = page(asked, "max-keys", 0)?;
    let (marker, version) = (text(asked, "key-marker"), text(asked, "version-id-marker"));
    if !version.is_empty() {
        let bad = |message: &'static str| S3Error::argument("version-id-marker", version, message);
        if marker.is_empty() {
            return Err(bad("A version-id marker cannot be specified without a key marker.").into());
        }
        if version != "null" && VersionId::new(version).is_err() {
            return Err(bad("Invalid version id specified").into());
        }
    }
    // Each key has one version, so after a version of a key comes the next key.
    let listing = asked
        .store
        .list_objects(ctx, asked.call.operation.action, asked.bucket()?, &wanted(&page, marker), true)
        .await?;
    Ok(reply::xml(listings::versions(&page, marker, version, &listing)))
}

pub(super) async fn uploads(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let page = page(asked, "max-uploads", 0)?;
    let marker = text(asked, "key-marker");
    // S3 ignores the second marker without the first.
    let upload_marker = if marker.is_empty() { "" } else { text(asked, "upload-id-marker") };
    let wanted = ListUploads {
        prefix: page.prefix.to_owned(),
        delimiter: page.delimiter.to_owned(),
        after_key: marker.to_owned(),
        after_upload: upload_marker.to_owned(),
        limit: page.max,
    };
    let listing = asked.store.list_uploads(ctx, asked.bucket()?, &wanted).await?;
    Ok(reply::xml(listings::uploads(&page, marker, upload_marker, &listing)))
}

pub(super) async fn parts(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let encoding = encoding(asked)?;
    let max = asked.number("max-parts", 0)?.map_or(limits::PAGE_KEYS, |max| limits::PAGE_KEYS.min(max as usize));
    // No part has a number beyond the highest, so nothing comes after it.
    let after = asked.number("part-number-marker", 0)?.unwrap_or(0).min(u32::from(limits::PART_NUMBER_MAX)) as u16;
    let object = (asked.bucket()?, asked.key()?);
    let page = asked.store.list_parts(ctx, object, text(asked, "uploadId"), after, max).await?;
    Ok(reply::xml(answers::parts(&page, after, max, encoding)))
}
