//! Who signed the policy of a form: by SigV4 or, where it is allowed, by SigV2. What is signed is the policy, as sent.

use std::net::IpAddr;

use identity::Caller;
use model::Timestamp;
use operations::Store;

use super::{Form, missing};
use crate::error::{Code, S3Error};
use crate::handlers::Failure;
use crate::wire::facts::Proof;
use crate::wire::sigv2::V2;
use crate::wire::sigv4::{self, V4};
use crate::wire::{Config, auth, payload, when};

/// What S3 calls a policy in a form, as conditions ask for it.
const AUTH_TYPE: &str = "POST";

/// Proves who signed the form's policy; `None` if the form proves nothing, and nobody in particular sent it.
///
/// # Errors
/// [`Failure`], saying no more than S3 does.
pub(crate) async fn prove(
    form: &Form,
    config: &Config,
    store: &Store,
    source: Option<IpAddr>,
) -> Result<Option<(Caller, Proof)>, Failure> {
    if !form.proves() {
        return Ok(None);
    }
    if form.get("x-amz-security-token").is_some() {
        return Err(Code::InvalidToken.into());
    }
    let v4 = ["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"].map(|name| form.get(name));
    let v2 = ["awsaccesskeyid", "signature"].map(|name| form.get(name));
    match (v4.iter().any(Option::is_some), v2.iter().any(Option::is_some)) {
        (true, true) => Err(S3Error::with_message(Code::InvalidArgument, "Only one auth mechanism allowed").into()),
        (true, false) => by_v4(form, config, store, source).await.map(Some),
        (false, _) => by_v2(form, config, store, source).await.map(Some),
    }
}

fn need<'f>(form: &'f Form, name: &'static str, shown: &'static str) -> Result<&'f str, S3Error> {
    form.get(name).filter(|value| !value.is_empty()).ok_or_else(|| missing(shown))
}

async fn by_v4(
    form: &Form,
    config: &Config,
    store: &Store,
    source: Option<IpAddr>,
) -> Result<(Caller, Proof), Failure> {
    let policy = need(form, "policy", "Policy")?;
    let algorithm = need(form, "x-amz-algorithm", "X-Amz-Algorithm")?;
    let credential = need(form, "x-amz-credential", "X-Amz-Credential")?;
    let date = need(form, "x-amz-date", "X-Amz-Date")?;
    let signature = need(form, "x-amz-signature", "X-Amz-Signature")?;
    match algorithm {
        sigv4::ALGORITHM => {}
        "AWS4-ECDSA-P256-SHA256" => return Err(payload::asymmetric().into()),
        other => {
            let message = "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"";
            return Err(S3Error::argument("X-Amz-Algorithm", other, message).into());
        }
    }
    let v4 = V4::from_form(credential, signature)?;
    let signed_at = when::iso_basic(date).ok_or_else(|| {
        let message = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"";
        S3Error::argument("X-Amz-Date", date, message)
    })?;
    v4.check_scope(date, config)?;
    let candidate = auth::candidate(store, v4.key_id, source).await?;
    let derive = |secret: &[u8]| v4.signing_key(secret);
    let proven = candidate.prove_in(v4.scope(), derive, |key| {
        if key.verifies(policy.as_bytes(), v4.signature) { Ok(()) } else { Err(()) }
    });
    let caller = settle(proven, v4.key_id, signature, policy, store, source)?;
    Ok((caller, proof(sigv4::ALGORITHM, Some(signed_at))))
}

async fn by_v2(
    form: &Form,
    config: &Config,
    store: &Store,
    source: Option<IpAddr>,
) -> Result<(Caller, Proof), Failure> {
    let key_id = need(form, "awsaccesskeyid", "AWSAccessKeyId")?;
    let policy = need(form, "policy", "Policy")?;
    let signature = need(form, "signature", "Signature")?;
    let candidate = auth::candidate(store, key_id, source).await?;
    auth::sigv2_allowed(config, &candidate)?;
    let v2 = V2 { key_id, signature, expires: None };
    let proven = candidate.prove(|secret| if v2.verifies(secret, policy.as_bytes()) { Ok(()) } else { Err(()) });
    let caller = settle(proven, key_id, signature, policy, store, source)?;
    Ok((caller, proof("AWS", None)))
}

fn proof(version: &'static str, signed_at: Option<Timestamp>) -> Proof {
    Proof { auth_type: Some(AUTH_TYPE), signature_version: Some(version), signed_at }
}

fn settle(
    proven: Result<(Caller, ()), ()>,
    key_id: &str,
    signature: &str,
    policy: &str,
    store: &Store,
    source: Option<IpAddr>,
) -> Result<Caller, S3Error> {
    let proven = proven.map(|(caller, ())| caller);
    let told = proven.map_err(|()| auth::mismatch(key_id, signature, policy.as_bytes(), None));
    told.inspect_err(|error| auth::failed(store, source, error))
}
