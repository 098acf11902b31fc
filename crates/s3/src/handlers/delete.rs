//! Removal of objects, one or many.

use std::fmt::Display;

use bytes::Bytes;
use http::StatusCode;
use model::ObjectKey;
use operations::{Context, Tags, WriteConditions};

use super::{Asked, DELETE_BYTES, Failure, Sent, headers};
use crate::error::{Code, S3Error};
use crate::reply::{self, Reply};
use crate::xml::answers::{self, DeleteLine};

pub(super) async fn one(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    if asked.text("if-none-match")?.is_some() {
        return Err(headers::not_implemented("If-None-Match").into());
    }
    let conditions = headers::write_conditions(asked)?;
    asked.store.delete_object(ctx, asked.bucket()?, asked.key()?, asked.version(), &conditions).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

pub(super) async fn many<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let document = sent.document(asked, DELETE_BYTES).await?;
    if !document.digested {
        let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return Err(S3Error::with_message(Code::InvalidRequest, message).into());
    }
    let delete = answers::read_delete(&document.bytes)?;
    let read: Vec<Result<_, S3Error>> = delete.objects.iter().map(target).collect();
    let targets = read.iter().filter_map(|target| target.as_ref().ok().cloned()).collect();
    let mut outcomes = asked.store.delete_objects(ctx, asked.bucket()?, targets).await?.into_iter();
    let ends = read.into_iter().map(|target| {
        let told = target.err().or_else(|| match outcomes.next() {
            Some(Ok(())) => None,
            Some(Err(error)) => Some(reply::explain(error, &ctx.request_id)),
            None => Some(Code::InternalError.into()),
        });
        told.map_or(Ok(()), |error| Err((error.code().as_str(), error.message().to_owned())))
    });
    let ends: Vec<_> = ends.collect();
    Ok(reply::xml(answers::deleted(&delete, &ends)))
}

/// What one line of a request names; what is wrong with one concerns no other.
fn target(line: &DeleteLine) -> Result<(ObjectKey, Option<String>, WriteConditions), S3Error> {
    if line.asks_for_more {
        return Err(Code::NotImplemented.into());
    }
    let key = ObjectKey::new(line.key.as_str()).map_err(|_| S3Error::new(Code::KeyTooLongError))?;
    let conditions = WriteConditions { if_match: line.etag.as_deref().map(Tags::parse), if_none_match: false };
    Ok((key, line.version.clone(), conditions))
}
