//! What must hold of any bytes at all: the targets `signature`, `chunked` and `path` of `cargo xtask fuzz`, and of
//! ordinary tests.

use bytes::Bytes;
use model::{BucketName, ChecksumAlgorithm};

use super::address::{self, Source, Style};
use super::chunked::Chunked;
use super::encoding;
use super::head::Head;
use super::sigv2::V2;
use super::sigv4::{ALGORITHM, ChunkSigner, V4};
use crate::error::Code;

/// What is read of a signature, in header or query, is all that there is to it: written down again and read again it is the
/// same. What is accepted has every part.
pub fn signature(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(read) = V4::from_header(text) {
        whole(&read);
        let (key_id, scope, signed, signature) = (read.key_id, read.scope, read.signed, read.signature);
        let written = format!("Credential={key_id}/{scope}, SignedHeaders={signed}, Signature={signature}");
        assert_eq!(V4::from_header(&written).as_ref(), Ok(&read), "{written}");
    }
    if let Ok(read) = V2::from_header(text) {
        assert!(!read.key_id.is_empty() && !read.signature.is_empty());
        let written = format!("{}:{}", read.key_id, read.signature);
        assert_eq!(V2::from_header(&written).as_ref(), Ok(&read), "{written}");
    }
    let Some(head) = head("localhost", &format!("/b/k?{text}")) else { return };
    if let Ok(read) = V4::from_query(&head) {
        whole(&read);
        let seconds = read.expires.expect("a link ends");
        assert!((1..=model::limits::PRESIGNED_SECONDS).contains(&seconds), "{seconds}");
        let date = head.query("X-Amz-Date").expect("a link is dated");
        let credential = format!("{}/{}", read.key_id, read.scope);
        let written = query(&[
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", date),
            ("X-Amz-Expires", &seconds.to_string()),
            ("X-Amz-SignedHeaders", read.signed),
            ("X-Amz-Signature", read.signature),
        ]);
        let again = self::head("localhost", &written).expect("what is encoded is a request");
        assert_eq!(V4::from_query(&again).as_ref(), Ok(&read), "{written}");
    }
    if let Ok(read) = V2::from_query(&head) {
        let expires = read.expires.expect("a link ends");
        let pairs = [("AWSAccessKeyId", read.key_id), ("Expires", expires), ("Signature", read.signature)];
        let again = self::head("localhost", &query(&pairs)).expect("what is encoded is a request");
        assert_eq!(V2::from_query(&again).as_ref(), Ok(&read));
    }
}

/// That a signature has what it must have.
fn whole(read: &V4<'_>) {
    assert!(!read.key_id.is_empty() && !read.key_id.contains('/'), "{read:?}");
    assert_eq!(read.scope.split('/').count(), 4, "{read:?}");
    let mut names: Vec<&str> = read.signed.split(';').collect();
    assert!(read.signed.is_empty() || names.iter().all(|name| !name.is_empty()), "{read:?}");
    names.sort_unstable();
    assert!(names.windows(2).all(|two| two[0] != two[1]), "{read:?}");
    assert!(!read.signed.bytes().any(|byte| byte.is_ascii_uppercase()), "{read:?}");
}

/// A path with this query.
fn query(pairs: &[(&str, &str)]) -> String {
    let mut out = b"/b/k?".to_vec();
    for (key, value) in pairs {
        encoding::encode(key, &mut out);
        out.push(b'=');
        encoding::encode(value, &mut out);
        out.push(b'&');
    }
    out.pop();
    String::from_utf8(out).expect("what is encoded is ASCII")
}

/// A request's head, where `target` can be one's target.
fn head(host: &str, target: &str) -> Option<Head> {
    let request = http::Request::get(target).header("host", host).body(()).ok()?;
    Head::parse(request.into_parts().0, None).ok()
}

/// A body in chunks is the same however it arrives; a second decoder, which has all of it at once, agrees; it has the length
/// that was declared; and none passes for signed. Four bytes go before it: what is expected, its length, and where the
/// input is cut.
pub fn chunked(bytes: &[u8]) {
    let [choice, low, high, cut, framed @ ..] = bytes else { return };
    let len = u64::from(u16::from_le_bytes([*low, *high % 4]));
    let trailers = choice & 1 != 0;
    let promised = (trailers && choice & 2 != 0).then_some(ChecksumAlgorithm::Crc32);
    let decoder = || Chunked::new(None, len, trailers, promised);
    let whole = decode(decoder(), framed, framed.len());
    let size = usize::from(*cut) % 40 + 1;
    assert_eq!(decode(decoder(), framed, size), whole, "in pieces of {size}");
    if let Ok(body) = &whole {
        assert_eq!(body.len() as u64, len);
        assert_eq!(unframed(framed).as_ref(), Some(body));
    }
    let signed = |size| decode(Chunked::new(Some(signer()), len, trailers, promised), framed, size);
    let refused = signed(framed.len());
    assert!(refused.is_err(), "nobody signed it");
    assert_eq!(signed(size), refused, "in pieces of {size}");
}

/// A signer whose key no input knows.
fn signer() -> Box<ChunkSigner> {
    let signature = "0".repeat(64);
    let credential = "Credential=K/20101117/us-east-1/s3/aws4_request";
    let header = format!("{credential}, SignedHeaders=host, Signature={signature}");
    let v4 = V4::from_header(&header).expect("a header");
    let key = v4.signing_key(b"the secret of a key that signs nothing");
    Box::new(v4.chunk_signer(key.into(), "20101117T000000Z"))
}

fn decode(mut decoder: Chunked, framed: &[u8], size: usize) -> Result<Vec<u8>, Code> {
    let mut out = vec![];
    for piece in framed.chunks(size.max(1)) {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(bytes) = decoder.take(&mut input).map_err(|error| error.code())? {
            out.extend_from_slice(&bytes);
        }
    }
    decoder.finish().map_err(|error| error.code())?;
    Ok(out)
}

/// The second decoder: sizes and bytes, up to the last chunk.
fn unframed(mut framed: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![];
    loop {
        let end = framed.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&framed[..end]).ok()?, 16).ok()?;
        let rest = &framed[end + 2..];
        if size == 0 {
            return Some(out);
        }
        out.extend_from_slice(rest.get(..size)?);
        framed = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

/// Where bucket and key are parted is where the first slash is, before anything is decoded: joined again they are the path,
/// no key moves the border, and a copy's source is read alike. Host and path are given, with a line feed between them.
pub fn path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (host, path) = text.split_once('\n').unwrap_or(("localhost", text));
    if let Ok(source) = address::copy_source(path) {
        let named = format!("/{}/{}", source.bucket, encoded(source.key.as_str()));
        let version = source.version.as_ref().map(|version| format!("?versionId={}", encoded(version)));
        let again = address::copy_source(&format!("{named}{}", version.unwrap_or_default()));
        assert_eq!(again.as_ref(), Ok(&source), "{named}");
        assert_eq!(border(path), Some(source.bucket.clone()), "{source:?}");
    }
    let Some(head) = head(host, path) else { return };
    let domains = ["s3.test".to_owned(), "test".to_owned()];
    let split = address::split(&head, &domains);
    let key = split.key.unwrap_or_default();
    match split.style {
        Style::Path => {
            let bucket = split.bucket.as_deref().unwrap_or_default();
            let slash = if head.raw_path()[1..].contains('/') { "/" } else { "" };
            assert_eq!(format!("/{bucket}{slash}{key}"), head.raw_path());
            assert!(!bucket.contains('/'), "{bucket}");
        }
        Style::VirtualHost => {
            assert_eq!(format!("/{key}"), head.raw_path());
            let bucket = split.bucket.as_deref().expect("a host names a bucket");
            let under = |domain: &String| head.host().to_ascii_lowercase().starts_with(&format!("{bucket}.{domain}"));
            assert!(domains.iter().any(under), "{bucket} of {}", head.host());
        }
    }
    let Ok(decoded) = address::key(key) else { return };
    assert_eq!(address::key(&encoded(decoded.as_str())).as_ref(), Ok(&decoded));
    // By its path, or by a copy's source, the same bucket and key are meant.
    let bucket = split.bucket.as_deref().and_then(|bucket| encoding::decode_path(bucket).ok());
    let Some(bucket) = bucket.and_then(|bucket| BucketName::new(&bucket).ok()) else { return };
    if split.style == Style::Path && !key.is_empty() {
        let meant = Source { bucket, key: decoded, version: None };
        assert_eq!(address::copy_source(head.raw_path()).as_ref(), Ok(&meant));
    }
}

/// What stands before the first slash of a copy's source, spelt as itself or encoded, as a bucket's name.
fn border(source: &str) -> Option<BucketName> {
    let source = source.strip_prefix('/').unwrap_or(source);
    let source = source.split('?').next().unwrap_or_default();
    let plain = source.split_once('/').map(|(bucket, _)| bucket);
    let bucket = plain.or_else(|| ["%2F", "%2f"].iter().find_map(|slash| Some(source.split_once(slash)?.0)))?;
    BucketName::new(&encoding::decode_path(bucket).ok()?).ok()
}

fn encoded(text: &str) -> String {
    let mut out = vec![];
    encoding::encode(text, &mut out);
    String::from_utf8(out).expect("what is encoded is ASCII")
}

#[cfg(test)]
mod tests {
    use crate::fuzz_driver as driver;

    #[test]
    fn a_signature_is_read_as_it_would_be_written() {
        driver::run("signature", super::signature);
    }

    #[test]
    fn a_body_in_chunks_is_the_same_however_it_arrives() {
        driver::run("chunked", super::chunked);
    }

    #[test]
    fn bucket_and_key_are_parted_in_one_place() {
        driver::run("path", super::path);
    }
}
