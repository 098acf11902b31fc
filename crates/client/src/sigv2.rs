//! Signature version 2 (AWS: "Signing and authenticating REST requests", HMAC-SHA-1), for the tests of what is done
//! about clients that still use it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use sha1::Sha1;

use crate::encode::{self, Pair};
use crate::s3::Credentials;
use crate::sigv4::canonical_value;

/// The query parameters that are signed, sorted: sub-resources and overrides of the answer's headers.
const SIGNED_PARAMETERS: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// The time as in the header `date`.
pub(crate) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// What is signed. `date` is what stands where a date belongs: the header's, nothing (where `x-amz-date` is signed) or the
/// seconds at which a link expires. `resource` is the path as sent, after the bucket where that is in the host's name.
pub(crate) fn string_to_sign(method: &str, date: &str, resource: &str, query: &[Pair], headers: &HeaderMap) -> String {
    let header = |name| canonical_value(headers, &HeaderName::from_static(name));
    let mut amz: Vec<&HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("x-amz-")).collect();
    amz.sort_by_key(|name| name.as_str());
    let amz: String = amz.into_iter().map(|name| format!("{name}:{}\n", canonical_value(headers, name))).collect();

    let mut signed: Vec<&Pair> =
        query.iter().filter(|(name, _)| SIGNED_PARAMETERS.binary_search(&name.as_str()).is_ok()).collect();
    signed.sort();
    let signed: Vec<String> = signed
        .into_iter()
        .map(|(name, value)| match value {
            Some(value) => format!("{name}={}", encode::decode(value)),
            None => name.clone(),
        })
        .collect();
    let mark = if signed.is_empty() { "" } else { "?" };
    format!(
        "{method}\n{}\n{}\n{date}\n{amz}{resource}{mark}{}",
        header("content-md5"),
        header("content-type"),
        signed.join("&")
    )
}

/// The signature, in Base64.
pub(crate) fn sign(credentials: &Credentials, string_to_sign: &str) -> String {
    let secret = credentials.secret_access_key.as_bytes();
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_parameters_are_in_the_order_that_the_search_wants() {
        assert!(SIGNED_PARAMETERS.is_sorted());
    }
}
