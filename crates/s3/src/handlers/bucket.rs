//! Buckets: made, asked about, removed.

use std::fmt::Display;

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderName, HeaderValue, StatusCode};
use operations::{Context, CreateBucket};

use super::{Asked, DOCUMENT_BYTES, Failure, Sent, headers, tagging};
use crate::error::{Code, S3Error};
use crate::reply::{self, Reply};
use crate::xml::{Xml, settings};

const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");
const ACCESS_POINT_ALIAS: HeaderName = HeaderName::from_static("x-amz-access-point-alias");

/// The region whose buckets S3 says nothing of: the first there was.
const UNNAMED_REGION: &str = "us-east-1";

pub(super) async fn create<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let bucket = asked.bucket()?;
    let acl = headers::acl(asked)?;
    let ownership = match asked.text("x-amz-object-ownership")? {
        None => None,
        Some(text) => Some(settings::wire_ownership(text).ok_or_else(|| {
            S3Error::argument("x-amz-object-ownership", text, "Invalid x-amz-object-ownership header")
        })?),
    };
    let document = sent.document(asked, DOCUMENT_BYTES).await?;
    let place = settings::read_create_bucket(&document.bytes)?;
    if place.in_a_directory {
        return Err(S3Error::with_message(Code::NotImplemented, "Directory buckets are not implemented").into());
    }
    let tags = tagging::of_bucket(place.tags)?;
    if let Some(location) = place.location {
        check_location(&location, &asked.config.region)?;
    }
    asked.store.create_bucket(ctx, &CreateBucket { bucket, acl, ownership, tags }).await?;
    let mut reply = reply::empty(StatusCode::OK);
    let location = HeaderValue::from_str(&format!("/{bucket}")).expect("a bucket's name is visible ASCII");
    reply.headers_mut().insert(LOCATION, location);
    Ok(reply)
}

/// A bucket can only be where the server is.
fn check_location(location: &str, region: &str) -> Result<(), S3Error> {
    // S3's old name of eu-west-1.
    let wanted = if location == "EU" { "eu-west-1" } else { location };
    if wanted == region {
        return Ok(());
    }
    let is_region = |text: &str| {
        text.split('-').count() >= 3 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    Err(if is_region(wanted) {
        let message = format!(
            "The {location} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        S3Error::with_message(Code::IllegalLocationConstraintException, message)
    } else {
        S3Error::new(Code::InvalidLocationConstraint).with_detail("LocationConstraint", location)
    })
}

pub(super) async fn head(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    asked.store.head_bucket(ctx, asked.bucket()?).await?;
    let mut reply = reply::empty(StatusCode::OK);
    if let Ok(region) = HeaderValue::from_str(&asked.config.region) {
        reply.headers_mut().insert(BUCKET_REGION, region);
    }
    reply.headers_mut().insert(ACCESS_POINT_ALIAS, HeaderValue::from_static("false"));
    Ok(reply)
}

pub(super) async fn location(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    asked.store.bucket_location(ctx, asked.bucket()?).await?;
    let mut xml = Xml::new("LocationConstraint");
    if asked.config.region != UNNAMED_REGION {
        xml.text(&asked.config.region);
    }
    Ok(reply::xml(xml.finish()))
}

pub(super) async fn delete(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    asked.store.delete_bucket(ctx, asked.bucket()?).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_made_where_the_server_is_or_not_at_all() {
        assert!(check_location("eu-west-1", "eu-west-1").is_ok());
        assert!(check_location("EU", "eu-west-1").is_ok());
        assert!(check_location("us-east-1", "us-east-1").is_ok());
        let code = |location| check_location(location, "us-east-1").unwrap_err().code();
        assert_eq!(code("eu-west-1"), Code::IllegalLocationConstraintException);
        assert_eq!(code("EU"), Code::IllegalLocationConstraintException);
        assert_eq!(code("nowhere"), Code::InvalidLocationConstraint);
    }
}
