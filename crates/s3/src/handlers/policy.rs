//! A bucket's policy: JSON in, the same JSON out.

use std::fmt::Display;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use model::limits;
use operations::{Context, Error};

use super::{Asked, Failure, Sent};
use crate::error::{Code, S3Error};
use crate::reply::{self, Reply, ReplyBody};
use crate::xml::Xml;

pub(super) async fn get(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let text = asked.store.bucket_policy(ctx, asked.bucket()?).await.map_err(missing)?;
    let mut reply = reply::empty(StatusCode::OK);
    *reply.body_mut() = ReplyBody::whole(String::from(text));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(reply)
}

pub(super) async fn status(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let public = asked.store.bucket_policy_is_public(ctx, asked.bucket()?).await.map_err(missing)?;
    let mut document = Xml::new("PolicyStatus");
    document.element("IsPublic", if public { "TRUE" } else { "FALSE" });
    Ok(reply::xml(document.finish()))
}

pub(super) async fn put<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let bucket = asked.bucket()?;
    asked.store.would_allow(ctx, asked.call.operation.action, bucket, None).await?;
    let confirmed = match asked.text("x-amz-confirm-remove-self-bucket-access")? {
        None => false,
        Some(text) if text.eq_ignore_ascii_case("true") => true,
        Some(text) if text.eq_ignore_ascii_case("false") => false,
        Some(text) => {
            let name = "x-amz-confirm-remove-self-bucket-access";
            return Err(S3Error::argument(name, text, "It must be true or false.").into());
        }
    };
    // One byte more than a policy may have, so that one that is too long is told so.
    let document = sent.document(asked, limits::POLICY_BYTES + 1).await.map_err(too_long)?;
    let text = std::str::from_utf8(&document.bytes)
        .map_err(|_| S3Error::with_message(Code::MalformedPolicy, "The policy is not valid UTF-8."))?;
    asked.store.put_bucket_policy(ctx, bucket, text, confirmed).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

pub(super) async fn delete(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    asked.store.delete_bucket_policy(ctx, asked.bucket()?).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

fn missing(error: Error) -> Failure {
    match error {
        Error::NotSet => Code::NoSuchBucketPolicy.into(),
        error => error.into(),
    }
}

fn too_long(error: S3Error) -> S3Error {
    match error.code() {
        Code::MaxMessageLengthExceeded => {
            S3Error::with_message(Code::MalformedPolicy, "Policies must be at most 20 KB.")
        }
        _ => error,
    }
}
