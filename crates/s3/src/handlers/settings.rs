//! Settings: the two that can be set, and how S3 answers for all those that nobody set or can set yet.
//!
//! Whoever asks is authorised first, so that a probe tells no stranger whether a bucket exists. Removing what was never
//! set succeeds, as in S3; setting what does not exist here is refused and changes nothing.

use std::fmt::Display;

use bytes::Bytes;
use http::StatusCode;
use model::ObjectOwnership;
use operations::{Context, Error, GetObject, ReadConditions, Wanted};

use super::{Asked, DOCUMENT_BYTES, Failure, Sent};
use crate::error::{Code, S3Error};
use crate::reply::{self, Reply};
use crate::table::{Op, Target};
use crate::xml::{Xml, settings};

pub(super) async fn get_ownership(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let set = asked.store.bucket_settings(ctx, asked.call.operation.action, asked.bucket()?).await?.ownership;
    match set.filter(|ownership| *ownership != ObjectOwnership::OwnerOwns) {
        Some(ownership) => Ok(reply::xml(settings::write_ownership(ownership))),
        None => Err(Code::OwnershipControlsNotFoundError.into()),
    }
}

pub(super) async fn put_ownership<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let bucket = asked.bucket()?;
    asked.store.would_allow(ctx, asked.call.operation.action, bucket, None).await?;
    let document = sent.document(asked, DOCUMENT_BYTES).await?;
    let ownership = settings::read_ownership(&document.bytes)?;
    asked.store.put_bucket_ownership(ctx, bucket, Some(ownership)).await?;
    Ok(reply::empty(StatusCode::OK))
}

pub(super) async fn delete_ownership(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    asked.store.put_bucket_ownership(ctx, asked.bucket()?, None).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

pub(super) async fn get_public_access_block(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    match asked.store.bucket_settings(ctx, asked.call.operation.action, asked.bucket()?).await?.public_access_block {
        Some(block) => Ok(reply::xml(settings::write_public_access_block(block))),
        None => Err(Code::NoSuchPublicAccessBlockConfiguration.into()),
    }
}

pub(super) async fn put_public_access_block<B>(
    asked: &Asked<'_>,
    ctx: &mut Context,
    sent: Sent<'_, B>,
) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let bucket = asked.bucket()?;
    asked.store.would_allow(ctx, asked.call.operation.action, bucket, None).await?;
    let document = sent.document(asked, DOCUMENT_BYTES).await?;
    let block = settings::read_public_access_block(&document.bytes)?;
    asked.store.put_public_access_block(ctx, bucket, Some(block)).await?;
    Ok(reply::empty(StatusCode::OK))
}

pub(super) async fn delete_public_access_block(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    asked.store.put_public_access_block(ctx, asked.bucket()?, None).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// What S3 answers for a setting that nobody set.
enum Unset {
    /// An empty document.
    Empty(&'static str),
    /// A document with one element that says the default.
    Default(&'static str, &'static str, &'static str),
    /// That there is none.
    Missing(Code),
    /// Removed, as it never was there.
    Removed,
    /// Bailiwick does not have it.
    Unknown,
}

/// Whatever is not named here is not implemented, and says so.
fn answer(op: Op) -> Unset {
    match op {
        Op::GetBucketCors => Unset::Missing(Code::NoSuchCORSConfiguration),
        Op::GetBucketLifecycleConfiguration => Unset::Missing(Code::NoSuchLifecycleConfiguration),
        Op::GetBucketEncryption => Unset::Missing(Code::ServerSideEncryptionConfigurationNotFoundError),
        Op::GetBucketWebsite => Unset::Missing(Code::NoSuchWebsiteConfiguration),
        Op::GetBucketReplication => Unset::Missing(Code::ReplicationConfigurationNotFoundError),
        Op::GetObjectLockConfiguration => Unset::Missing(Code::ObjectLockConfigurationNotFoundError),
        Op::GetObjectLegalHold | Op::GetObjectRetention => Unset::Missing(Code::NoSuchObjectLockConfiguration),
        Op::GetBucketAnalyticsConfiguration
        | Op::GetBucketIntelligentTieringConfiguration
        | Op::GetBucketInventoryConfiguration
        | Op::GetBucketMetricsConfiguration => Unset::Missing(Code::NoSuchConfiguration),

        Op::GetBucketVersioning => Unset::Empty("VersioningConfiguration"),
        Op::GetBucketLogging => Unset::Empty("BucketLoggingStatus"),
        Op::GetBucketNotificationConfiguration => Unset::Empty("NotificationConfiguration"),
        Op::GetBucketAccelerateConfiguration => Unset::Empty("AccelerateConfiguration"),

        Op::GetBucketRequestPayment => Unset::Default("RequestPaymentConfiguration", "Payer", "BucketOwner"),
        Op::ListBucketAnalyticsConfigurations => no_list("ListBucketAnalyticsConfigurationResult"),
        Op::ListBucketInventoryConfigurations => no_list("ListInventoryConfigurationsResult"),
        Op::ListBucketMetricsConfigurations => no_list("ListMetricsConfigurationsResult"),
        Op::ListBucketIntelligentTieringConfigurations => no_list("ListBucketIntelligentTieringConfigurationsOutput"),

        Op::DeleteBucketCors
        | Op::DeleteBucketLifecycle
        | Op::DeleteBucketEncryption
        | Op::DeleteBucketWebsite
        | Op::DeleteBucketReplication => Unset::Removed,
        Op::DeleteBucketAnalyticsConfiguration
        | Op::DeleteBucketIntelligentTieringConfiguration
        | Op::DeleteBucketInventoryConfiguration
        | Op::DeleteBucketMetricsConfiguration => Unset::Missing(Code::NoSuchConfiguration),

        _ => Unset::Unknown,
    }
}

fn no_list(root: &'static str) -> Unset {
    Unset::Default(root, "IsTruncated", "false")
}

/// Every operation without a handler of its own.
pub(super) async fn unset(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let operation = asked.call.operation;
    let answer = answer(operation.op);
    match (operation.target, &answer) {
        (Target::Service, _) => {}
        (Target::Object, Unset::Empty(_) | Unset::Default(..) | Unset::Missing(_) | Unset::Removed) => {
            asked.store.would_allow(ctx, operation.action, asked.bucket()?, Some(asked.key()?)).await?;
            object_is_there(asked, ctx).await?;
        }
        (Target::Bucket | Target::Object, _) => {
            asked.store.may(ctx, operation.action, asked.bucket()?, asked.call.key.as_ref()).await?;
        }
    }
    match answer {
        Unset::Empty(root) => Ok(reply::xml(Xml::new(root).finish())),
        Unset::Default(root, name, text) => {
            let mut xml = Xml::new(root);
            xml.element(name, text);
            Ok(reply::xml(xml.finish()))
        }
        Unset::Missing(code) => Err(code.into()),
        Unset::Removed => Ok(reply::empty(StatusCode::NO_CONTENT)),
        Unset::Unknown => {
            Err(S3Error::with_message(Code::NotImplemented, format!("{} is not implemented", operation.name)).into())
        }
    }
}

/// An object that is not there has no settings, not even unset ones. Whoever may ask for them may not always read the
/// object; then it hears of the settings only.
async fn object_is_there(asked: &Asked<'_>, ctx: &Context) -> Result<(), Failure> {
    let get = GetObject {
        bucket: asked.bucket()?,
        key: asked.key()?,
        version: asked.version(),
        wanted: Wanted::Whole,
        conditions: ReadConditions::default(),
    };
    match asked.store.head_object(ctx, &get).await {
        Ok(_) | Err(Error::AccessDenied(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{OPERATIONS, Support};

    #[test]
    fn what_the_table_calls_not_set_is_answered_so_and_nothing_else_is() {
        for operation in OPERATIONS {
            let known = !matches!(answer(operation.op), Unset::Unknown);
            assert_eq!(known, operation.support == Support::NotSet, "{}", operation.name);
        }
    }
}
