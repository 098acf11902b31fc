//! Signature version 4 (AWS: "Authenticating Requests (AWS Signature Version 4)", with its pages on query parameters and
//! on uploads in chunks). Pure: the time comes in.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::encode::{self, Pair};
use crate::s3::Credentials;

/// The algorithm's name in headers and in strings to sign.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// SHA-256 of nothing, in hex.
pub(crate) const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Signs for one key, time, region and service. Also what a POST form needs: [`credential`](Signer::credential),
/// [`date`](Signer::date), and [`sign`](Signer::sign) of the policy.
#[derive(Clone)]
pub struct Signer {
    access_key_id: String,
    key: [u8; 32],
    date: String,
    scope: String,
}

impl Signer {
    /// For requests of that time.
    pub fn new(credentials: &Credentials, at: Timestamp, region: &str, service: &str) -> Self {
        let date = at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = at.strftime("%Y%m%d").to_string();
        let secret = format!("AWS4{}", credentials.secret_access_key);
        let parts = [day.as_str(), region, service, "aws4_request"];
        let key = parts.iter().fold(secret.into_bytes(), |key, part| mac(&key, part).to_vec());
        let key = key.try_into().expect("the last MAC has 32 bytes");
        Signer { access_key_id: credentials.access_key_id.clone(), key, date, scope: parts.join("/") }
    }

    /// As in `x-amz-date`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// As in `x-amz-credential`: key id and scope.
    pub fn credential(&self) -> String {
        format!("{}/{}", self.access_key_id, self.scope)
    }

    /// The signature of any text, in hex.
    pub fn sign(&self, string_to_sign: &str) -> String {
        hex::encode(mac(&self.key, string_to_sign))
    }

    /// What is signed for a request.
    pub(crate) fn string_to_sign(&self, canonical_request: &str) -> String {
        format!("{ALGORITHM}\n{}\n{}\n{}", self.date, self.scope, sha256_hex(canonical_request.as_bytes()))
    }

    /// The signature of a chunk that follows `previous`.
    pub(crate) fn sign_chunk(&self, previous: &str, data: &[u8]) -> String {
        let (date, scope) = (&self.date, &self.scope);
        let hash = sha256_hex(data);
        self.sign(&format!("{ALGORITHM}-PAYLOAD\n{date}\n{scope}\n{previous}\n{EMPTY_SHA256}\n{hash}"))
    }

    /// The signature of trailers that follow the last chunk; each line of `lines` is `name:value\n`.
    pub(crate) fn sign_trailers(&self, previous: &str, lines: &str) -> String {
        let (date, scope) = (&self.date, &self.scope);
        self.sign(&format!("{ALGORITHM}-TRAILER\n{date}\n{scope}\n{previous}\n{}", sha256_hex(lines.as_bytes())))
    }

    /// The header.
    pub(crate) fn authorization(&self, signed_headers: &str, signature: &str) -> String {
        let credential = self.credential();
        format!("{ALGORITHM} Credential={credential},SignedHeaders={signed_headers},Signature={signature}")
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({} {}, key redacted)", self.credential(), self.date)
    }
}

/// The canonical request. `path` is signed as it is sent: S3 neither normalises nor encodes it twice. A signed header that is
/// not there has an empty value.
pub(crate) fn canonical_request(
    method: &str,
    path: &str,
    query: &[Pair],
    headers: &HeaderMap,
    signed: &[HeaderName],
    payload: &str,
) -> String {
    let query = encode::canonical(query);
    let lines: String = signed.iter().map(|name| format!("{name}:{}\n", canonical_value(headers, name))).collect();
    format!("{method}\n{path}\n{query}\n{lines}\n{}\n{payload}", names(signed))
}

/// As in `SignedHeaders`.
pub(crate) fn names(signed: &[HeaderName]) -> String {
    signed.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(";")
}

/// All values of a header in one line: trimmed, runs of spaces made one, joined by commas.
pub(crate) fn canonical_value(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter().map(|value| {
        let value = String::from_utf8_lossy(value.as_bytes());
        value.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    });
    values.collect::<Vec<_>>().join(",")
}

fn mac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
