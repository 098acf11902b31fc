//! Which bucket and key a request names: from its path and Host, or from `x-amz-copy-source`, by the same rules.
//!
//! The text is split *before* it is percent-decoded, so an encoded slash never moves the border between bucket and key,
//! and nothing is normalised: `..`, `//`, `\` and NUL are ordinary parts of a key.

use std::borrow::Cow;

use model::{BucketName, ObjectKey};

use super::encoding::{self, NotDecodable};
use super::head::Head;
use crate::error::{Code, S3Error};

/// How the bucket was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As the first piece of the path.
    Path,
    /// As the first label of the Host, before one of the server's domains.
    VirtualHost,
}

/// A request's bucket and key, still encoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RawAddress<'a> {
    pub style: Style,
    /// The bucket: encoded in a path, lower-cased from a Host.
    pub bucket: Option<Cow<'a, str>>,
    /// The key, encoded; never empty.
    pub key: Option<&'a str>,
}

/// Splits what `head` names. `domains` are those for which the server takes virtual hosts; any other Host is path-style.
pub(crate) fn split<'a>(head: &'a Head, domains: &[String]) -> RawAddress<'a> {
    let path = head.raw_path().strip_prefix('/').unwrap_or("");
    let some = |text: &'a str| (!text.is_empty()).then_some(text);
    match host_bucket(head.host(), domains) {
        Some(bucket) => {
            let bucket = if bucket.bytes().any(|b| b.is_ascii_uppercase()) {
                Cow::Owned(bucket.to_ascii_lowercase())
            } else {
                Cow::Borrowed(bucket)
            };
            RawAddress { style: Style::VirtualHost, bucket: Some(bucket), key: some(path) }
        }
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            let bucket = (!path.is_empty()).then_some(Cow::Borrowed(bucket));
            RawAddress { style: Style::Path, bucket, key: some(key) }
        }
    }
}

/// The bucket in a Host, if it is `bucket.domain` for one of `domains`; the longest domain counts.
fn host_bucket<'a>(host: &'a str, domains: &[String]) -> Option<&'a str> {
    // An IPv6 address in brackets holds colons of its own, and is never under a domain.
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let mut found: Option<&str> = None;
    for domain in domains {
        if name.eq_ignore_ascii_case(domain) {
            return None;
        }
        let Some(at) = name.len().checked_sub(domain.len() + 1) else { continue };
        let (Some(label), Some(rest)) = (name.get(..at), name.get(at..)) else { continue };
        let under = rest.strip_prefix('.').is_some_and(|rest| rest.eq_ignore_ascii_case(domain));
        if under && !label.is_empty() && found.is_none_or(|f| label.len() < f.len()) {
            found = Some(label);
        }
    }
    found
}

/// A key, decoded and checked.
///
/// # Errors
/// InvalidURI if it is no UTF-8, KeyTooLongError.
pub(crate) fn key(raw: &str) -> Result<ObjectKey, S3Error> {
    let key = encoding::decode_path(raw).map_err(|NotDecodable| S3Error::new(Code::InvalidURI))?;
    ObjectKey::new(key).map_err(|_| {
        S3Error::new(Code::KeyTooLongError).with_detail("MaxSizeAllowed", model::limits::OBJECT_KEY_BYTES.to_string())
    })
}

/// The object that a copy reads, as `x-amz-copy-source` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its bucket.
    pub bucket: BucketName,
    /// Its key.
    pub key: ObjectKey,
    /// Its version.
    pub version: Option<String>,
}

/// Parses `x-amz-copy-source`: `[/]bucket/key[?versionId=version]`, percent-encoded. In it a `?` that belongs to the key is
/// encoded, as every client does; one that is not begins the version, and nothing else may follow it.
///
/// # Errors
/// InvalidArgument, and those of [`key`].
pub(crate) fn copy_source(value: &str) -> Result<Source, S3Error> {
    let bad = |message: &'static str| S3Error::argument("x-amz-copy-source", value, message);
    let (path, version) = match value.split_once('?') {
        None => (value, None),
        Some((path, query)) => {
            let version = query.strip_prefix("versionId=").filter(|v| !v.is_empty() && !v.contains('&'));
            let version = version.ok_or_else(|| bad("The copy source may be followed by ?versionId= only."))?;
            let version = encoding::decode_path(version);
            (path, Some(version.map_err(|NotDecodable| bad("The version of the copy source is not valid."))?))
        }
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    let missing = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey";
    // Some SDKs encode the border too; a bucket's name holds no slash, so the first encoded one can be nothing else.
    let (bucket, raw) = match path.split_once('/') {
        Some(two) => two,
        None => split_at_encoded_slash(path).ok_or_else(|| bad(missing))?,
    };
    if raw.is_empty() {
        return Err(bad(missing));
    }
    let bucket = encoding::decode_path(bucket).ok().and_then(|bucket| BucketName::new(&bucket).ok());
    let bucket = bucket.ok_or_else(|| bad("Invalid copy source bucket name"))?;
    Ok(Source { bucket, key: key(raw)?, version })
}

fn split_at_encoded_slash(path: &str) -> Option<(&str, &str)> {
    path.split_once("%2F").or_else(|| path.split_once("%2f"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(host: &str, path: &str) -> Head {
        let request = http::Request::get(path).header("host", host).body(()).unwrap();
        Head::parse(request.into_parts().0, None).unwrap()
    }

    #[test]
    fn a_virtual_host_counts_for_configured_domains_only_in_any_case_and_with_any_port() {
        let domains = ["s3.example.com".to_owned(), "example.com".to_owned()];
        for (host, path, bucket, key) in [
            ("s3.example.com", "/b/k", Some("b"), Some("k")),
            ("S3.Example.com:9000", "/b//k", Some("b"), Some("/k")),
            ("bkt.s3.example.com", "/b/k", Some("bkt"), Some("b/k")),
            ("BKT.S3.EXAMPLE.COM:80", "/", Some("bkt"), None),
            ("a.b.s3.example.com", "/k", Some("a.b"), Some("k")),
            ("bkts3.example.org", "/b/k", Some("b"), Some("k")),
            ("evil.org", "/", None, None),
            ("[::1]:9000", "/b/", Some("b"), None),
            ("127.0.0.1", "//k", Some(""), Some("k")),
        ] {
            let head = head(host, path);
            let got = split(&head, &domains);
            assert_eq!((got.bucket.as_deref(), got.key), (bucket, key), "{host} {path}");
        }
    }

    #[test]
    fn a_copy_source_is_split_before_it_is_decoded() {
        let source = |text| copy_source(text).map(|s| (s.bucket.to_string(), s.key.to_string(), s.version));
        let is = |b: &str, k: &str, v: Option<&str>| Ok((b.to_owned(), k.to_owned(), v.map(str::to_owned)));
        assert_eq!(source("bucket/key"), is("bucket", "key", None));
        assert_eq!(source("/bucket/a%2F..%2Fb"), is("bucket", "a/../b", None));
        assert_eq!(source("bucket%2Fkey%2Fb"), is("bucket", "key/b", None));
        assert_eq!(source("bucket/../other/key"), is("bucket", "../other/key", None));
        assert_eq!(source("bucket/k%3FversionId=1?versionId=2"), is("bucket", "k?versionId=1", Some("2")));
        assert_eq!(source("bucket/a+b"), is("bucket", "a+b", None));
        for bad in [
            "",
            "/",
            "bucket",
            "bucket/",
            "//key",
            "../b/k",
            "bucket/k?acl",
            "bucket/k?versionId=",
            "b%2Fx/key",
            "bucket/%ff",
            "bucket/k?versionId=1&acl",
            "arn:aws:s3:::bucket/key",
        ] {
            assert!(copy_source(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_copy_source_panics_and_what_it_names_is_what_was_encoded(
            text in ".{0,40}", key_text in "[a-z/.%?+\\\\\0ä]{1,30}",
        ) {
            let _ = copy_source(&text);
            let mut encoded = b"bucket/".to_vec();
            encoding::encode(&key_text, &mut encoded);
            let got = copy_source(std::str::from_utf8(&encoded).unwrap()).unwrap();
            prop_assert_eq!(got.key.as_str(), key_text);
            prop_assert_eq!(got.bucket.as_str(), "bucket");
            prop_assert_eq!(got.version, None);
        }
    }
}
