//! CopyObject and UploadPartCopy.

use model::{TagSet, limits};
use operations::{Context, CopyObject, CopySource, Directive, PartTarget};

use super::object_read::part_number;
use super::{Asked, Failure, headers, tagging};
use crate::error::{Code, S3Error};
use crate::reply::{self, Reply};
use crate::wire::address;
use crate::xml::answers;

/// The source, as the headers name it.
fn source(asked: &Asked<'_>) -> Result<CopySource, S3Error> {
    let named = address::copy_source(asked.text("x-amz-copy-source")?.unwrap_or_default())?;
    Ok(CopySource {
        bucket: named.bucket,
        key: named.key,
        version: named.version,
        conditions: headers::source_conditions(asked)?,
        expected_owner: headers::expected_owner(asked, "x-amz-source-expected-bucket-owner")?,
    })
}

pub(super) async fn object(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    const DIRECTIVE: &str = "x-amz-metadata-directive";
    let described = headers::described(asked)?;
    let directive = match asked.text(DIRECTIVE)? {
        Some("REPLACE") => Directive::Replace(described.into()),
        None | Some("COPY") if described.headers.website_redirect.is_some() => {
            // S3 would take it and nothing else from the request.
            return Err(headers::not_implemented("x-amz-website-redirect-location").into());
        }
        None | Some("COPY") => Directive::Copy,
        Some(other) => return Err(S3Error::argument(DIRECTIVE, other, "Unknown metadata directive.").into()),
    };
    let copy = CopyObject {
        source: source(asked)?,
        bucket: asked.bucket()?,
        key: asked.key()?,
        directive,
        tags: tags(asked)?,
        acl: headers::acl(asked)?,
        conditions: headers::write_conditions(asked)?,
        algorithm: headers::algorithm(asked, "x-amz-checksum-algorithm")?,
    };
    let written = asked.store.copy_object(ctx, copy).await?;
    Ok(reply::xml(answers::copied(&written)))
}

/// The tags of a copy: the source's (`None`), or those of the request.
fn tags(asked: &Asked<'_>) -> Result<Option<TagSet>, S3Error> {
    const DIRECTIVE: &str = "x-amz-tagging-directive";
    match (asked.text(DIRECTIVE)?, tagging::of_header(asked)?) {
        (Some("REPLACE"), tags) => Ok(Some(tags.unwrap_or_default())),
        (None | Some("COPY"), None) => Ok(None),
        (None | Some("COPY"), Some(tags)) if tags.is_empty() => Ok(None),
        (None | Some("COPY"), Some(_)) => {
            let message = "x-amz-tagging needs x-amz-tagging-directive: REPLACE. Without it the tags are the source's.";
            Err(S3Error::with_message(Code::InvalidRequest, message))
        }
        (Some(other), _) => Err(S3Error::argument(DIRECTIVE, other, "Unknown tagging directive.")),
    }
}

pub(super) async fn part(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    let target = part_target(asked)?;
    let range = asked.text("x-amz-copy-source-range")?.map(source_range).transpose()?;
    let written = asked.store.copy_part(ctx, target, source(asked)?, range).await?;
    Ok(reply::xml(answers::part_copied(&written)))
}

/// Which part of which upload the request is about.
pub(super) fn part_target<'a>(asked: &Asked<'a>) -> Result<PartTarget<'a>, S3Error> {
    Ok(PartTarget {
        bucket: asked.bucket()?,
        key: asked.key()?,
        upload: asked.query("uploadId").unwrap_or_default(),
        number: part_number(asked.query("partNumber").unwrap_or_default())?,
    })
}

/// The range of a source: both ends, and nothing that a Range header might say beside that.
fn source_range(text: &str) -> Result<(u64, u64), S3Error> {
    const HEADER: &str = "x-amz-copy-source-range";
    let ends = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let number =
        |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
    let ends =
        ends.and_then(|(first, last)| Some((number(first)?, number(last)?))).filter(|(first, last)| first <= last);
    let Some((first, last)) = ends else {
        let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are \
                       the zero-based offsets of the first and last bytes to copy";
        return Err(S3Error::argument(HEADER, text, message));
    };
    if last - first >= limits::SINGLE_PUT_BYTES {
        return Err(
            S3Error::new(Code::EntityTooLarge).with_detail("MaxSizeAllowed", limits::SINGLE_PUT_BYTES.to_string())
        );
    }
    Ok((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_source_names_both_ends() {
        assert_eq!(source_range("bytes=0-0"), Ok((0, 0)));
        assert_eq!(source_range("bytes=5-9"), Ok((5, 9)));
        for bad in [
            "",
            "bytes=",
            "bytes=5-",
            "bytes=-5",
            "bytes=9-5",
            "5-9",
            "bytes=0-1,2-3",
            "bytes=+1-2",
            "bytes=0-9999999999",
        ] {
            assert!(source_range(bad).is_err(), "{bad}");
        }
    }
}
