//! Tags of buckets and objects: their operations, and the header by which an upload sets them.

use std::fmt::Display;

use bytes::Bytes;
use http::StatusCode;
use model::{TagError, TagSet, limits};
use operations::Context;

use super::{Asked, DOCUMENT_BYTES, Failure, Sent, headers};
use crate::error::{Code, S3Error};
use crate::reply::{self, Reply};
use crate::wire::encoding;
use crate::xml::tagging;

const HEADER: &str = "x-amz-tagging";
/// Longest document of an object's tags, in bytes: every character of each as a reference.
const OBJECT_TAGS_BYTES: usize = 64 * 1024;

pub(super) async fn get_bucket(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let tags = asked.store.bucket_tags(ctx, asked.bucket()?).await?;
    if tags.is_empty() {
        return Err(Code::NoSuchTagSet.into());
    }
    Ok(reply::xml(tagging::write(&tags)))
}

pub(super) async fn put_bucket<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let bucket = asked.bucket()?;
    asked.store.would_allow(ctx, asked.call.operation.action, bucket, None).await?;
    let document = sent.document(asked, DOCUMENT_BYTES).await?;
    let tags = of_bucket(tagging::read(&document.bytes)?)?;
    asked.store.put_bucket_tags(ctx, bucket, &tags).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

pub(super) async fn delete_bucket(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    asked.store.put_bucket_tags(ctx, asked.bucket()?, &TagSet::default()).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

pub(super) async fn get_object(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let tags = asked.store.object_tags(ctx, asked.bucket()?, asked.key()?, asked.version()).await?;
    Ok(reply::xml(tagging::write(&tags)))
}

pub(super) async fn put_object<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let (bucket, key) = (asked.bucket()?, asked.key()?);
    // Policies ask which tags are put, so that nobody can be let in before they are read.
    let document = sent.document(asked, OBJECT_TAGS_BYTES).await?;
    let tags = match of_document(&document.bytes) {
        Ok(tags) => tags,
        Err(error) => {
            asked.store.would_allow(ctx, asked.call.operation.action, bucket, Some(key)).await?;
            return Err(error.into());
        }
    };
    ctx.facts = headers::facts_with(asked, asked.proof, tags.clone());
    asked.store.put_object_tags(ctx, (bucket, key, asked.version()), &tags).await?;
    Ok(reply::empty(StatusCode::OK))
}

pub(super) async fn delete_object(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    asked.store.delete_object_tags(ctx, (asked.bucket()?, asked.key()?, asked.version())).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// A bucket's tags, as a document has them.
pub(super) fn of_bucket(pairs: Vec<(String, String)>) -> Result<TagSet, S3Error> {
    TagSet::of_bucket(pairs).map_err(refused)
}

/// An object's tags, as a document has them.
pub(super) fn of_document(bytes: &[u8]) -> Result<TagSet, S3Error> {
    TagSet::of_object(tagging::read(bytes)?).map_err(refused)
}

/// An object's tags, as `x-amz-tagging` has them: like the query of a URL. `None` without the header.
pub(super) fn of_header(asked: &Asked<'_>) -> Result<Option<TagSet>, S3Error> {
    asked.text(HEADER)?.map(read_header).transpose()
}

fn read_header(text: &str) -> Result<TagSet, S3Error> {
    let bad = || {
        let message = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without \
                       tag name duplicates.";
        S3Error::argument(HEADER, text, message)
    };
    let decoded = |piece: &str| {
        let mut bytes = Vec::with_capacity(piece.len());
        encoding::decode_query(piece.as_bytes(), &mut bytes)
            .ok()
            .and_then(|_| String::from_utf8(bytes).ok())
            .ok_or_else(bad)
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decoded(key)?, decoded(value)?))
    });
    TagSet::of_object(pairs.collect::<Result<_, S3Error>>()?).map_err(|error| match error {
        TagError::SameKey => bad(),
        error => refused(error),
    })
}

/// What S3 says of tags that it does not take.
fn refused(error: TagError) -> S3Error {
    let invalid = |message: &'static str| S3Error::with_message(Code::InvalidTag, message);
    match error {
        TagError::TooManyOnObject => {
            let message = format!("Object tags cannot be greater than {}", limits::OBJECT_TAGS);
            S3Error::with_message(Code::BadRequest, message)
        }
        TagError::TooManyOnBucket => {
            let message = format!("Bucket tag count cannot be greater than {}", limits::BUCKET_TAGS);
            S3Error::with_message(Code::BadRequest, message)
        }
        TagError::SameKey => invalid("Cannot provide multiple Tags with the same key"),
        TagError::Key => invalid("The TagKey you have provided is invalid"),
        TagError::Value => invalid("The TagValue you have provided is invalid"),
        TagError::Reserved => invalid("System tags cannot be added/updated by requester"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_in_a_header_are_a_query_and_nothing_else() {
        let pairs = |text: &str| read_header(text).map(|tags| tags.to_vec());
        let is = |key: &str, value: &str| Ok(vec![(key.to_owned(), value.to_owned())]);
        assert_eq!(pairs(""), Ok(vec![]));
        assert_eq!(pairs("a=1"), is("a", "1"));
        assert_eq!(pairs("a"), is("a", ""));
        assert_eq!(pairs("&a+b=c%3Dd&"), is("a b", "c=d"));
        assert_eq!(pairs("a=b=c"), is("a", "b=c"));
        assert_eq!(pairs("%D0%B1="), is("б", ""));
        for (bad, code) in [
            ("a=%", Code::InvalidArgument),
            ("a=%ff", Code::InvalidArgument),
            ("a=1&%61=2", Code::InvalidArgument),
            ("=1", Code::InvalidTag),
            ("aws:a=1", Code::InvalidTag),
            ("a=%00", Code::InvalidTag),
            ("a=1&b&c&d&e&f&g&h&i&j&k", Code::BadRequest),
        ] {
            assert_eq!(read_header(bad).unwrap_err().code(), code, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn tags_read_back_from_both_forms_as_they_were(
            tags in prop::collection::btree_map("[a-z +=/@б:._-]{1,9}", "[a-z +=/@б:._-]{0,9}", 0..=10usize),
            noise in "[a-z%=&+ä0-9]{0,40}",
        ) {
            let wanted: Vec<_> = tags.into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect();
            let tags = TagSet::of_object(wanted.clone()).unwrap();
            prop_assert_eq!(of_document(tagging::write(&tags).as_bytes()).unwrap().to_vec(), wanted.clone());
            let mut header = vec![];
            for (key, value) in &wanted {
                encoding::encode(key, &mut header);
                header.push(b'=');
                encoding::encode(value, &mut header);
                header.push(b'&');
            }
            let read = read_header(std::str::from_utf8(&header).unwrap()).unwrap();
            prop_assert_eq!(read.to_vec(), wanted);
            let _ = read_header(&noise);
        }
    }
}
