//! Who sent a request: by SigV4 or SigV2, in the header or the query, or nobody in particular.
//!
//! The order is: what can be told without knowing anybody (mechanism, syntax, scope, clock), then the key, then the
//! signature, then what only its holder may be told (which headers it did not sign). An invalid signature is refused
//! whatever the request asks for; it never becomes an anonymous request.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

use http::header::AUTHORIZATION;
use identity::{Caller, Candidate};
use model::Timestamp;
use operations::Store;

use super::facts::Proof;
use super::head::{self, Head, Purpose};
use super::payload::{self, Announced, Mode, Payload};
use super::router::Call;
use super::sigv2::V2;
use super::sigv4::{self, V4};
use super::when::Validity;
use super::{Config, when};
use crate::error::{Code, S3Error};
use crate::handlers::Failure;
use crate::table::Op;

/// Who asks, proven, and how the body is to be read.
pub(crate) struct Claim {
    /// Who.
    pub caller: Caller,
    /// How the body is to be read and verified.
    pub payload: Payload,
    /// How it was proven.
    pub proof: Proof,
    /// For a URL presigned by SigV4: from when to when it is good.
    pub presigned: Option<Validity>,
}

/// How a request is signed.
enum Mechanism<'h> {
    Anonymous,
    V4(V4<'h>),
    V2(V2<'h>),
}

/// Proves who sent `call`.
///
/// # Errors
/// [`Failure`], saying no more than S3 does.
pub(crate) async fn prove(
    call: &Call,
    config: &Config,
    store: &Store,
    now: Timestamp,
    source: Option<IpAddr>,
) -> Result<Claim, Failure> {
    let head = &call.head;
    let mechanism = mechanism(head)?;
    let announced = Announced::read(head)?;
    no_session_token(head)?;
    let (mut proof, mut presigned) = (Proof::default(), None);
    let (caller, mode) = match mechanism {
        Mechanism::Anonymous => {
            // Some SDKs say nothing about the framing of a request that they do not sign.
            let announced = match announced {
                Announced::Nothing if payload::says_aws_chunked(head) => {
                    Announced::Chunked { signed: false, trailer: true }
                }
                announced => announced,
            };
            (Caller::anonymous(), announced.without_chunk_signatures(head)?)
        }
        Mechanism::V4(v4) => {
            let ready = ready_v4(&v4, announced, call, config, now)?;
            proof = Proof {
                auth_type: Some(place(v4.expires.is_some())),
                signature_version: Some(sigv4::ALGORITHM),
                signed_at: Some(ready.at),
            };
            presigned = v4.expires.map(|seconds| Validity { from: ready.at, seconds });
            let candidate = candidate(store, v4.key_id, source).await?;
            ready.settle(&v4, head, candidate).inspect_err(|error| failed(store, source, error))?
        }
        Mechanism::V2(v2) => {
            let mode = ready_v2(&v2, announced, call, now)?;
            let signed_at = if v2.expires.is_some() { None } else { Some(when::signed_at(head)?.1) };
            proof = Proof { auth_type: Some(place(v2.expires.is_some())), signature_version: Some("AWS"), signed_at };
            let candidate = candidate(store, v2.key_id, source).await?;
            let caller = settle_v2(&v2, call, config, candidate).inspect_err(|error| failed(store, source, error))?;
            (caller, mode)
        }
    };
    // CompleteMultipartUpload names the checksum of the object that it makes, not that of its own body.
    let checksums_of_body = call.operation.op != Op::CompleteMultipartUpload;
    Ok(Claim { caller, payload: Payload { mode, checksums_of_body }, proof, presigned })
}

/// What policies call the place of a signature.
fn place(presigned: bool) -> &'static str {
    if presigned { "REST-QUERY-STRING" } else { "REST-HEADER" }
}

/// Slows down who guesses.
pub(super) fn failed(store: &Store, source: Option<IpAddr>, error: &S3Error) {
    if error.code() == Code::SignatureDoesNotMatch {
        store.signature_failed(source);
    }
}

pub(super) async fn candidate(store: &Store, key_id: &str, source: Option<IpAddr>) -> Result<Candidate, Failure> {
    store.candidate(key_id, source).await.map_err(|error| match error {
        operations::Error::InvalidAccessKey => {
            S3Error::new(Code::InvalidAccessKeyId).with_detail("AWSAccessKeyId", key_id).into()
        }
        error => error.into(),
    })
}

/// Finds the one mechanism that a request uses.
fn mechanism(head: &Head) -> Result<Mechanism<'_>, S3Error> {
    let (mut v4, mut v2) = (false, false);
    if let Some((key, value)) = head.misspelt() {
        return Err(S3Error::argument(key, value, "The name of a query parameter has the wrong case."));
    }
    for purpose in head.purposes() {
        match purpose {
            Purpose::Misspelt | Purpose::Request | Purpose::Repetition => {}
            Purpose::V2 => v2 = true,
            Purpose::V4(_) => v4 = true,
        }
    }
    let header = head.text(AUTHORIZATION.as_str())?;
    if usize::from(v4) + usize::from(v2) + usize::from(header.is_some()) > 1 {
        let message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
                       parameter or the Authorization header should be specified";
        return Err(S3Error::with_message(Code::InvalidArgument, message).with_detail("ArgumentName", "Authorization"));
    }
    let Some(header) = header else {
        return Ok(match (v4, v2) {
            (true, _) => Mechanism::V4(V4::from_query(head)?),
            (_, true) => Mechanism::V2(V2::from_query(head)?),
            _ => Mechanism::Anonymous,
        });
    };
    match header.split_once(' ') {
        Some((sigv4::ALGORITHM, fields)) => Ok(Mechanism::V4(V4::from_header(fields)?)),
        Some(("AWS", rest)) => Ok(Mechanism::V2(V2::from_header(rest)?)),
        Some(("AWS4-ECDSA-P256-SHA256", _)) => Err(payload::asymmetric()),
        _ => Err(S3Error::with_message(Code::InvalidArgument, "Unsupported Authorization Type")
            .with_detail("ArgumentName", "Authorization")),
    }
}

/// Keys here are long-lived; none of them comes with a session token.
fn no_session_token(head: &Head) -> Result<(), S3Error> {
    if head.has("x-amz-security-token") || head.query("X-Amz-Security-Token").is_some() {
        return Err(S3Error::new(Code::InvalidToken));
    }
    Ok(())
}

/// What is ready to be settled once the secret is there.
struct ReadyV4<'h> {
    announced: Announced,
    at: Timestamp,
    date: Cow<'h, str>,
    prepared: sigv4::Prepared,
}

fn ready_v4<'h>(
    v4: &V4<'h>,
    announced: Announced,
    call: &'h Call,
    config: &Config,
    now: Timestamp,
) -> Result<ReadyV4<'h>, S3Error> {
    let head = &call.head;
    if v4.expires.is_none() && announced == Announced::Nothing {
        let message = "Missing required header for this request: x-amz-content-sha256";
        return Err(S3Error::with_message(Code::InvalidRequest, message));
    }
    if !matches!(announced, Announced::Chunked { signed: true, .. }) || v4.expires.is_some() {
        announced.without_chunk_signatures(head)?;
    }
    let (date, at) = v4.date(head)?;
    v4.check_scope(&date, config)?;
    match v4.expires {
        None => when::check_skew(at, now)?,
        Some(seconds) => Validity { from: at, seconds }.check(now)?,
    }
    let payload_hash = head.text("x-amz-content-sha256")?.unwrap_or("UNSIGNED-PAYLOAD");
    let prepared = v4.prepare(head, &date, payload_hash)?;
    Ok(ReadyV4 { announced, at, date, prepared })
}

impl ReadyV4<'_> {
    /// Checks the signature, and then that it covers what it must.
    fn settle(self, v4: &V4<'_>, head: &Head, candidate: Candidate) -> Result<(Caller, Mode), S3Error> {
        let ReadyV4 { announced, date, prepared, .. } = self;
        let derive = |secret: &[u8]| v4.signing_key(secret);
        let proven = candidate.prove_in(v4.scope(), derive, |key| {
            if key.verifies(&prepared.to_sign, v4.signature) { Ok(key.clone()) } else { Err(()) }
        });
        let (caller, key) =
            proven.map_err(|()| mismatch(v4.key_id, v4.signature, &prepared.to_sign, Some(&prepared.canonical)))?;
        covers(v4, head)?;
        let mode = match announced {
            Announced::Chunked { signed: true, trailer } => {
                Mode::Chunked { signer: Some(Box::new(v4.chunk_signer(key, &date))), trailer }
            }
            announced => announced.without_chunk_signatures(head)?,
        };
        Ok((caller, mode))
    }
}

/// Refuses a request with an `x-amz-*` header, or a Host, that its signature does not cover.
fn covers(v4: &V4<'_>, head: &Head) -> Result<(), S3Error> {
    let amz =
        head.headers().keys().map(|name| name.as_str()).filter(|name| head::is_amz(name) && !head.is_hoisted(name));
    let mut missing = std::iter::once("host").chain(amz).filter(|name| !v4.signs(name)).peekable();
    if missing.peek().is_none() {
        return Ok(());
    }
    let mut missing: Vec<&str> = missing.collect();
    missing.sort_unstable();
    let message = "There were headers present in the request which were not signed";
    Err(S3Error::with_message(Code::AccessDenied, message).with_detail("HeadersNotSigned", missing.join(", ")))
}

fn ready_v2(v2: &V2<'_>, announced: Announced, call: &Call, now: Timestamp) -> Result<Mode, S3Error> {
    if matches!(announced, Announced::Chunked { .. }) {
        let message = "Bodies in chunks need AWS4-HMAC-SHA256.";
        return Err(S3Error::with_message(Code::InvalidRequest, message));
    }
    match v2.expires {
        None => when::check_skew(when::signed_at(&call.head)?.1, now)?,
        // That it is a number was checked when it was read.
        Some(expires) => when::check_expiry(Timestamp::from_seconds(expires.parse().unwrap_or(0)), now)?,
    }
    announced.without_chunk_signatures(&call.head)
}

/// Refuses SigV2 to a key that may not use it.
pub(super) fn sigv2_allowed(config: &Config, candidate: &Candidate) -> Result<(), S3Error> {
    if config.allow_sigv2 || candidate.allow_sigv2() {
        return Ok(());
    }
    let message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
    Err(S3Error::with_message(Code::InvalidRequest, message))
}

fn settle_v2(v2: &V2<'_>, call: &Call, config: &Config, candidate: Candidate) -> Result<Caller, S3Error> {
    sigv2_allowed(config, &candidate)?;
    v2.check_operation(call)?;
    let to_sign = v2.to_sign(call);
    let proven = candidate.prove(|secret| if v2.verifies(secret, &to_sign) { Ok(()) } else { Err(()) });
    proven.map(|(caller, ())| caller).map_err(|()| mismatch(v2.key_id, v2.signature, &to_sign, None))
}

/// SignatureDoesNotMatch, with all that was computed from the request, as S3 tells it.
pub(super) fn mismatch(key_id: &str, given: &str, to_sign: &[u8], canonical: Option<&[u8]>) -> S3Error {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let error = S3Error::new(Code::SignatureDoesNotMatch)
        .with_detail("AWSAccessKeyId", key_id)
        .with_detail("StringToSign", text(to_sign))
        .with_detail("SignatureProvided", given)
        .with_detail("StringToSignBytes", spelt(to_sign));
    match canonical {
        None => error,
        Some(canonical) => error
            .with_detail("CanonicalRequest", text(canonical))
            .with_detail("CanonicalRequestBytes", spelt(canonical)),
    }
}

/// Bytes in hexadecimal with blanks between.
fn spelt(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 3);
    for (at, byte) in bytes.iter().enumerate() {
        let _ = write!(out, "{}{byte:02x}", if at == 0 { "" } else { " " });
    }
    out
}
