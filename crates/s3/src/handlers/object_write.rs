//! PutObject.

use std::fmt::Display;

use bytes::Bytes;
use http::StatusCode;
use http::header::ETAG;
use model::ChecksumAlgorithm;
use operations::{Context, PutObject};

use super::object_read::show;
use super::{Asked, Failure, Sent, headers, stored};
use crate::reply::{self, Reply};

/// By which algorithm an object's checksum is where its writer named none: S3's choice since December 2024.
pub(super) const DEFAULT_CHECKSUM: ChecksumAlgorithm = ChecksumAlgorithm::Crc64Nvme;

pub(super) async fn put<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let (described, acl) = (headers::described(asked)?, headers::acl(asked)?);
    let conditions = headers::write_conditions(asked)?;
    let mut source = sent.source(asked)?;
    let put = PutObject {
        bucket: asked.bucket()?,
        key: asked.key()?,
        described,
        acl,
        conditions,
        algorithm: source.checksum_algorithm().unwrap_or(DEFAULT_CHECKSUM),
    };
    let written = asked.store.put_object(ctx, put, &mut source).await;
    let written = written.map_err(|error| stored(error, &mut source))?;
    let mut reply = reply::empty(StatusCode::OK);
    reply.headers_mut().insert(ETAG, reply::quoted(written.etag.as_str()));
    if let Some(checksum) = &written.checksum {
        show(reply.headers_mut(), checksum);
    }
    Ok(reply)
}
