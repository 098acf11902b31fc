//! From a head to a call: which operation of the table, on which bucket, key and version.
//!
//! The table is an allow-list. Every query key must either select the row, or be one that the row takes, or belong to the
//! signature; with one exception: reading an object, S3 ignores keys that it does not know, and so do we (they are signed
//! all the same). A key that selects some operation is never ignored, so no request falls through to a different one.
//!
//! A bucket name that breaks the rules cannot exist, so saying so before the signature is checked tells nobody anything.

use std::borrow::Cow;

use std::sync::Arc;

use http::header::{ALLOW, HeaderValue};
use model::{BucketName, ObjectKey};

use super::Config;
use super::address::{self, Style};
use super::encoding::{self, NotDecodable};
use super::head::{self, Head};
use crate::error::{Code, S3Error};
use crate::table::{self, OPERATIONS, Op, Operation, Target, is_sub_resource};

/// What is asked, exactly as it will be authorised and executed.
#[derive(Debug)]
pub(crate) struct Call {
    /// Which operation.
    pub operation: &'static Operation,
    /// On which bucket; there unless it is asked of the service.
    pub bucket: Option<BucketName>,
    /// On which object; there if it is asked of one.
    pub key: Option<ObjectKey>,
    /// On which version of it.
    pub version: Option<String>,
    /// How the bucket was named.
    pub style: Style,
    /// The request's head.
    pub head: Arc<Head>,
}

impl Call {
    /// The same call in memory of its own; see [`Head::detached`].
    pub(crate) fn detached(&self) -> Self {
        let Call { operation, style, .. } = *self;
        let (bucket, key, version) = (self.bucket.clone(), self.key.clone(), self.version.clone());
        Call { operation, bucket, key, version, style, head: Arc::new(self.head.detached()) }
    }
}

/// Finds the operation.
///
/// # Errors
/// [`S3Error`]: what the request should have been, as far as S3 has a code for it.
pub(crate) fn route(head: Head, config: &Config) -> Result<Call, S3Error> {
    let raw = address::split(&head, &config.domains);
    let target = match (&raw.bucket, raw.key) {
        (None, _) => Target::Service,
        (Some(_), None) => Target::Bucket,
        (Some(_), Some(_)) => Target::Object,
    };
    let operation = select(&head, target)?;
    let style = raw.style;
    let bucket = raw.bucket.as_deref().map(|bucket| bucket_name(bucket, operation)).transpose()?;
    let key = raw.key.map(address::key).transpose()?;
    let version = match head.query("versionId") {
        Some("") => return Err(S3Error::argument("versionId", "", "Version id cannot be the empty string")),
        version => version.map(str::to_owned),
    };
    Ok(Call { operation, bucket, key, version, style, head: Arc::new(head) })
}

fn bucket_name(raw: &str, operation: &Operation) -> Result<BucketName, S3Error> {
    let text = match raw.contains('%') {
        true => encoding::decode_path(raw).map(Cow::Owned).map_err(|NotDecodable| S3Error::new(Code::InvalidURI))?,
        false => Cow::Borrowed(raw),
    };
    BucketName::new(&text).map_err(|_| {
        let code = if operation.op == Op::CreateBucket { Code::InvalidBucketName } else { Code::NoSuchBucket };
        S3Error::new(code).with_detail("BucketName", text)
    })
}

/// The row that `head` asks for.
fn select(head: &Head, target: Target) -> Result<&'static Operation, S3Error> {
    let method = head.method.as_str();
    let rows = || OPERATIONS.iter().filter(move |row| row.target == target);
    let marks: Vec<&str> = head.request_keys().filter(|key| is_sub_resource(key)).collect();
    let selected = |row: &&&Operation| {
        row.sub.iter().all(|key| marks.contains(key)) && row.header.is_none_or(|name| head.has(name))
    };
    // Of the rows whose marks are all there, the one with most of them. Where two have as many, each has a mark that
    // the other does not take, so that whichever is chosen is refused below.
    let fitting = table::rows(target, method).iter().filter(selected);
    let Some(&row) = fitting.max_by_key(|row| (row.sub.len(), row.header.is_some())) else {
        return Err(not_allowed(rows(), &[]));
    };

    // Keys that would select something, and are neither the row's marks nor taken by it.
    let strange = |key: &str| !row.sub.contains(&key) && !row.query.contains(&key);
    if marks.iter().any(|key| strange(key)) {
        let marked: Vec<&str> = marks.into_iter().filter(|key| !row.query.contains(key)).collect();
        if rows().any(|row| same_set(row.sub, &marked)) {
            return Err(not_allowed(rows(), &marked));
        }
        let message = format!("These query parameters do not go together in a {method} request: {}", marked.join(", "));
        return Err(S3Error::with_message(Code::InvalidRequest, message));
    }
    let lenient = row.sub.is_empty() && matches!(row.op, Op::GetObject | Op::HeadObject);
    let by_sigv2 = || head.query("AWSAccessKeyId").is_some() && head.query("Signature").is_some();
    for key in head.request_keys().filter(|key| strange(key)) {
        let ignored = head.is_hoisted(&key.to_ascii_lowercase())
            || (lenient && !head::is_amz(key))
            // SDKs that presign by SigV2 repeat headers here. They count only as the headers that the signature covers.
            || ((head::is_amz(key) || matches!(key, "content-type" | "content-md5")) && by_sigv2());
        if !ignored {
            let message = format!("{} does not take this query parameter.", row.name);
            let value = head.query(key).unwrap_or("");
            return Err(S3Error::argument(key, value, message));
        }
    }
    if row.op == Op::ListObjectsV2 && head.query("list-type") != Some("2") {
        let value = head.query("list-type").unwrap_or("");
        return Err(S3Error::argument("list-type", value, "Invalid List Type specified in Request"));
    }
    if row.header.is_none() && !row.reads_only() && head.has("x-amz-copy-source") {
        let message = format!("{} does not copy: x-amz-copy-source is not for it.", row.name);
        return Err(S3Error::with_message(Code::InvalidRequest, message));
    }
    Ok(row)
}

fn same_set(row: &[&str], keys: &[&str]) -> bool {
    row.len() == keys.len() && row.iter().all(|key| keys.contains(key))
}

/// MethodNotAllowed, with the methods that there are for what has the marks `sub`.
fn not_allowed(rows: impl Iterator<Item = &'static Operation>, sub: &[&str]) -> S3Error {
    let mut methods: Vec<&str> = rows.filter(|row| same_set(row.sub, sub)).map(|row| row.method).collect();
    methods.sort_unstable();
    methods.dedup();
    let allow = HeaderValue::from_str(&methods.join(", ")).expect("the table's methods are tokens");
    S3Error::new(Code::MethodNotAllowed).with_header(ALLOW, allow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn config() -> Config {
        Config { region: "us-east-1".into(), domains: vec!["s3.test".into()], allow_sigv2: false }
    }

    fn ask(method: &str, path_and_query: &str, header: Option<&'static str>) -> Result<Call, S3Error> {
        let mut request = http::Request::builder().method(method).uri(path_and_query).header("host", "localhost");
        if let Some(name) = header {
            request = request.header(name, "bucket/key");
        }
        let head = Head::parse(request.body(()).unwrap().into_parts().0, None)?;
        route(head, &config())
    }

    fn path(target: Target) -> &'static str {
        match target {
            Target::Service => "/",
            Target::Bucket => "/bucket",
            Target::Object => "/bucket/a//key",
        }
    }

    fn query(keys: &[&str]) -> String {
        let value = |key: &&str| if *key == "list-type" { format!("{key}=2") } else { format!("{key}=1") };
        keys.iter().map(value).collect::<Vec<_>>().join("&")
    }

    fn all_keys() -> Vec<&'static str> {
        let mut keys: Vec<_> = OPERATIONS.iter().flat_map(|r| r.sub.iter().chain(r.query)).copied().collect();
        keys.push("nosuch");
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    #[test]
    fn every_row_is_reached_by_its_form_with_and_without_what_it_takes() {
        for row in OPERATIONS {
            let all: Vec<_> = row.sub.iter().chain(row.query).copied().collect();
            for keys in [row.sub, &all] {
                let uri = format!("{}?{}&x-id={}", path(row.target), query(keys), row.name);
                let call = ask(row.method, &uri, row.header).unwrap_or_else(|e| panic!("{}: {e}", row.name));
                assert_eq!(call.operation.name, row.name);
                assert_eq!(Operation::of(row.op).name, row.name);
            }
        }
    }

    #[test]
    fn another_query_key_never_leads_to_another_operation_unless_that_is_exactly_its_form() {
        for row in OPERATIONS {
            for extra in all_keys() {
                if row.sub.contains(&extra) || row.query.contains(&extra) {
                    continue;
                }
                let mut keys = row.sub.to_vec();
                keys.push(extra);
                let Ok(call) = ask(row.method, &format!("{}?{}", path(row.target), query(&keys)), row.header) else {
                    continue;
                };
                let got = call.operation;
                let whole = keys.iter().all(|key| got.sub.contains(key) || got.query.contains(key));
                let ignored = got == row && !is_sub_resource(extra) && matches!(row.op, Op::GetObject | Op::HeadObject);
                assert!(whole || ignored, "{} with {extra} became {}", row.name, got.name);
                assert!(got.method == row.method && got.target == row.target && got.header == row.header);
                assert!(ignored || got.sub.contains(&extra), "{} took {extra}", row.name);
            }
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_refused_with_the_methods_that_are() {
        for (method, uri, code, allow) in [
            ("DELETE", "/bucket?acl", Code::MethodNotAllowed, Some("GET, PUT")),
            ("DELETE", "/bucket/k?acl", Code::MethodNotAllowed, Some("GET, PUT")),
            ("PUT", "/bucket?uploads", Code::MethodNotAllowed, Some("GET")),
            ("DELETE", "/bucket?foo", Code::InvalidArgument, None),
            ("PUT", "/bucket?nosuch", Code::InvalidArgument, None),
            ("GET", "/bucket?nosuch", Code::InvalidArgument, None),
            ("PUT", "/bucket/k?nosuch", Code::InvalidArgument, None),
            ("PUT", "/bucket/k?versionId=1", Code::InvalidArgument, None),
            ("PUT", "/bucket/k?acl&tagging", Code::InvalidRequest, None),
            ("PUT", "/bucket/k?partNumber=1", Code::InvalidRequest, None),
            ("PUT", "/bucket/k?uploadId=1", Code::MethodNotAllowed, Some("DELETE, GET, POST")),
            ("DELETE", "/bucket/k?uploadId=1&partNumber=1", Code::MethodNotAllowed, Some("PUT")),
            ("GET", "/bucket/k?location", Code::InvalidRequest, None),
            ("GET", "/bucket/k?x-amz-acl=private", Code::InvalidArgument, None),
            ("GET", "/bucket?list-type=1", Code::InvalidArgument, None),
            ("PATCH", "/bucket/k", Code::MethodNotAllowed, Some("DELETE, GET, HEAD, PUT")),
            ("get", "/bucket/k", Code::MethodNotAllowed, Some("DELETE, GET, HEAD, PUT")),
            ("POST", "/", Code::MethodNotAllowed, Some("GET")),
            ("PUT", "/Bad_Name", Code::InvalidBucketName, None),
            ("GET", "/Bad_Name/k", Code::NoSuchBucket, None),
            ("GET", "/bucket%2Fk", Code::NoSuchBucket, None),
            ("GET", "//k", Code::NoSuchBucket, None),
            ("GET", "/bucket/%ff", Code::InvalidURI, None),
            ("GET", "/bucket/k?versionId=", Code::InvalidArgument, None),
            ("GET", "/bucket/k?a=1&a=2", Code::InvalidArgument, None),
            ("GET", "/bucket/k?acl&%61cl", Code::InvalidArgument, None),
        ] {
            let error = ask(method, uri, None).map(|c| c.operation.name).unwrap_err();
            assert_eq!(error.code(), code, "{method} {uri}");
            let got = error.headers().iter().find(|(name, _)| *name == ALLOW).map(|(_, v)| v.to_str().unwrap());
            assert_eq!(got, allow, "{method} {uri}");
        }
        assert!(ask("PUT", "/bucket/k?acl", Some("x-amz-copy-source")).is_err());
    }

    proptest! {
        #[test]
        fn bucket_and_key_are_what_was_encoded_whatever_the_key_holds(
            key in "[a-z/.%?+#\\\\ \0ä]{1,40}", noise in "[ -~]{0,40}",
        ) {
            let mut uri = b"/bucket/".to_vec();
            encoding::encode(&key, &mut uri);
            let uri = String::from_utf8(uri).unwrap();
            for uri in [uri.clone(), uri.replace("%2F", "/")] {
                let call = ask("PUT", &uri, None).unwrap();
                prop_assert_eq!(call.bucket.map(|bucket| bucket.to_string()), Some("bucket".to_owned()));
                prop_assert_eq!(call.key.map(|key| key.to_string()), Some(key.clone()));
            }
            if let Ok(uri) = http::Uri::try_from(format!("/{noise}")) {
                let _ = ask("GET", &uri.to_string(), None);
            }
        }
    }
}
