//! ACLs of buckets and objects: shown, and changed by headers or by a document, not by both.

use std::fmt::Display;

use bytes::Bytes;
use http::StatusCode;
use model::Action;
use operations::{AclInput, Context};

use super::{Asked, DOCUMENT_BYTES, Failure, Sent, headers};
use crate::error::{Code, S3Error};
use crate::reply::{self, Reply};
use crate::xml::acl::{BadAcl, read_acl, write_acl};

pub(super) async fn get_bucket(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let acl = asked.store.bucket_acl(ctx, asked.bucket()?).await?;
    Ok(reply::xml(write_acl(&acl)))
}

pub(super) async fn get_object(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let acl = asked.store.object_acl(ctx, asked.bucket()?, asked.key()?, asked.version()).await?;
    Ok(reply::xml(write_acl(&acl)))
}

pub(super) async fn put_bucket<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let bucket = asked.bucket()?;
    asked.store.would_allow(ctx, Action::PutBucketAcl, bucket, None).await?;
    let (owner, acl) = requested(asked, sent).await?;
    asked.store.put_bucket_acl(ctx, bucket, owner.as_deref(), &acl).await?;
    Ok(reply::empty(StatusCode::OK))
}

pub(super) async fn put_object<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let (bucket, key) = (asked.bucket()?, asked.key()?);
    asked.store.would_allow(ctx, Action::PutObjectAcl, bucket, Some(key)).await?;
    let (owner, acl) = requested(asked, sent).await?;
    asked.store.put_object_acl(ctx, (bucket, key, asked.version()), owner.as_deref(), &acl).await?;
    Ok(reply::empty(StatusCode::OK))
}

/// The ACL that the request asks for, and whom it says the owner is.
async fn requested<B>(asked: &Asked<'_>, sent: Sent<'_, B>) -> Result<(Option<String>, AclInput), Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let by_headers = headers::acl(asked)?;
    let document = sent.document(asked, DOCUMENT_BYTES).await?;
    match (by_headers, document.bytes.is_empty()) {
        (AclInput::Default, true) => {
            Err(S3Error::new(Code::MissingSecurityHeader).with_detail("MissingHeaderName", "x-amz-acl").into())
        }
        (AclInput::Default, false) => {
            let sent = read_acl(&document.bytes).map_err(|bad| match bad {
                BadAcl::Malformed => S3Error::new(Code::MalformedACLError),
                BadAcl::UnknownGroup(uri) => S3Error::argument("Group/URI", &uri, "Invalid group uri"),
            })?;
            Ok((sent.owner, AclInput::Grants(sent.grants)))
        }
        (by_headers, true) => Ok((None, by_headers)),
        (_, false) => Err(Code::UnexpectedContent.into()),
    }
}
