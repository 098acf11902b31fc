//! Answers: their bodies, and the one mapping from what went wrong in the store to what S3 calls it.
//!
//! The key decision: the first bytes of a body are there before the answer begins. So a small object leaves with its
//! head in one write, and a body that cannot be read is an honest error; only what breaks later cuts the connection,
//! because then nothing else can tell the client that it has not got everything.
//!
//! Invariants: a body is exactly as long as its head says, or the connection breaks; texts of the store's inner errors
//! go to the log under the request's id, never to a client.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as Task, Poll};

use access::DenialKind;
use bytes::Bytes;
use futures_util::Stream;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::{Frame, SizeHint};
use operations::{Body, Error};

use crate::dates::http_date;
use crate::error::{Code, S3Error};
use crate::xml::Xml;

/// An answer.
pub(crate) type Reply = http::Response<ReplyBody>;

/// The body of an answer.
pub struct ReplyBody(Inner);

enum Inner {
    /// All of it; empty once it is sent.
    Whole(Bytes),
    /// An object's bytes as they are read, and how many are still to come.
    Chunks { chunks: Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>, left: u64 },
}

/// An object's bytes could not be read to their end. Says no more: who sent the request sees a broken connection.
#[derive(Debug)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object's bytes could not be read to their end")
    }
}

impl std::error::Error for Broken {}

impl ReplyBody {
    /// None.
    pub(crate) fn empty() -> Self {
        ReplyBody(Inner::Whole(Bytes::new()))
    }

    /// These bytes.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        ReplyBody(Inner::Whole(bytes.into()))
    }

    /// The `len` bytes that `body` gives out, of which the first are read at once.
    pub(crate) async fn of_object(mut body: Body, len: u64, request_id: &str) -> Result<Self, Error> {
        let first = body.next().await?.unwrap_or_default();
        if first.len() as u64 == len {
            return Ok(ReplyBody::whole(first));
        }
        let request_id = request_id.to_owned();
        let rest = futures_util::stream::unfold((body, Some(first)), move |(mut body, first)| {
            let request_id = request_id.clone();
            async move {
                let next = match first {
                    Some(first) => Ok(Some(first)),
                    None => body.next().await,
                };
                if let Err(error) = &next {
                    tracing::error!(%request_id, %error, "an object could not be read to its end; the connection is cut");
                }
                next.transpose().map(|next| (next, (body, None)))
            }
        });
        Ok(ReplyBody(Inner::Chunks { chunks: Box::pin(rest), left: len }))
    }
}

impl http_body::Body for ReplyBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.0 {
            Inner::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Inner::Chunks { chunks, left } => match chunks.as_mut().poll_next(task) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(None) if *left == 0 => Poll::Ready(None),
                Poll::Ready(Some(Ok(bytes))) if bytes.len() as u64 <= *left => {
                    *left -= bytes.len() as u64;
                    Poll::Ready(Some(Ok(Frame::data(bytes))))
                }
                Poll::Ready(_) => Poll::Ready(Some(Err(Broken))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Whole(bytes) => bytes.is_empty(),
            Inner::Chunks { left, .. } => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.0 {
            Inner::Whole(bytes) => bytes.len() as u64,
            Inner::Chunks { left, .. } => *left,
        })
    }
}

/// Room for the headers of any answer but one with much metadata.
const HEADERS: usize = 12;

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    empty_in(HeaderMap::new(), status)
}

/// The same, whose headers go into `room`: an empty map.
pub(crate) fn empty_in(mut room: HeaderMap, status: StatusCode) -> Reply {
    room.reserve(HEADERS);
    let mut reply = Reply::new(ReplyBody::empty());
    *reply.status_mut() = status;
    *reply.headers_mut() = room;
    reply
}

/// An answer in XML.
pub(crate) fn xml(document: String) -> Reply {
    let mut reply = empty(StatusCode::OK);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    *reply.body_mut() = ReplyBody::whole(document);
    reply
}

/// An entity tag as a header's value: in quotes.
pub(crate) fn quoted(tag: &str) -> HeaderValue {
    let mut text = Vec::with_capacity(tag.len() + 2);
    text.push(b'"');
    text.extend_from_slice(tag.as_bytes());
    text.push(b'"');
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("a tag is hexadecimal digits and a hyphen")
}

/// A refusal. `resource` is the path as it was sent; where the request was a HEAD there is no body.
pub(crate) fn refuse(error: &S3Error, resource: &str, request_id: &str, host_id: &str, is_head: bool) -> Reply {
    let mut reply = empty(error.status());
    reply.headers_mut().extend(error.headers().iter().cloned());
    if is_head || error.status() == StatusCode::NOT_MODIFIED {
        return reply;
    }
    let mut document = Xml::plain("Error");
    document.element("Code", error.code().as_str());
    document.element("Message", error.message());
    for (name, text) in error.details() {
        document.element(name, text);
    }
    document.element("Resource", resource);
    document.element("RequestId", request_id);
    document.element("HostId", host_id);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    *reply.body_mut() = ReplyBody::whole(document.finish());
    reply
}

/// What S3 calls what went wrong in the store. What only the operator should know is logged here.
pub(crate) fn explain(error: Error, request_id: &str) -> S3Error {
    log(&error, request_id);
    named(error)
}

/// Where the request is not known by name yet: while it is found out who sent it.
impl From<Error> for S3Error {
    fn from(error: Error) -> Self {
        log(&error, "");
        named(error)
    }
}

/// Logs what a caller is not told.
fn log(error: &Error, request_id: &str) {
    match error {
        Error::Contention => tracing::warn!(%request_id, "a change met others again and again and was given up"),
        Error::Full => tracing::error!(%request_id, "no space is left to store the request"),
        Error::Unavailable(_) | Error::Damaged(_) => tracing::error!(%request_id, %error, "a request failed"),
        _ => {}
    }
}

fn named(error: Error) -> S3Error {
    match error {
        Error::AccessDenied(denial) => match denial.kind() {
            DenialKind::AccessDenied => Code::AccessDenied.into(),
            DenialKind::NotSignedUp => Code::NotSignedUp.into(),
            DenialKind::MethodNotAllowed => Code::MethodNotAllowed.into(),
        },
        Error::WrongBucketOwner | Error::NeedsAccount | Error::PublicAclBlocked | Error::PublicPolicyBlocked => {
            Code::AccessDenied.into()
        }
        Error::MalformedPolicy(message) => S3Error::with_message(Code::MalformedPolicy, message),
        Error::SelfLockout => {
            let message = "The new policy would take away your own right to change it. Confirm that with \
                           x-amz-confirm-remove-self-bucket-access: true.";
            S3Error::with_message(Code::AccessDenied, message)
        }
        Error::InvalidAccessKey => Code::InvalidAccessKeyId.into(),
        Error::AclsDisabled => Code::AccessControlListNotSupported.into(),
        Error::OwnershipAgainstAcl => Code::InvalidBucketAclWithObjectOwnership.into(),
        Error::NoSuchBucket => Code::NoSuchBucket.into(),
        Error::NoSuchKey => Code::NoSuchKey.into(),
        Error::NoSuchVersion => Code::NoSuchVersion.into(),
        Error::NoSuchUpload => Code::NoSuchUpload.into(),
        Error::BucketAlreadyExists => Code::BucketAlreadyExists.into(),
        Error::BucketNotEmpty => Code::BucketNotEmpty.into(),
        Error::TooManyBuckets => Code::TooManyBuckets.into(),
        Error::TooManyKeys => S3Error::with_message(Code::InvalidRequest, "The account has too many access keys"),
        Error::NotSet => Code::NoSuchConfiguration.into(),
        Error::PreconditionFailed(header) => S3Error::new(Code::PreconditionFailed).with_detail("Condition", header),
        Error::NotModified { etag, modified } => S3Error::new(Code::NotModified)
            .with_header(ETAG, quoted(etag.as_str()))
            .with_header(LAST_MODIFIED, http_date(modified)),
        Error::InvalidRange { len } => unsatisfiable(Code::InvalidRange, len),
        Error::InvalidPart => Code::InvalidPart.into(),
        Error::InvalidPartOrder => Code::InvalidPartOrder.into(),
        Error::EntityTooSmall => Code::EntityTooSmall.into(),
        Error::EntityTooLarge => Code::EntityTooLarge.into(),
        Error::BadDigest { header } => bad_digest(header),
        Error::Aborted => Code::IncompleteBody.into(),
        Error::UnresolvableEmail => Code::UnresolvableGrantByEmailAddress.into(),
        Error::InvalidArgument { name, message } => {
            S3Error::with_message(Code::InvalidArgument, message).with_detail("ArgumentName", name)
        }
        Error::InvalidRequest(message) => S3Error::with_message(Code::InvalidRequest, message),
        Error::QuotaExceeded => Code::QuotaExceeded.into(),
        Error::SlowDown | Error::Contention => Code::SlowDown.into(),
        Error::Full => Code::InsufficientStorage.into(),
        Error::Unavailable(_) => Code::ServiceUnavailable.into(),
        Error::Damaged(_) => Code::InternalError.into(),
    }
}

/// There are no such bytes in an object that is `len` bytes long.
pub(crate) fn unsatisfiable(code: Code, len: u64) -> S3Error {
    let range = HeaderValue::from_str(&format!("bytes */{len}")).expect("digits are visible ASCII");
    S3Error::new(code).with_detail("ActualObjectSize", len.to_string()).with_header(CONTENT_RANGE, range)
}

fn bad_digest(header: &'static str) -> S3Error {
    let name = match header.strip_prefix("x-amz-checksum-") {
        Some(algorithm) => algorithm.to_ascii_uppercase(),
        None => header.to_owned(),
    };
    S3Error::with_message(Code::BadDigest, format!("The {name} you specified did not match the calculated checksum."))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn chunks(parts: Vec<Result<&'static [u8], Error>>, left: u64) -> ReplyBody {
        let parts = parts.into_iter().map(|part| part.map(Bytes::from_static));
        ReplyBody(Inner::Chunks { chunks: Box::pin(futures_util::stream::iter(parts)), left })
    }

    #[tokio::test]
    async fn a_body_is_as_long_as_announced_or_breaks() {
        let whole = chunks(vec![Ok(b"ab"), Ok(b"c")], 3).collect().await.unwrap();
        assert_eq!(whole.to_bytes(), "abc");
        for broken in [
            chunks(vec![Ok(b"ab")], 3),
            chunks(vec![Ok(b"abcd")], 3),
            chunks(vec![Ok(b"ab"), Err(Error::Damaged("disk".into()))], 3),
        ] {
            assert_eq!(http_body::Body::size_hint(&broken).exact(), Some(3));
            assert!(broken.collect().await.is_err());
        }
    }

    #[tokio::test]
    async fn a_refusal_names_what_was_asked_and_tells_nothing_of_the_inside() {
        let error = explain(Error::Damaged("page 7 of /secret/path".into()), "R1");
        let reply = refuse(&error, "/b/<k>", "R1", "H1", false);
        assert_eq!(reply.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        let body = std::str::from_utf8(&body).unwrap();
        assert!(
            body.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code><Message>")
        );
        assert!(
            body.ends_with("<Resource>/b/&lt;k&gt;</Resource><RequestId>R1</RequestId><HostId>H1</HostId></Error>")
        );
        assert!(!body.contains("secret"));
    }

    #[test]
    fn a_head_and_a_not_modified_have_no_body_but_their_headers() {
        let etag = model::ETag::from_md5([0; 16]);
        let error = explain(Error::NotModified { etag, modified: model::Timestamp::from_seconds(0) }, "R1");
        let reply = refuse(&error, "/b/k", "R1", "H1", false);
        assert_eq!(reply.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(reply.headers()[ETAG], "\"00000000000000000000000000000000\"");
        assert_eq!(reply.headers()[LAST_MODIFIED], "Thu, 01 Jan 1970 00:00:00 GMT");
        assert!(http_body::Body::is_end_stream(reply.body()));
        let range = refuse(&explain(Error::InvalidRange { len: 5 }, "R1"), "/b/k", "R1", "H1", true);
        assert_eq!(range.headers()[CONTENT_RANGE], "bytes */5");
        assert!(http_body::Body::is_end_stream(range.body()));
    }
}
