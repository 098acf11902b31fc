//! Multipart uploads: begun, filled, completed, given up.

use std::fmt::Display;

use bytes::Bytes;
use http::header::ETAG;
use http::{HeaderName, HeaderValue, StatusCode};
use model::{Action, ChecksumAlgorithm, ChecksumKind};
use operations::{BeginUpload, CompleteUpload, Context};

use super::copy::part_target;
use super::object_read::show_value;
use super::{Asked, COMPLETE_BYTES, Failure, Sent, headers, stored};
use crate::checksum;
use crate::error::{Code, S3Error};
use crate::reply::{self, Reply};
use crate::xml::answers;

const ALGORITHM: HeaderName = HeaderName::from_static("x-amz-checksum-algorithm");
const KIND: HeaderName = HeaderName::from_static("x-amz-checksum-type");

pub(super) async fn create(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let algorithm = headers::algorithm(asked, ALGORITHM.as_str())?;
    let checksum = match (algorithm, kind(asked)?) {
        (Some(algorithm), kind) => Some((algorithm, kind.unwrap_or(default_kind(algorithm)))),
        (None, None) => None,
        (None, Some(_)) => {
            let message = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.";
            return Err(S3Error::with_message(Code::InvalidRequest, message).into());
        }
    };
    let (bucket, key) = (asked.bucket()?, asked.key()?);
    let begin = BeginUpload { bucket, key, described: headers::described(asked)?, acl: headers::acl(asked)?, checksum };
    let upload = asked.store.begin_upload(ctx, begin).await?;
    let mut reply = reply::xml(answers::initiated(bucket.as_str(), key.as_str(), upload.as_str()));
    if let Some((algorithm, kind)) = checksum {
        reply.headers_mut().insert(ALGORITHM, HeaderValue::from_static(algorithm.as_str()));
        reply.headers_mut().insert(KIND, HeaderValue::from_static(kind.as_str()));
    }
    Ok(reply)
}

/// What S3 makes of an algorithm where the request does not say: SHA values do not combine, and for the older CRCs it
/// stays with what it did before it could combine them.
fn default_kind(algorithm: ChecksumAlgorithm) -> ChecksumKind {
    match algorithm {
        ChecksumAlgorithm::Crc64Nvme => ChecksumKind::FullObject,
        ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c | ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => {
            ChecksumKind::Composite
        }
    }
}

fn kind(asked: &Asked<'_>) -> Result<Option<ChecksumKind>, S3Error> {
    let Some(text) = asked.text(KIND.as_str())? else { return Ok(None) };
    let unknown = || S3Error::argument(KIND.as_str(), text, "Value for x-amz-checksum-type header is invalid.");
    ChecksumKind::parse(text).ok_or_else(unknown).map(Some)
}

pub(super) async fn upload_part<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let target = part_target(asked)?;
    let mut source = sent.source(asked)?;
    let algorithm = source.checksum_algorithm();
    let written = asked.store.put_part(ctx, target, algorithm, &mut source).await;
    let written = written.map_err(|error| stored(error, &mut source))?;
    let mut reply = reply::empty(StatusCode::OK);
    reply.headers_mut().insert(ETAG, reply::quoted(written.etag.as_str()));
    if let Some(checksum) = &written.checksum {
        show_value(reply.headers_mut(), checksum);
    }
    Ok(reply)
}

pub(super) async fn complete<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let (bucket, key) = (asked.bucket()?, asked.key()?);
    let conditions = headers::write_conditions(asked)?;
    let kind = kind(asked)?;
    let size = match asked.text("x-amz-mp-object-size")? {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            S3Error::argument("x-amz-mp-object-size", text, "Value for x-amz-mp-object-size header is invalid.")
        })?),
    };
    let announced = object_checksum(asked)?;
    // Whoever may not write need not send the list of parts.
    asked.store.would_allow(ctx, Action::PutObject, bucket, Some(key)).await?;
    let document = sent.document(asked, COMPLETE_BYTES).await?;
    let parts = answers::read_complete(&document.bytes)?;
    let checksum = match announced {
        None => None,
        Some((_, _, Some(count))) if count != parts.len() => {
            let message = "The number of parts in the checksum differs from the number of parts named.";
            return Err(S3Error::with_message(Code::InvalidRequest, message).into());
        }
        Some((algorithm, value, _)) => Some((algorithm, value)),
    };
    let upload = asked.query("uploadId").unwrap_or_default();
    let complete = CompleteUpload { bucket, key, upload, parts, checksum, kind, size, conditions };
    let written = asked.store.complete_upload(ctx, complete).await?;
    let head = &asked.call.head;
    let scheme = if head.tls.is_some() { "https" } else { "http" };
    let location = format!("{scheme}://{}{}", head.host(), head.raw_path());
    Ok(reply::xml(answers::completed(&location, bucket.as_str(), key.as_str(), &written)))
}

/// An algorithm, a value by it, and of how many parts it is, where it says so.
type Announced = (ChecksumAlgorithm, Vec<u8>, Option<usize>);

/// What the headers say that the whole object's checksum is.
fn object_checksum(asked: &Asked<'_>) -> Result<Option<Announced>, S3Error> {
    let mut found = None;
    for algorithm in ChecksumAlgorithm::ALL {
        let header = algorithm.header();
        let Some(text) = asked.text(header)? else { continue };
        if found.is_some() {
            let message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
            return Err(S3Error::with_message(Code::InvalidRequest, message));
        }
        let bad = || S3Error::with_message(Code::InvalidRequest, format!("Value for {header} header is invalid."));
        // Base64 knows no hyphen, so it can only come before the number of parts.
        let (value, count) = match text.split_once('-') {
            None => (text, None),
            Some((value, count)) => (value, Some(count.parse().map_err(|_| bad())?)),
        };
        found = Some((algorithm, checksum::read(algorithm, value).ok_or_else(bad)?, count));
    }
    Ok(found)
}

pub(super) async fn abort(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let upload = asked.query("uploadId").unwrap_or_default();
    asked.store.abort_upload(ctx, asked.bucket()?, asked.key()?, upload).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
