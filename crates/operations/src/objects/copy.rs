//! CopyObject, and the source side of UploadPartCopy: reading needs what GetObject needs, writing what PutObject needs.

use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

use catalog::Object;
use model::{BucketName, ChecksumAlgorithm, ObjectKey, TagSet, limits};

use crate::acls::AclInput;
use crate::body::Body;
use crate::intake::{Aborted, Expected, Source};
use crate::objects::{Described, GetObject, PutObject, Wanted, Written};
use crate::preconditions::{ReadConditions, WriteConditions};
use crate::{Context, Error, Store};

/// What is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySource {
    /// From which bucket.
    pub bucket: BucketName,
    /// Which object.
    pub key: ObjectKey,
    /// Which version.
    pub version: Option<String>,
    /// On which conditions.
    pub conditions: ReadConditions,
    /// Whose bucket it must be: an account id.
    pub expected_owner: Option<String>,
}

/// Where a copy's headers and metadata come from. Its tags have a directive of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// From the source.
    Copy,
    /// From the request.
    Replace(Box<Described>),
}

/// A CopyObject.
pub struct CopyObject<'a> {
    /// What.
    pub source: CopySource,
    /// Into which bucket.
    pub bucket: &'a BucketName,
    /// Under which key.
    pub key: &'a ObjectKey,
    /// With which headers and metadata.
    pub directive: Directive,
    /// With which tags; the source's if `None`, which takes the right to read them there.
    pub tags: Option<TagSet>,
    /// With which ACL: never the source's.
    pub acl: AclInput,
    /// On which conditions on what is there.
    pub conditions: WriteConditions,
    /// By which algorithm the checksum is; the source's unless given.
    pub algorithm: Option<ChecksumAlgorithm>,
}

/// Reads a body of this store as the body of a write.
pub(crate) struct FromBody {
    body: Body,
    pub failed: Option<Error>,
}

impl FromBody {
    pub(crate) fn new(body: Body) -> Self {
        FromBody { body, failed: None }
    }
}

#[async_trait]
impl Source for FromBody {
    async fn next(&mut self) -> Result<Option<Bytes>, Aborted> {
        self.body.next().await.map_err(|error| {
            self.failed = Some(error);
            Aborted
        })
    }

    fn expected(&mut self) -> Result<Expected, Aborted> {
        Ok(Expected::default())
    }
}

impl Store {
    /// Copies an object.
    ///
    /// # Errors
    /// [`Error`]; nothing became visible. A condition on the source that fails is a [`Error::PreconditionFailed`] here.
    pub async fn copy_object(&self, ctx: &mut Context, copy: CopyObject<'_>) -> Result<Written, Error> {
        let (object, body) = self.open_source(ctx, &copy.source, Wanted::Whole).await?;
        let onto_itself = copy.source.bucket == *copy.bucket && copy.source.key == *copy.key;
        let tags = match copy.tags {
            Some(tags) => tags,
            None => {
                let ctx = Context { expected_owner: copy.source.expected_owner.clone(), ..ctx.clone() };
                self.may_copy_tags(&ctx, &copy.source.bucket, &object).await?;
                object.tags.clone()
            }
        };
        let described = match copy.directive {
            Directive::Replace(described) => Described { tags, ..*described },
            Directive::Copy if onto_itself && copy.acl == AclInput::Default => {
                return Err(Error::InvalidRequest(
                    "This copy request is illegal because it is trying to copy an object to itself without changing \
                     the object's metadata, storage class, website redirect location or encryption attributes."
                        .into(),
                ));
            }
            Directive::Copy => Described { headers: object.headers.clone(), metadata: object.metadata.clone(), tags },
        };
        let kept = object.checksum.as_ref().map_or(ChecksumAlgorithm::Crc64Nvme, |c| c.algorithm);
        let put = PutObject {
            bucket: copy.bucket,
            key: copy.key,
            described,
            acl: copy.acl,
            conditions: copy.conditions,
            algorithm: copy.algorithm.unwrap_or(kept),
        };
        let mut source = FromBody::new(body);
        let written = self.put_object(ctx, put, &mut source).await;
        written.map_err(|error| source.failed.take().unwrap_or(error))
    }

    /// Opens the source of a copy.
    pub(crate) async fn open_source(
        &self,
        ctx: &Context,
        source: &CopySource,
        wanted: Wanted,
    ) -> Result<(Arc<Object>, Body), Error> {
        let get = GetObject {
            bucket: &source.bucket,
            key: &source.key,
            version: source.version.as_deref(),
            wanted,
            conditions: source.conditions.clone(),
        };
        let ctx = Context { expected_owner: source.expected_owner.clone(), ..ctx.clone() };
        let opened = self.get_object(&ctx, &get).await;
        let (found, body) = opened.map_err(|error| match error {
            Error::NotModified { .. } => Error::PreconditionFailed("x-amz-copy-source-If-None-Match"),
            other => other,
        })?;
        if found.range.end - found.range.start > limits::SINGLE_PUT_BYTES {
            return Err(Error::InvalidRequest(
                "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"
                    .into(),
            ));
        }
        Ok((found.object, body.stays()))
    }
}
