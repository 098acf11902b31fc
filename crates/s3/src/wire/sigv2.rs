//! Signature Version 2 (S3 developer guide, "Signing and authenticating REST requests"), for clients that know nothing
//! newer, where the operator allows it.
//!
//! It signs the method, the path, some sub-resources, `x-amz-*` headers and little else. An operation that is selected by
//! a query key which it does not sign is refused, because the same signature would fit another operation as well.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

use super::address::Style;
use super::head::{self, Head};
use super::router::Call;
use crate::error::{Code, S3Error};

/// Query keys that are signed, beside `response-*`.
const SIGNED_KEYS: [&str; 27] = [
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
    "restore",
    "select",
    "select-type",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

fn is_signed_key(key: &str) -> bool {
    SIGNED_KEYS.contains(&key)
        || matches!(
            key,
            "response-cache-control"
                | "response-content-disposition"
                | "response-content-encoding"
                | "response-content-language"
                | "response-content-type"
                | "response-expires"
        )
}

/// What a request says about its signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct V2<'h> {
    /// The access key's id.
    pub key_id: &'h str,
    /// In base64.
    pub signature: &'h str,
    /// For a presigned URL, until when it is valid, in seconds since the epoch, as sent.
    pub expires: Option<&'h str>,
}

impl<'h> V2<'h> {
    /// From what follows `AWS ` in the Authorization header.
    ///
    /// # Errors
    /// InvalidArgument.
    pub fn from_header(text: &'h str) -> Result<Self, S3Error> {
        match text.trim().rsplit_once(':') {
            Some((key_id, signature)) if !key_id.is_empty() && !signature.is_empty() => {
                Ok(V2 { key_id, signature, expires: None })
            }
            _ => {
                let message = "AWS authorization header is invalid. Expected AwsAccessKeyId:signature";
                Err(S3Error::with_message(Code::InvalidArgument, message))
            }
        }
    }

    /// From the query.
    ///
    /// # Errors
    /// AccessDenied if not all is there, or the expiry is no number.
    pub fn from_query(head: &'h Head) -> Result<Self, S3Error> {
        let denied = |message: &'static str| S3Error::with_message(Code::AccessDenied, message);
        let get = |key| head.query(key).filter(|value| !value.is_empty());
        let (Some(key_id), Some(signature), Some(expires)) = (get("AWSAccessKeyId"), get("Signature"), get("Expires"))
        else {
            return Err(denied(
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
            ));
        };
        if !expires.bytes().all(|b| b.is_ascii_digit()) || expires.parse::<u64>().is_err() {
            return Err(denied("Invalid date (should be seconds since epoch)"));
        }
        Ok(V2 { key_id, signature, expires: Some(expires) })
    }

    /// Refuses what this signature could not bind to its operation.
    ///
    /// # Errors
    /// InvalidRequest that names what to use.
    pub fn check_operation(&self, call: &Call) -> Result<(), S3Error> {
        // Keys and values are signed decoded, so that a value could be read as a further key.
        let ambiguous =
            |value: &str| value.split('&').skip(1).any(|rest| is_signed_key(rest.split('=').next().unwrap_or("")));
        if call.head.query_pairs().any(|(key, value)| is_signed_key(key) && ambiguous(value)) {
            let message = "This query cannot be signed by SigV2. Please use AWS4-HMAC-SHA256.";
            return Err(S3Error::with_message(Code::InvalidRequest, message));
        }
        // Both lists of objects are one permission, and older clients ask for the second kind too.
        if call.operation.sub.iter().all(|key| is_signed_key(key) || *key == "list-type") {
            return Ok(());
        }
        let message = format!("{} cannot be signed by SigV2. Please use AWS4-HMAC-SHA256.", call.operation.name);
        Err(S3Error::with_message(Code::InvalidRequest, message))
    }

    /// The string to sign.
    pub fn to_sign(&self, call: &Call) -> Vec<u8> {
        let head = &call.head;
        let value = |name: &str| head.headers().get(name).map_or(&b""[..], |v| v.as_bytes().trim_ascii());
        let mut out = Vec::with_capacity(512);
        let date = match self.expires {
            Some(expires) => expires.as_bytes(),
            None if head.has("x-amz-date") => b"",
            None => value("date"),
        };
        for line in [head.method.as_str().as_bytes(), value("content-md5"), value("content-type"), date] {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
        let mut names: Vec<_> =
            head.headers().keys().map(|name| name.as_str()).filter(|name| head::is_amz(name)).collect();
        names.sort_unstable();
        for name in names {
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            out.extend_from_slice(value(name));
            out.push(b'\n');
        }
        if let (Style::VirtualHost, Some(bucket)) = (call.style, &call.bucket) {
            out.push(b'/');
            out.extend_from_slice(bucket.as_str().as_bytes());
        }
        out.extend_from_slice(head.raw_path().as_bytes());
        let mut signed: Vec<_> = head.query_pairs().filter(|(key, _)| is_signed_key(key)).collect();
        signed.sort_unstable();
        for (at, (key, value)) in signed.into_iter().enumerate() {
            out.push(if at == 0 { b'?' } else { b'&' });
            out.extend_from_slice(key.as_bytes());
            if !value.is_empty() {
                out.push(b'=');
                out.extend_from_slice(value.as_bytes());
            }
        }
        out
    }

    /// Whether the signature is the one of `to_sign` by `secret`, in the same time whatever differs.
    pub fn verifies(&self, secret: &[u8], to_sign: &[u8]) -> bool {
        let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes a key of any length");
        mac.update(to_sign);
        let wanted: [u8; 20] = mac.finalize().into_bytes().into();
        STANDARD.decode(self.signature).is_ok_and(|given| bool::from(wanted.as_slice().ct_eq(&given)))
    }
}
