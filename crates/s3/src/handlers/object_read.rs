//! GetObject, HeadObject and GetObjectAttributes.

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use identity::CallerKind;
use model::limits;
use operations::{Context, Error, Found, GetObject, ReadConditions, Tags, Wanted};

use super::{Asked, Failure, headers};
use crate::checksum;
use crate::dates::{http_date, read_date};
use crate::error::{Code, S3Error};
use crate::reply::{self, Reply, ReplyBody};
use crate::xml::answers::{self, WantedAttributes};

const REDIRECT: HeaderName = HeaderName::from_static("x-amz-website-redirect-location");
const PARTS_COUNT: HeaderName = HeaderName::from_static("x-amz-mp-parts-count");
const TAGGING_COUNT: HeaderName = HeaderName::from_static("x-amz-tagging-count");
const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");

/// What an object is whose writer did not say.
const DEFAULT_CONTENT_TYPE: HeaderValue = HeaderValue::from_static("binary/octet-stream");

pub(super) async fn get(asked: &Asked<'_>, ctx: &mut Context, room: HeaderMap) -> Result<Reply, Failure> {
    let (get, if_range) = wanted(asked)?;
    let overrides = overrides(asked, ctx)?;
    let (found, body) = match if_range {
        None => asked.store.get_object(ctx, &get).await,
        Some(unchanged) => match asked.store.get_object(ctx, &GetObject { conditions: unchanged, ..get.clone() }).await
        {
            Err(Error::PreconditionFailed(_)) => {
                asked.store.get_object(ctx, &GetObject { wanted: Wanted::Whole, ..get.clone() }).await
            }
            opened => opened,
        },
    }
    .map_err(|error| unsatisfied(asked, error))?;
    let len = found.range.end - found.range.start;
    let body = ReplyBody::of_object(body, len, &ctx.request_id).await?;
    let mut reply = describe(asked, found, overrides, room)?;
    *reply.body_mut() = body;
    Ok(reply)
}

pub(super) async fn head(asked: &Asked<'_>, ctx: &mut Context, room: HeaderMap) -> Result<Reply, Failure> {
    let (get, if_range) = wanted(asked)?;
    let overrides = overrides(asked, ctx)?;
    let found = match if_range {
        None => asked.store.head_object(ctx, &get).await,
        Some(unchanged) => {
            match asked.store.head_object(ctx, &GetObject { conditions: unchanged, ..get.clone() }).await {
                Err(Error::PreconditionFailed(_)) => {
                    asked.store.head_object(ctx, &GetObject { wanted: Wanted::Whole, ..get.clone() }).await
                }
                found => found,
            }
        }
    }
    .map_err(|error| unsatisfied(asked, error))?;
    let len = found.range.end - found.range.start;
    let mut reply = describe(asked, found, overrides, room)?;
    reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(len));
    Ok(reply)
}

/// What is to be read; and, with `If-Range`, the conditions under which the range is wanted rather than the whole.
fn wanted<'a>(asked: &Asked<'a>) -> Result<(GetObject<'a>, Option<ReadConditions>), S3Error> {
    let part = match asked.query("partNumber") {
        None => None,
        Some(text) => Some(part_number(text)?),
    };
    let range = asked.text("range")?.and_then(range);
    let wanted = match (part, range) {
        (Some(_), Some(_)) => {
            let message = "Cannot specify both Range header and partNumber query parameter";
            return Err(S3Error::with_message(Code::InvalidRequest, message));
        }
        (Some(part), None) => Wanted::Part(part),
        (None, Some(range)) => range,
        (None, None) => Wanted::Whole,
    };
    let conditions = headers::read_conditions(asked)?;
    let mut get =
        GetObject { bucket: asked.bucket()?, key: asked.key()?, version: asked.version(), wanted, conditions };
    let if_range = match asked.text("if-range")?.filter(|_| range.is_some()) {
        None => None,
        // With conditions of its own the request is answered in whole, which If-Range always allows.
        Some(_) if get.conditions.if_match.is_some() || get.conditions.if_unmodified_since.is_some() => {
            get.wanted = Wanted::Whole;
            None
        }
        Some(text) => match read_date(text) {
            Some(since) => Some(ReadConditions { if_unmodified_since: Some(since), ..get.conditions.clone() }),
            None => Some(ReadConditions { if_match: Some(Tags::parse(text)), ..get.conditions.clone() }),
        },
    };
    Ok((get, if_range))
}

/// A part's number: in a query.
pub(super) fn part_number(text: &str) -> Result<u16, S3Error> {
    let number = text.parse().ok().filter(|number| (1..=limits::PART_NUMBER_MAX).contains(number));
    let message = "Part number must be an integer between 1 and 10000, inclusive";
    number.ok_or_else(|| S3Error::argument("partNumber", text, message))
}

/// A range (RFC 9110, 14.2). `None` for what is no single range of bytes: such a header is ignored, and so are several
/// ranges at once, as in S3.
fn range(text: &str) -> Option<Wanted> {
    let (unit, set) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    match (first, last) {
        ("", last) => Some(Wanted::Last(position(last)?)),
        (first, "") => Some(Wanted::From(position(first)?)),
        (first, last) => {
            let (first, last) = (position(first)?, position(last)?);
            (first <= last).then_some(Wanted::FromTo(first, last))
        }
    }
}

/// A position in an object; one beyond what can be counted is beyond every object's end.
fn position(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// What could not be satisfied, as the request put it.
fn unsatisfied(asked: &Asked<'_>, error: Error) -> Failure {
    match error {
        Error::InvalidRange { len } if asked.query("partNumber").is_some() => {
            reply::unsatisfiable(Code::InvalidPartNumber, len).into()
        }
        Error::InvalidRange { len } => {
            let range = asked.call.head.header("range").unwrap_or_default();
            reply::unsatisfiable(Code::InvalidRange, len).with_detail("RangeRequested", range).into()
        }
        error => error.into(),
    }
}

/// Headers of the answer that the query says.
static OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-content-type", CONTENT_TYPE),
    ("response-content-language", CONTENT_LANGUAGE),
    ("response-expires", EXPIRES),
    ("response-cache-control", CACHE_CONTROL),
    ("response-content-disposition", CONTENT_DISPOSITION),
    ("response-content-encoding", CONTENT_ENCODING),
];

/// Headers that the request wants in the answer; only who signs may say so.
fn overrides(asked: &Asked<'_>, ctx: &Context) -> Result<Vec<(HeaderName, HeaderValue)>, S3Error> {
    let mut all = vec![];
    for (key, name) in &OVERRIDES {
        let Some(text) = asked.query(key) else { continue };
        if ctx.caller.kind() == CallerKind::Anonymous {
            let message = "Request specific response headers cannot be used for anonymous GET requests.";
            return Err(S3Error::with_message(Code::InvalidRequest, message));
        }
        let value = HeaderValue::from_bytes(text.as_bytes());
        all.push((
            name.clone(),
            value.map_err(|_| S3Error::argument(key, text, "The value is not valid in a header."))?,
        ));
    }
    Ok(all)
}

/// Headers that are stored with an object, in the order of [`describe`].
static STORED: [HeaderName; 6] =
    [CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, EXPIRES, REDIRECT];

/// The head of the answer about `found`, made in `room`.
fn describe(
    asked: &Asked<'_>,
    found: Found,
    overrides: Vec<(HeaderName, HeaderValue)>,
    room: HeaderMap,
) -> Result<Reply, Failure> {
    let show_checksum = match asked.text("x-amz-checksum-mode")? {
        None => false,
        Some(mode) if mode.eq_ignore_ascii_case("ENABLED") => true,
        Some(mode) => return Err(S3Error::argument("x-amz-checksum-mode", mode, "Value must be ENABLED").into()),
    };
    let Found { object, range, partial, tags } = found;
    let mut reply = reply::empty_in(room, StatusCode::OK);
    let headers = reply.headers_mut();
    headers.insert(LAST_MODIFIED, http_date(object.modified));
    headers.insert(ETAG, reply::quoted(object.etag.as_str()));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(
        CONTENT_TYPE,
        match &object.headers.content_type {
            Some(text) => stored(text)?,
            None => DEFAULT_CONTENT_TYPE,
        },
    );
    for (name, text) in STORED.iter().zip([
        &object.headers.cache_control,
        &object.headers.content_disposition,
        &object.headers.content_encoding,
        &object.headers.content_language,
        &object.headers.expires,
        &object.headers.website_redirect,
    ]) {
        if let Some(text) = text {
            headers.insert(name, stored(text)?);
        }
    }
    for (name, text) in &object.metadata {
        let name = HeaderName::from_bytes([b"x-amz-meta-", name.as_bytes()].concat().as_slice());
        headers.append(name.map_err(|_| no_header())?, stored(text)?);
    }
    if tags > 0 {
        headers.insert(TAGGING_COUNT, HeaderValue::from(tags));
    }
    for (name, value) in overrides {
        headers.insert(name, value);
    }
    if let Some(checksum) = object.checksum.as_ref().filter(|_| show_checksum && range == (0..object.len)) {
        show(headers, checksum);
    }
    if let Some((_, parts)) = object.manifest.filter(|_| asked.query("partNumber").is_some()) {
        headers.insert(PARTS_COUNT, HeaderValue::from(parts));
    }
    // An empty part has no bytes that a Content-Range could name.
    if partial && !range.is_empty() {
        let text = format!("bytes {}-{}/{}", range.start, range.end - 1, object.len);
        headers.insert(CONTENT_RANGE, stored(&text)?);
        *reply.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(reply)
}

/// A stored text as the header that it once was.
fn stored(text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| no_header())
}

fn no_header() -> Failure {
    Failure::Store(Error::Damaged("a header that was stored with an object is none".into()))
}

/// Shows an object's checksum.
pub(super) fn show(headers: &mut HeaderMap, checksum: &model::Checksum) {
    show_value(headers, checksum);
    headers.insert(CHECKSUM_TYPE, HeaderValue::from_static(checksum.kind.as_str()));
}

/// Shows a checksum of which it goes without saying what it is over: a part's.
pub(super) fn show_value(headers: &mut HeaderMap, checksum: &model::Checksum) {
    let value = HeaderValue::from_maybe_shared(Bytes::from(checksum::text(checksum)));
    headers.insert(checksum::header(checksum.algorithm), value.expect("base64 and a number are visible ASCII"));
}

pub(super) async fn attributes(asked: &Asked<'_>, ctx: &mut Context) -> Result<Reply, Failure> {
    const HEADER: &str = "x-amz-object-attributes";
    let list = asked.text(HEADER)?.unwrap_or_default();
    let mut wanted = WantedAttributes { max: limits::PAGE_KEYS, ..WantedAttributes::default() };
    for name in list.split(',').map(str::trim) {
        *match name {
            "ETag" => &mut wanted.etag,
            "Checksum" => &mut wanted.checksum,
            "ObjectParts" => &mut wanted.parts,
            "StorageClass" => &mut wanted.storage_class,
            "ObjectSize" => &mut wanted.size,
            _ => return Err(S3Error::argument(HEADER, name, "Invalid attribute name specified.").into()),
        } = true;
    }
    if let Some(max) = count(asked, "x-amz-max-parts")? {
        wanted.max = limits::PAGE_KEYS.min(usize::from(max));
    }
    wanted.after = count(asked, "x-amz-part-number-marker")?.unwrap_or(0);
    let found = asked.store.object_attributes(ctx, asked.bucket()?, asked.key()?, asked.version()).await?;
    let mut reply = reply::xml(answers::attributes(&wanted, &found));
    reply.headers_mut().insert(LAST_MODIFIED, http_date(found.object.modified));
    Ok(reply)
}

fn count(asked: &Asked<'_>, header: &'static str) -> Result<Option<u16>, S3Error> {
    let Some(text) = asked.text(header)? else { return Ok(None) };
    let number = text.parse::<u32>().map_err(|_| S3Error::argument(header, text, "Argument must be an integer"))?;
    Ok(Some(u16::try_from(number).unwrap_or(u16::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_read_and_everything_else_is_ignored() {
        for (text, wanted) in [
            ("bytes=0-0", Wanted::FromTo(0, 0)),
            ("bytes=2-", Wanted::From(2)),
            ("bytes=-5", Wanted::Last(5)),
            ("bytes=-0", Wanted::Last(0)),
            ("Bytes = 1 - 2 ", Wanted::FromTo(1, 2)),
            ("bytes=0-99999999999999999999", Wanted::FromTo(0, u64::MAX)),
            ("bytes=99999999999999999999-", Wanted::From(u64::MAX)),
        ] {
            assert_eq!(range(text), Some(wanted), "{text}");
        }
        for ignored in
            ["", "bytes", "bytes=", "bytes=-", "bytes=2-1", "bytes=0-1,3-4", "bytes=+1-2", "bytes=0x1-", "lines=1-2"]
        {
            assert_eq!(range(ignored), None, "{ignored}");
        }
    }

    #[test]
    fn part_numbers_are_1_to_10000() {
        assert_eq!(part_number("1").unwrap(), 1);
        assert_eq!(part_number("10000").unwrap(), 10_000);
        for bad in ["", "0", "10001", "-1", "1.0", "one", "65537"] {
            assert!(part_number(bad).is_err(), "{bad}");
        }
    }
}
