//! Why a request was refused, and whether somebody could do something: both asked of the same authoriser that requests
//! meet.

use std::net::IpAddr;

use access::{Evidence, NoFacts, Question, Reason, Resource, Verdict};
use model::{Action, Basis, BucketName, ObjectKey, Principal, Timestamp};

use super::{CanView, Failure, RefusalView, rfc3339};
use crate::denials::Refusal;
use crate::{Error, Store};

impl Store {
    pub(super) async fn why(&self, request_id: &str) -> Result<Vec<RefusalView>, Failure> {
        let refusals = self.denials.of(request_id);
        if refusals.is_empty() {
            return Err(Failure::not_found(
                format!("no refusal of a request {request_id} is known"),
                "Only refusals by the authoriser since the server's start are kept, the latest 10,000 of them.",
            ));
        }
        Ok(refusals.iter().map(view).collect())
    }

    pub(super) async fn can(
        &self,
        who: &str,
        action: &str,
        what: &str,
        (source, at): (Option<&str>, Option<&str>),
    ) -> Result<CanView, Failure> {
        let action = action_named(action)?;
        let (source, at) = (source.map(address).transpose()?, at.map(moment).transpose()?);
        let principal = self.principal_meant(who).await?;
        let (bucket, object) = match what.split_once('/') {
            Some((bucket, key)) => (bucket, Some(key).filter(|key| !key.is_empty())),
            None => (what, None),
        };
        let name = self.bucket_name(bucket)?;
        let key = match (action.on_object(), object) {
            (true, Some(key)) => {
                Some(ObjectKey::new(key).map_err(|invalid| Failure::invalid(invalid.to_string(), "Give BUCKET/KEY."))?)
            }
            (true, None) => {
                return Err(Failure::invalid(format!("{} is asked of an object", action.as_str()), "Give BUCKET/KEY."));
            }
            (false, Some(_)) => {
                return Err(Failure::invalid(
                    format!("{} is asked of a bucket", action.as_str()),
                    "Give BUCKET alone.",
                ));
            }
            (false, None) => None,
        };
        self.decide_for(&principal, action, (&name, key.as_ref()), source, at).await
    }

    async fn decide_for(
        &self,
        principal: &Principal,
        action: Action,
        (name, key): (&BucketName, Option<&ObjectKey>),
        source: Option<IpAddr>,
        at: Option<Timestamp>,
    ) -> Result<CanView, Failure> {
        let (bucket, object) = match key {
            Some(key) => self.catalog.object(name, key).await.map_err(Error::from)?,
            None => (self.catalog.bucket(name).await.map_err(Error::from)?, None),
        };
        if bucket.is_none() && action != Action::CreateBucket {
            return Err(Failure::not_found(format!("there is no bucket {name}"), "See `bailiwick bucket list`."));
        }
        let (policy, key_policy) = (self.policies.of_bucket(bucket.as_ref()), self.policies.of_key(principal));
        let resource = match key {
            Some(key) => Resource::Object { bucket: name, key, version: None },
            None if action.of_service() => Resource::Service,
            None => Resource::Bucket(name),
        };
        let evidence = Evidence {
            settings: &self.settings.access,
            bucket: bucket.as_ref().filter(|_| !action.of_service()).map(|bucket| &*bucket.value),
            policy: policy.evidence(),
            key_policy: key_policy.evidence(),
            object: object.as_ref().map(crate::gate::facts),
            upload: None,
            basis: Basis::default(),
        };
        let at = at.unwrap_or_else(|| self.now());
        let question = Question { principal, action, resource, at, source, facts: &NoFacts };
        let verdict = access::decide(&question, evidence);
        let why = verdict.reasons().iter().map(ToString::to_string).collect();
        let remedy = match &verdict {
            Verdict::Allowed(_) => None,
            Verdict::Denied(denial) => denial.reasons().first().map(|reason| remedy(reason, action, name, key)),
        };
        Ok(CanView { allowed: verdict.is_allowed(), action: action.as_str().to_owned(), why, remedy })
    }

    /// The principal that somebody means: an access key, an account by any of its names, or `anonymous`.
    async fn principal_meant(&self, who: &str) -> Result<Principal, Failure> {
        if who == "anonymous" {
            return Ok(Principal::Anonymous);
        }
        if let Ok(key) = self.key_meant(who).await {
            return self.principal_of(&key.value).await;
        }
        let account = self.account_meant(who).await?;
        let keys = self.directory.keys_of(&account.value.id).await.map_err(Error::from)?;
        let own = keys.into_iter().find(|key| key.value.share.is_none());
        let key = own.ok_or_else(|| {
            Failure::not_found(
                format!("{who} has no access key of its own"),
                "Name a key, as `bailiwick key list` shows them.",
            )
        })?;
        self.principal_of(&key.value).await
    }
}

/// From S3's name, with or without `s3:`, in any case.
fn action_named(text: &str) -> Result<Action, Failure> {
    let named = text.strip_prefix("s3:").unwrap_or(text);
    let found = Action::ALL.iter().find(|action| action.as_str()["s3:".len()..].eq_ignore_ascii_case(named));
    found.copied().ok_or_else(|| {
        Failure::invalid(format!("there is no action {text}"), "Use S3's names, such as s3:GetObject or s3:ListBucket.")
    })
}

fn address(text: &str) -> Result<IpAddr, Failure> {
    let parsed = text.parse::<IpAddr>().map(|address| address.to_canonical());
    parsed.map_err(|_| Failure::invalid(format!("{text} is no IP address"), "Give one such as 192.0.2.7."))
}

fn moment(text: &str) -> Result<Timestamp, Failure> {
    let parsed = text.parse::<jiff::Timestamp>().ok();
    let millis = parsed.and_then(|moment| u64::try_from(moment.as_millisecond()).ok());
    millis
        .map(Timestamp::from_millis)
        .ok_or_else(|| Failure::invalid(format!("{text} is no moment"), "Give one such as 2027-01-31T12:00:00Z."))
}

fn view(refusal: &Refusal) -> RefusalView {
    let bucket = refusal.bucket.as_ref();
    let remedy = refusal
        .reasons
        .first()
        .zip(bucket)
        .map(|(reason, bucket)| remedy(reason, refusal.action, bucket, refusal.object.as_ref()));
    RefusalView {
        request_id: refusal.request_id.clone(),
        at: rfc3339(refusal.at),
        access_key_id: refusal.key.as_ref().map(ToString::to_string),
        source: refusal.source.map(|source| source.to_string()),
        action: refusal.action.as_str().to_owned(),
        bucket: bucket.map(ToString::to_string),
        key: refusal.object.as_ref().map(ToString::to_string),
        why: refusal.reasons.iter().map(ToString::to_string).collect(),
        remedy,
    }
}

/// The smallest change that would allow it.
fn remedy(reason: &Reason, action: Action, bucket: &BucketName, key: Option<&ObjectKey>) -> String {
    let on = key.map_or_else(|| bucket.to_string(), |key| format!("{bucket}/{key}"));
    let allow = || {
        format!(
            "Allow {} on arn:aws:s3:::{on} to the caller's account in the bucket's policy, or hand out a share of \
             {bucket} that includes it.",
            action.policy_name()
        )
    };
    match reason {
        Reason::AccountSuspended => "Let the account work again: `bailiwick account suspend ACCOUNT --resume`.".into(),
        Reason::KeyDisabled => "Enable the key: `bailiwick key enable KEY`.".into(),
        Reason::KeyExpired => "Make another key, or rotate it: `bailiwick key rotate KEY`.".into(),
        Reason::ShareExpired => "Extend the share: `bailiwick shares extend SHARE`.".into(),
        Reason::ShareRevoked | Reason::ShareMissing | Reason::ShareElsewhere | Reason::ShareOfAnother => {
            format!("Hand out a new share of {bucket}: `bailiwick share {bucket} --with EMAIL --preset PRESET`.")
        }
        Reason::NotInPreset(_) | Reason::NotInShareActions | Reason::CreatesOnly | Reason::DeletesOnlySome => {
            format!("Hand out a share of {bucket} with a preset that includes it.")
        }
        Reason::PrefixNotOfShare => format!("Hand out a share of {on}, or of all of {bucket}."),
        Reason::AddressNotOfKey | Reason::AddressNotOfShare | Reason::AddressNotPinned => {
            "Use it from an address that it is restricted to, or hand out one without that restriction.".into()
        }
        Reason::BucketNotOfKey | Reason::PrefixNotOfKey | Reason::NotInKeyPolicy => {
            "Use a key that is not restricted so.".into()
        }
        Reason::KeyPolicyDenies(_) | Reason::KeyPolicyUnreadable => "Use a key without that policy.".into(),
        Reason::PolicyDenies(at) => format!("Narrow or remove statement {} of the policy of {bucket}.", at.index + 1),
        Reason::PolicyUnreadable => format!("Replace the policy of {bucket}."),
        Reason::PublicPolicyRestricted => {
            format!("Turn RestrictPublicBuckets off on {bucket} and the server, if it is meant to be public.")
        }
        Reason::GuestOwnsNothing => "Make the bucket with an owner's key and grant it to the guest.".into(),
        Reason::StrictSignup => "Start the server without --strict-signup.".into(),
        Reason::NeedsKey => "Sign the request.".into(),
        Reason::OwnerOnly | Reason::PolicyOfOwnersAlone => format!("Use a key of the owner of {bucket}."),
        Reason::PolicyOnObjectOfAnother | Reason::GiverMayNotRead => {
            "Ask the object's owner for a grant on it, or let the bucket's owner own what lands.".into()
        }
        Reason::BucketGrantIgnored(_) | Reason::ObjectGrantIgnored(_) => {
            format!("Turn IgnorePublicAcls off on {bucket} and the server, if it is meant to be public.")
        }
        Reason::AclsOff => format!("Turn ACLs on in {bucket} by its object ownership, or write a policy."),
        _ => allow(),
    }
}
