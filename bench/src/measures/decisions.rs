//! What a decision of [`access::decide`] takes: the function alone, in a loop, by the processor time of the thread.
//!
//! Each case is one in which everything must be looked at: what settles it stands last.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use access::policy::{Facts, Policy, Value, Values};
use access::{Evidence, NoFacts, ObjectFacts, PolicyEvidence, Question, Resource, Settings, decide};
use model::{
    AccessKey, AccessKeyId, Account, AccountId, AccountKind, AccountState, Acl, Action, Basis, Bucket, BucketName,
    BucketPolicy, CanonicalId, Caps, DisplayName, Email, Grant, Grantee, KeyState, ObjectKey, ObjectOwnership,
    Permission, Preset, Principal, PublicAccessBlock, Quota, Restriction, Share, ShareId, ShareState, Timestamp,
};

use super::progress;
use crate::median::median;
use crate::options::Options;
use crate::{Outcome, process};

/// Grants of the ACL.
pub(crate) const GRANTS: usize = 10;
/// Statements of the policy.
pub(crate) const STATEMENTS: usize = 20;
/// Shares of the bucket, and keys that the one asked for had before.
pub(crate) const SHARES: usize = 100;

/// Decisions of one round, in each case.
const DECISIONS: usize = 200_000;

/// What was found: medians of the rounds, in nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct Decisions {
    /// GetObject, by the last of [`GRANTS`] grants.
    pub grants: f64,
    /// GetObject, by the last of [`STATEMENTS`] statements with conditions.
    pub policy: f64,
    /// PutObject by a share, of which there are [`SHARES`] on the bucket.
    pub shares: f64,
    /// To read a policy of [`STATEMENTS`] statements, which is not part of a decision.
    pub reading: f64,
}

const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// What the policy's conditions ask for.
struct Request;

impl Facts for Request {
    fn values(&self, key: &str) -> Values<'_> {
        Values::One(match key {
            "aws:securetransport" => Value::Bool(true),
            "aws:useragent" => Value::Text("aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 lang/python#3.13.7"),
            _ => return Values::Absent,
        })
    }
}

pub(super) fn measure(options: &Options) -> Outcome<Decisions> {
    let (policy, text) = policy()?;
    let scene = Scene::new(&text)?;
    let mut found = [const { Vec::new() }; 4];
    for round in 0..options.rounds() {
        progress("decisions, round", round, options.rounds());
        found[0].push(scene.time(&scene.guest, Action::GetObject, PolicyEvidence::None)?);
        found[1].push(scene.time(&scene.stranger, Action::GetObject, PolicyEvidence::Read(&policy))?);
        found[2].push(scene.time(&scene.holder, Action::PutObject, PolicyEvidence::None)?);
        found[3].push(time(DECISIONS / 100, || drop(black_box(Policy::parse(black_box(&text))))));
    }
    let [grants, policy, shares, reading] = found.map(median);
    Ok(Decisions { grants, policy, shares, reading })
}

/// Nanoseconds on a processor of one call.
fn time(calls: usize, mut call: impl FnMut()) -> f64 {
    let begun = process::thread_time();
    (0..calls).for_each(|_| call());
    (process::thread_time() - begun).as_secs_f64() * 1e9 / calls as f64
}

/// A bucket with an object in it, and those who ask.
struct Scene {
    settings: Settings,
    /// Without a policy, and with one.
    buckets: [Bucket; 2],
    object_owner: CanonicalId,
    object_acl: Acl,
    key: ObjectKey,
    guest: Principal,
    stranger: Principal,
    holder: Principal,
}

impl Scene {
    fn new(policy: &str) -> Outcome<Scene> {
        let (owner, last) = (canonical(0)?, canonical(GRANTS)?);
        let grants = (1..=GRANTS).map(|n| Ok(read_grant(canonical(n)?))).collect::<Outcome<Vec<_>>>()?;
        let object_acl = Acl::new(grants)?;
        let bucket = |policy: Option<BucketPolicy>| -> Outcome<Bucket> {
            Ok(Bucket {
                name: BucketName::new("myproject")?,
                incarnation: 1,
                owner: account_id(0)?,
                owner_canonical: owner.clone(),
                acl: object_acl.clone(),
                ownership: None,
                public_access_block: None,
                policy,
                created: NOW,
            })
        };
        let policy = BucketPolicy { text: policy.into(), names: vec![] };
        let guest = account(GRANTS)?;
        if guest.canonical_id != last {
            return Err("the guest is not the last who is granted something".into());
        }
        let share = share(&account(GRANTS)?)?;
        let holder_key = AccessKey { share: Some(share.id.clone()), ..key(&account(GRANTS)?)? };
        Ok(Scene {
            settings: Settings {
                public_access_block: PublicAccessBlock::NONE,
                default_ownership: ObjectOwnership::ObjectWriter,
                strict_signup: false,
            },
            buckets: [bucket(None)?, bucket(Some(policy))?],
            object_owner: owner.clone(),
            object_acl,
            key: ObjectKey::new("data/2026/reports/january/summary.parquet")?,
            guest: Principal::Key { key: key(&guest)?, account: guest, share: None },
            stranger: {
                let account = account(GRANTS + 1)?;
                Principal::Key { key: key(&account)?, account, share: None }
            },
            holder: Principal::Key { account: account(GRANTS)?, key: holder_key, share: Some(share) },
        })
    }

    /// Nanoseconds of a decision, which must be a yes.
    fn time(&self, principal: &Principal, action: Action, policy: PolicyEvidence<'_>) -> Outcome<f64> {
        let has_policy = matches!(policy, PolicyEvidence::Read(_));
        let bucket = &self.buckets[usize::from(has_policy)];
        let resource = Resource::Object { bucket: &bucket.name, key: &self.key, version: None };
        let facts: &dyn Facts = if has_policy { &Request } else { &NoFacts };
        let source = Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)));
        let question = Question { principal, action, resource, at: NOW, source, facts };
        // A new object is written; the one that is read is there.
        let object = (action == Action::GetObject).then_some(ObjectFacts {
            owner: &self.object_owner,
            acl: &self.object_acl,
            tags: &[],
        });
        let evidence = || Evidence {
            settings: &self.settings,
            bucket: Some(bucket),
            policy,
            key_policy: PolicyEvidence::None,
            object,
            upload: None,
            basis: Basis::default(),
        };
        let verdict = decide(&question, evidence());
        if !verdict.is_allowed() {
            return Err(format!("the decision to be timed is a no: {:?}", verdict.reasons()).into());
        }
        Ok(time(DECISIONS, || drop(black_box(decide(black_box(&question), black_box(evidence()))))))
    }
}

fn read_grant(account: CanonicalId) -> Grant {
    Grant { grantee: Grantee::Account(account), permission: Permission::Read }
}

fn account_id(n: usize) -> Outcome<AccountId> {
    Ok(AccountId::new(&format!("{n:012}"))?)
}

fn canonical(n: usize) -> Outcome<CanonicalId> {
    Ok(CanonicalId::new(&format!("{n:064x}"))?)
}

fn account(n: usize) -> Outcome<Account> {
    Ok(Account {
        id: account_id(n)?,
        canonical_id: canonical(n)?,
        email: Email::new(&format!("guest-{n}@example.com"))?,
        display_name: DisplayName::new("guest")?,
        kind: AccountKind::Guest,
        state: AccountState::Active,
        created: NOW,
    })
}

fn key(account: &Account) -> Outcome<AccessKey> {
    Ok(AccessKey {
        id: AccessKeyId::new("BWABCDEFGHIJKLMNOP27")?,
        account: account.id.clone(),
        state: KeyState::Enabled,
        share: None,
        allow_sigv2: false,
        created: NOW,
        restriction: Restriction::NONE,
    })
}

fn share(account: &Account) -> Outcome<Share> {
    let key = key(account)?;
    Ok(Share {
        id: ShareId::new("0123456789ab")?,
        bucket: BucketName::new("myproject")?,
        incarnation: 1,
        giver: account_id(0)?,
        account: account.id.clone(),
        key: key.id.clone(),
        preset: Preset::Backup,
        state: ShareState::Active,
        created: NOW,
        expires: NOW.plus_seconds(1),
        name: "nightly".into(),
        note: "".into(),
        prefix: "data/".into(),
        actions: None,
        networks: vec![],
        quota: Quota::default(),
        caps: Caps::default(),
        pin: None,
        former_keys: vec![key.id; SHARES],
    })
}

/// Each statement is about the action and the object, so that its conditions must be looked at.
fn policy() -> Outcome<(Policy, String)> {
    let last = STATEMENTS - 1;
    let statement = |index: usize| {
        let (effect, network) = match index {
            _ if index == last => ("Allow", "203.0.113.0/24"),
            _ if index.is_multiple_of(2) => ("Deny", "198.51.100.0/24"),
            _ => ("Allow", "198.51.100.0/24"),
        };
        let who = account_id(GRANTS + 1)?;
        Ok(format!(
            r#"{{
                "Effect": "{effect}", "Principal": {{"AWS": ["111122223333", "{who}"]}},
                "Action": ["s3:Get*", "s3:ListBucket"],
                "Resource": ["arn:aws:s3:::myproject", "arn:aws:s3:::myproject/data/*/{index}/*", "arn:aws:s3:::myproject/*"],
                "Condition": {{
                    "Bool": {{"aws:SecureTransport": "true"}},
                    "DateLessThan": {{"aws:CurrentTime": "2027-01-01T00:00:00Z"}},
                    "StringLike": {{"aws:UserAgent": ["*boto3*", "aws-cli/*"]}},
                    "IpAddress": {{"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16", "{network}"]}}
                }}
            }}"#
        ))
    };
    let list = (0..STATEMENTS).map(statement).collect::<Outcome<Vec<String>>>()?;
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, list.join(","));
    Ok((Policy::parse(&text).map_err(|error| format!("the policy cannot be read: {error}"))?, text))
}
