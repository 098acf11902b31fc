//! Signature Version 4 (S3 API reference, "Authenticating Requests (AWS Signature Version 4)"): reading credentials from
//! the header or the query, the canonical request, keys, and the chain of chunk signatures.
//!
//! Pure: nothing here knows of keys in the store or of the clock.

use std::borrow::Cow;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use model::{Timestamp, limits};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::encoding::{self, NotDecodable};
use super::head::{Head, Purpose, V4Key};
use super::payload::asymmetric;
use super::{Config, same_bytes, when};
use crate::error::{Code, S3Error};

/// Most headers that a signature may name.
const SIGNED_HEADERS: usize = 128;
/// SHA-256 of nothing, as each chunk's string to sign repeats it.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The algorithm.
pub(in crate::wire) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What a request says about its signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct V4<'h> {
    /// The access key's id.
    pub key_id: &'h str,
    /// `20130524/us-east-1/s3/aws4_request`.
    pub scope: &'h str,
    /// The names of the signed headers, with `;` between.
    pub signed: &'h str,
    /// In hexadecimal.
    pub signature: &'h str,
    /// For a presigned URL, for how long it is valid, in seconds.
    pub expires: Option<u64>,
    /// For a presigned URL, when it says it was signed.
    date: Option<&'h str>,
    /// Day, region, service and terminator.
    scoped: [&'h str; 4],
    place: Place,
}

/// Where a signature stood, for error codes and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Query,
    Form,
}

impl Place {
    fn bad(self, message: impl Into<Cow<'static, str>>) -> S3Error {
        match self {
            Place::Header => S3Error::with_message(Code::AuthorizationHeaderMalformed, message),
            Place::Query => S3Error::with_message(Code::AuthorizationQueryParametersError, message),
            Place::Form => S3Error::with_message(Code::InvalidArgument, message),
        }
    }
}

impl<'h> V4<'h> {
    /// From what follows the algorithm in the Authorization header.
    ///
    /// # Errors
    /// AuthorizationHeaderMalformed.
    pub fn from_header(fields: &'h str) -> Result<Self, S3Error> {
        let bad = |message: &'static str| Place::Header.bad(message);
        let (mut credential, mut signed, mut signature) = (None, None, None);
        for field in fields.split(',') {
            let (name, value) = field.trim().split_once('=').ok_or_else(|| {
                bad("The authorization header is malformed; the authorization header consists of name=value fields.")
            })?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed,
                "Signature" => &mut signature,
                _ => return Err(bad("The authorization header is malformed; it has an unknown field.")),
            };
            if place.replace(value.trim()).is_some() {
                return Err(bad("The authorization header is malformed; a field occurs twice."));
            }
        }
        let (Some(credential), Some(signed), Some(signature)) = (credential, signed, signature) else {
            return Err(bad(
                "The authorization header is malformed; the authorization header requires three components: Credential, \
                 SignedHeaders, and Signature.",
            ));
        };
        Self::new(Place::Header, credential, signed, signature, None)
    }

    /// From the query.
    ///
    /// # Errors
    /// AuthorizationQueryParametersError; NotImplemented for SigV4A.
    pub fn from_query(head: &'h Head) -> Result<Self, S3Error> {
        let missing = || {
            Place::Query.bad(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, \
                 X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            )
        };
        let (mut algorithm, mut credential, mut date, mut expires) = (None, None, None, None);
        let (mut signed, mut signature, mut token) = (None, None, None);
        for (purpose, value) in head.query_values() {
            let Purpose::V4(key) = purpose else { continue };
            *match key {
                V4Key::Algorithm => &mut algorithm,
                V4Key::Credential => &mut credential,
                V4Key::Date => &mut date,
                V4Key::Expires => &mut expires,
                V4Key::SignedHeaders => &mut signed,
                V4Key::Signature => &mut signature,
                V4Key::SecurityToken => &mut token,
            } = Some(value);
        }
        let (Some(algorithm), Some(credential), Some(date), Some(expires)) = (algorithm, credential, date, expires)
        else {
            return Err(missing());
        };
        let (Some(signed), Some(signature)) = (signed, signature) else { return Err(missing()) };
        match algorithm {
            ALGORITHM => {}
            "AWS4-ECDSA-P256-SHA256" => return Err(asymmetric()),
            _ => return Err(Place::Query.bad("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"")),
        }
        let digits = expires.strip_prefix('-').unwrap_or(expires);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Place::Query.bad("X-Amz-Expires should be a number"));
        }
        let expires = match expires.parse::<u64>() {
            Ok(0) | Err(_) if expires.starts_with('-') || digits.bytes().all(|b| b == b'0') => {
                return Err(Place::Query.bad("X-Amz-Expires must be positive"));
            }
            Ok(seconds) if seconds <= limits::PRESIGNED_SECONDS => seconds,
            _ => {
                return Err(Place::Query.bad(
                    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less \
                     than 604800 seconds",
                ));
            }
        };
        let v4 = Self::new(Place::Query, credential, signed, signature, Some(expires))?;
        Ok(V4 { date: Some(date), ..v4 })
    }

    fn new(
        place: Place,
        credential: &'h str,
        signed: &'h str,
        signature: &'h str,
        expires: Option<u64>,
    ) -> Result<Self, S3Error> {
        let malformed = || {
            place.bad("The Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".")
        };
        let cut = |text: &'h str| {
            let at = text.bytes().position(|byte| byte == b'/').ok_or_else(malformed)?;
            Ok::<_, S3Error>((&text[..at], &text[at + 1..]))
        };
        let (key_id, scope) = cut(credential)?;
        let (day, rest) = cut(scope)?;
        let (region, rest) = cut(rest)?;
        let (service, end) = cut(rest)?;
        if key_id.is_empty() || end.contains('/') {
            return Err(malformed());
        }
        // An empty list is told after the signature was checked, like one that lacks a header.
        let names = || signed.as_bytes().split(|byte| *byte == b';').filter(|_| !signed.is_empty());
        for (at, name) in names().enumerate() {
            if at == SIGNED_HEADERS || names().take(at).any(|earlier| earlier == name) {
                return Err(place.bad("SignedHeaders names a header twice, or too many."));
            }
            if name.is_empty() || name.iter().any(|b| b.is_ascii_uppercase() || !b.is_ascii_graphic()) {
                return Err(place.bad("SignedHeaders must be a list of header names in lower case."));
            }
        }
        let scoped = [day, region, service, end];
        Ok(V4 { key_id, scope, signed, signature, expires, date: None, scoped, place })
    }

    /// From the fields of a form: what is signed there is a policy, and no header.
    ///
    /// # Errors
    /// InvalidArgument.
    pub fn from_form(credential: &'h str, signature: &'h str) -> Result<Self, S3Error> {
        Self::new(Place::Form, credential, "", signature, None)
    }

    /// Whether the signature covers the header `name`.
    pub fn signs(&self, name: &str) -> bool {
        self.signed.as_bytes().split(|byte| *byte == b';').any(|signed| signed == name.as_bytes())
    }

    /// The date that the request says it was signed at, as the string to sign has it.
    ///
    /// # Errors
    /// AccessDenied or AuthorizationQueryParametersError if there is none that can be read.
    pub fn date(&self, head: &'h Head) -> Result<(Cow<'h, str>, Timestamp), S3Error> {
        if let Some(text) = self.date {
            let at = when::iso_basic(text).ok_or_else(|| {
                Place::Query.bad("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
            })?;
            return Ok((Cow::Borrowed(text), at));
        }
        let (text, at) = when::signed_at(head)?;
        let basic = when::iso_basic(text).is_some();
        Ok((if basic { Cow::Borrowed(text) } else { Cow::Owned(when::to_iso_basic(at)) }, at))
    }

    /// Refuses a scope of another day, region, service or terminator.
    ///
    /// # Errors
    /// AuthorizationHeaderMalformed, AuthorizationQueryParametersError or, in a form, InvalidArgument; for a region, with
    /// the one that is wanted.
    pub fn check_scope(&self, date: &str, config: &Config) -> Result<(), S3Error> {
        let place = self.place;
        let [day, region, service, end] = self.scoped;
        if date.get(..8) != Some(day) {
            return Err(place.bad(format!(
                "Invalid credential date \"{day}\". This date is not the same as X-Amz-Date: \"{}\".",
                date.get(..8).unwrap_or("")
            )));
        }
        if region != config.region {
            let message = format!("the region '{region}' is wrong; expecting '{}'", config.region);
            let wrong = place.bad(format!("The authorization is malformed; {message}"));
            return Err(wrong.with_detail("Region", config.region.as_str()));
        }
        if service != "s3" {
            return Err(place.bad(format!("Incorrect service \"{service}\". This endpoint belongs to \"s3\".")));
        }
        if end != "aws4_request" {
            return Err(place.bad(format!("Incorrect terminal \"{end}\". This endpoint uses \"aws4_request\".")));
        }
        Ok(())
    }

    /// The canonical request and the string to sign.
    ///
    /// # Errors
    /// AccessDenied if a signed header is not there; InvalidURI.
    pub fn prepare(&self, head: &Head, date: &str, payload_hash: &str) -> Result<Prepared, S3Error> {
        let mut out = Vec::with_capacity(1024);
        out.extend_from_slice(head.method.as_str().as_bytes());
        out.push(b'\n');
        encoding::recode_path(head.raw_path(), &mut out).map_err(|NotDecodable| S3Error::new(Code::InvalidURI))?;
        out.push(b'\n');
        head.canonical_query(&mut out);
        out.push(b'\n');
        for name in self.signed.split(';').filter(|name| !name.is_empty()) {
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            canonical_value(head, name, &mut out)?;
            out.push(b'\n');
        }
        out.push(b'\n');
        out.extend_from_slice(self.signed.as_bytes());
        out.push(b'\n');
        out.extend_from_slice(payload_hash.as_bytes());
        let hash = hex_of(&Sha256::digest(&out).into());
        let mut to_sign = Vec::with_capacity(192);
        for part in [ALGORITHM.as_bytes(), b"\n", date.as_bytes(), b"\n", self.scope.as_bytes(), b"\n", &hash] {
            to_sign.extend_from_slice(part);
        }
        Ok(Prepared { canonical: out, to_sign })
    }

    /// The key that signs in this request's scope.
    pub fn signing_key(&self, secret: &[u8]) -> SigningKey {
        const PREFIX: &[u8] = b"AWS4";
        let [day, rest @ ..] = self.scoped;
        let day = day.as_bytes();
        let len = PREFIX.len() + secret.len();
        // Secrets that are made here fit.
        let mut short = Zeroizing::new([0; 64]);
        let first = match short.get_mut(..len) {
            Some(begin) => {
                begin[..PREFIX.len()].copy_from_slice(PREFIX);
                begin[PREFIX.len()..].copy_from_slice(secret);
                hmac(begin, day)
            }
            None => hmac(&Zeroizing::new([PREFIX, secret].concat()), day),
        };
        let mut key = Zeroizing::new(first);
        for part in rest {
            *key = hmac(&key[..], part.as_bytes());
        }
        SigningKey(keyed(&key[..]))
    }

    /// What the signing key depends on besides the secret.
    pub fn scope(&self) -> &'h str {
        self.scope
    }

    /// Who verifies the chunks of a body whose request was signed by `key`.
    pub fn chunk_signer(&self, key: Arc<SigningKey>, date: &str) -> ChunkSigner {
        let mut previous = [0; 64];
        // The signature was verified, so it is that long.
        previous.copy_from_slice(self.signature.as_bytes());
        previous.make_ascii_lowercase();
        ChunkSigner { key, place: format!("{date}\n{}\n", self.scope), previous }
    }
}

fn canonical_value(head: &Head, name: &str, out: &mut Vec<u8>) -> Result<(), S3Error> {
    let mut values = head.values(name).peekable();
    if values.peek().is_none() && name == "host" {
        fold(head.host().as_bytes(), out);
        return Ok(());
    }
    if values.peek().is_none() || head.is_hoisted(name) {
        let message = format!("The signature names the header {name}, which the request does not have.");
        return Err(S3Error::with_message(Code::AccessDenied, message));
    }
    let mut first = true;
    for value in values {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        fold(value.as_bytes(), out);
    }
    Ok(())
}

/// Appends a header's value with blanks around it removed and runs of blanks in it made one.
fn fold(value: &[u8], out: &mut Vec<u8>) {
    let mut first = true;
    for word in value.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty()) {
        if !std::mem::take(&mut first) {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// What was computed from a request, and is to be signed.
pub(super) struct Prepared {
    /// The canonical request.
    pub canonical: Vec<u8>,
    /// The string to sign.
    pub to_sign: Vec<u8>,
}

/// A key for one day, region and service. Derived from a secret, and as secret; overwritten when dropped.
/// Ready to begin: the key itself is hashed once, not for each text.
pub(super) struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Whether `signature`, in hexadecimal, is the one of `to_sign`.
    pub fn verifies(&self, to_sign: &[u8], signature: &str) -> bool {
        same(&self.sign([to_sign]), signature)
    }

    fn sign<'t>(&self, parts: impl IntoIterator<Item = &'t [u8]>) -> [u8; 32] {
        let mut mac = self.0.clone();
        parts.into_iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }
}

/// Verifies the signatures of a body's chunks, each of which covers the one before.
pub(super) struct ChunkSigner {
    key: Arc<SigningKey>,
    /// Date and scope, each followed by a line feed.
    place: String,
    previous: [u8; 64],
}

impl ChunkSigner {
    /// Whether `signature` is that of the next chunk, which has this hash.
    pub fn verify_chunk(&mut self, hash: &[u8; 32], signature: &str) -> bool {
        let hash = hex_of(hash);
        self.verify(b"AWS4-HMAC-SHA256-PAYLOAD\n", &[OF_NOTHING.as_bytes(), b"\n", &hash], signature)
    }

    /// Whether `signature` is that of the trailers, which have this hash.
    pub fn verify_trailer(&mut self, hash: &[u8; 32], signature: &str) -> bool {
        let hash = hex_of(hash);
        self.verify(b"AWS4-HMAC-SHA256-TRAILER\n", &[&hash], signature)
    }

    fn verify(&mut self, algorithm: &[u8], rest: &[&[u8]], signature: &str) -> bool {
        let begin = [algorithm, self.place.as_bytes(), &self.previous, b"\n"];
        let wanted = self.key.sign(begin.iter().chain(rest).copied());
        self.previous = hex_of(&wanted);
        same(&wanted, signature)
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = keyed(key);
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn hex_of(bytes: &[u8; 32]) -> [u8; 64] {
    let mut text = [0; 64];
    let digit = |value: u8| b"0123456789abcdef"[usize::from(value & 15)];
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(*byte)];
    }
    text
}

/// Whether `given`, in hexadecimal, is `wanted`, in the same time whatever differs.
fn same(wanted: &[u8; 32], given: &str) -> bool {
    let Some(given) = encoding::unhex::<32>(given) else { return false };
    same_bytes(wanted, &given)
}
