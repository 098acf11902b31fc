//! One function for each operation: from a call and its body to an answer.
//!
//! A handler reads what the request says, refuses what it does not understand, and asks the store, which decides. It
//! decides nothing over access itself; where it has to read a document before the store can decide, it asks first.

mod acl;
mod bucket;
mod copy;
mod delete;
mod form;
pub(crate) mod headers;
mod list;
mod multipart;
mod object_read;
mod object_write;
mod policy;
mod service;
mod settings;
mod tagging;

use std::fmt::Display;

use bytes::Bytes;
use http::HeaderMap;
use model::{BucketName, ObjectKey, Timestamp};
use operations::{Context, Store};

use crate::error::{Code, S3Error};
use crate::reply::{self, Reply};
use crate::service::Watched;
use crate::table::Op;
use crate::wire::Config;
use crate::wire::body::{self, BodySource};
use crate::wire::facts::Proof;
use crate::wire::head::HeadError;
use crate::wire::payload::Payload;
use crate::wire::router::Call;
use crate::xml::Malformed;

/// Longest XML body of most operations, in bytes.
const DOCUMENT_BYTES: usize = 1024 * 1024;
/// Longest body of DeleteObjects, in bytes: a thousand keys of 1,024 bytes, escaped.
const DELETE_BYTES: usize = 2 * 1024 * 1024;
/// Longest body of CompleteMultipartUpload, in bytes: ten thousand parts, each with a SHA-256, indented.
const COMPLETE_BYTES: usize = 3 * 1024 * 1024;

/// What is asked, and of whom.
pub(crate) struct Asked<'a> {
    pub(crate) store: &'a Store,
    pub(crate) config: &'a Config,
    pub(crate) call: &'a Call,
    /// How it was proven who asks.
    pub(crate) proof: Proof,
    /// When the request's head was complete.
    pub(crate) received: Timestamp,
}

impl<'a> Asked<'a> {
    /// The bucket. The router gives one to every operation that is not the service's.
    fn bucket(&self) -> Result<&'a BucketName, S3Error> {
        self.call.bucket.as_ref().ok_or(S3Error::new(Code::NoSuchBucket))
    }

    /// The key. The router gives one to every operation on an object.
    fn key(&self) -> Result<&'a ObjectKey, S3Error> {
        self.call.key.as_ref().ok_or(S3Error::new(Code::NoSuchKey))
    }

    fn version(&self) -> Option<&'a str> {
        self.call.version.as_deref()
    }

    /// A header's value; one that is no text is refused by name.
    #[inline]
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, S3Error> {
        self.call.head.text(name).map_err(|_| not_text(name))
    }

    #[inline]
    fn query(&self, key: &str) -> Option<&'a str> {
        self.call.head.query(key)
    }

    /// A number in the query, `least` at the least; a blank one counts as absent.
    fn number(&self, key: &'static str, least: u32) -> Result<Option<u32>, S3Error> {
        let Some(text) = self.query(key).filter(|text| !text.is_empty()) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=i32::MAX as u32).contains(number));
        let bad = || S3Error::argument(key, text, format!("Provided {key} not an integer or within integer range"));
        number.ok_or_else(bad).map(Some)
    }
}

#[cold]
fn not_text(name: &str) -> S3Error {
    S3Error::with_message(Code::InvalidArgument, format!("The header {name} is not valid UTF-8."))
}

/// A request's body, not read yet.
pub(crate) struct Sent<'a, B> {
    /// How it is to be read and verified.
    pub(crate) payload: Payload,
    pub(crate) body: &'a mut Watched<B>,
    /// Room for an answer's headers that is there already, or none.
    pub(crate) room: HeaderMap,
}

impl<'a, B> Sent<'a, B>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    /// The body as an object's bytes.
    fn source(self, asked: &Asked<'_>) -> Result<BodySource<&'a mut Watched<B>>, S3Error> {
        body::open(self.payload, &asked.call.head, self.body)
    }

    /// The body as a document.
    async fn document(self, asked: &Asked<'_>, limit: usize) -> Result<body::Document, S3Error> {
        body::read_all(self.payload, &asked.call.head, self.body, limit).await
    }
}

/// Why an operation did not happen: the wire said so, or the store.
#[derive(Debug)]
pub(crate) enum Failure {
    /// As the caller will be told.
    Refused(S3Error),
    /// In the store's terms.
    Store(operations::Error),
}

impl Failure {
    /// As the caller is told.
    pub(crate) fn explain(self, request_id: &str) -> S3Error {
        match self {
            Failure::Refused(error) => error,
            Failure::Store(error) => reply::explain(error, request_id),
        }
    }
}

impl From<S3Error> for Failure {
    fn from(error: S3Error) -> Self {
        Failure::Refused(error)
    }
}

impl From<operations::Error> for Failure {
    fn from(error: operations::Error) -> Self {
        Failure::Store(error)
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Failure::Refused(code.into())
    }
}

impl From<HeadError> for Failure {
    fn from(error: HeadError) -> Self {
        Failure::Refused(error.into())
    }
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Failure::Refused(malformed.into())
    }
}

impl From<Malformed> for S3Error {
    fn from(Malformed: Malformed) -> Self {
        Code::MalformedXML.into()
    }
}

/// Why a body could not be stored: if it broke off, its source knows.
fn stored<B>(error: operations::Error, source: &mut BodySource<B>) -> Failure {
    match error {
        operations::Error::Aborted => Failure::Refused(source.take_error().unwrap_or(Code::IncompleteBody.into())),
        error => Failure::Store(error),
    }
}

/// Carries out what is asked.
///
/// A future is as large as the largest that it may await, and is moved to its place with every request. So the reads,
/// which are short and many, are awaited here, and whatever else there is in a place of its own.
pub(crate) async fn carry_out<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    headers::refuse_unsupported(asked)?;
    match asked.call.operation.op {
        Op::GetObject => object_read::get(asked, ctx, sent.room).await,
        Op::HeadObject => object_read::head(asked, ctx, sent.room).await,
        op => Box::pin(carry_out_apart(op, asked, ctx, sent)).await,
    }
}

/// What [`carry_out`] does not do itself.
async fn carry_out_apart<B>(op: Op, asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    match op {
        Op::ListBuckets => service::list_buckets(asked, ctx).await,

        Op::CreateBucket => bucket::create(asked, ctx, sent).await,
        Op::HeadBucket => bucket::head(asked, ctx).await,
        Op::DeleteBucket => bucket::delete(asked, ctx).await,
        Op::GetBucketLocation => bucket::location(asked, ctx).await,

        Op::GetBucketAcl => acl::get_bucket(asked, ctx).await,
        Op::PutBucketAcl => acl::put_bucket(asked, ctx, sent).await,
        Op::GetObjectAcl => acl::get_object(asked, ctx).await,
        Op::PutObjectAcl => acl::put_object(asked, ctx, sent).await,

        Op::GetBucketOwnershipControls => settings::get_ownership(asked, ctx).await,
        Op::PutBucketOwnershipControls => settings::put_ownership(asked, ctx, sent).await,
        Op::DeleteBucketOwnershipControls => settings::delete_ownership(asked, ctx).await,
        Op::GetPublicAccessBlock => settings::get_public_access_block(asked, ctx).await,
        Op::PutPublicAccessBlock => settings::put_public_access_block(asked, ctx, sent).await,
        Op::DeletePublicAccessBlock => settings::delete_public_access_block(asked, ctx).await,

        Op::GetBucketTagging => tagging::get_bucket(asked, ctx).await,
        Op::PutBucketTagging => tagging::put_bucket(asked, ctx, sent).await,
        Op::DeleteBucketTagging => tagging::delete_bucket(asked, ctx).await,
        Op::GetObjectTagging => tagging::get_object(asked, ctx).await,
        Op::PutObjectTagging => tagging::put_object(asked, ctx, sent).await,
        Op::DeleteObjectTagging => tagging::delete_object(asked, ctx).await,

        Op::GetBucketPolicy => policy::get(asked, ctx).await,
        Op::GetBucketPolicyStatus => policy::status(asked, ctx).await,
        Op::PutBucketPolicy => policy::put(asked, ctx, sent).await,
        Op::DeleteBucketPolicy => policy::delete(asked, ctx).await,

        Op::ListObjects => list::objects_v1(asked, ctx).await,
        Op::ListObjectsV2 => list::objects_v2(asked, ctx).await,
        Op::ListObjectVersions => list::versions(asked, ctx).await,
        Op::ListMultipartUploads => list::uploads(asked, ctx).await,
        Op::ListParts => list::parts(asked, ctx).await,

        Op::GetObjectAttributes => object_read::attributes(asked, ctx).await,
        Op::PutObject => object_write::put(asked, ctx, sent).await,
        Op::CopyObject => copy::object(asked, ctx).await,
        Op::DeleteObject => delete::one(asked, ctx).await,
        Op::DeleteObjects => delete::many(asked, ctx, sent).await,

        Op::PostObject => form::post(asked, ctx, sent).await,

        Op::CreateMultipartUpload => multipart::create(asked, ctx).await,
        Op::UploadPart => multipart::upload_part(asked, ctx, sent).await,
        Op::UploadPartCopy => copy::part(asked, ctx).await,
        Op::CompleteMultipartUpload => multipart::complete(asked, ctx, sent).await,
        Op::AbortMultipartUpload => multipart::abort(asked, ctx).await,

        _ => settings::unset(asked, ctx).await,
    }
}
