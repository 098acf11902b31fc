//! What keys can do, on which buckets and keys, and why: computed by [`access::reach`] from the records that requests meet.
//!
//! Buckets and objects that may concern a key are found by the indexes of ownership, grants and policies, never by a scan of
//! what is stored; a report on every key reads each bucket once.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use access::policy::Named;
use access::reach::automaton::Regular;
use access::reach::pattern::Pattern;
use access::reach::{KnownBucket, KnownObject, Row, Scope, When};
use access::{PolicyEvidence, Reason, Via};
use catalog::{GrantTarget, Object, Stored};
use model::{
    AccessKey, Account, AccountId, AccountKind, AccountState, Action, Bucket, BucketName, CanonicalId, DisplayName,
    Email, Group, KeyState, ObjectKey, Principal, Restriction, limits,
};

use super::{Failure, HolderReach, OnlyReach, ReachRow};
use crate::policies::Parsed;
use crate::{Error, Store};

/// Most objects that are listed for their own ACL's sake, by account or group.
const OBJECTS: usize = 10_000;

/// Groups that stand for people whom nobody named.
const PUBLIC: [Group; 2] = [Group::AllUsers, Group::AuthenticatedUsers];

/// Somebody who can do something, or several keys that can do the same.
pub(super) struct Holder {
    /// An account's e-mail address; `everyone`; `every account`.
    pub(super) who: String,
    pub(super) access_key_ids: Vec<String>,
    pub(super) principal: Principal,
}

/// Records that a report rests on, by bucket.
#[derive(Default)]
pub(super) struct Records {
    buckets: BTreeMap<BucketName, (Stored<Bucket>, Parsed)>,
    pub(super) objects: HashMap<(BucketName, ObjectKey), Option<Stored<Object>>>,
}

/// What may concern a principal.
#[derive(Default)]
pub(super) struct InQuestion {
    buckets: BTreeSet<BucketName>,
    pub(super) objects: BTreeMap<BucketName, BTreeSet<ObjectKey>>,
    /// Whether there are more objects than are listed.
    pub(super) cut: bool,
}

impl Store {
    pub(super) async fn reach(&self, meant: &str) -> Result<Vec<ReachRow>, Failure> {
        Ok(for_people(self.reach_of(meant).await?))
    }

    /// As `reach`; and what of it lies beyond `only`: `BUCKET` or `BUCKET/PREFIX`.
    pub(super) async fn reach_only(&self, meant: &str, only: &str) -> Result<OnlyReach, Failure> {
        let (bucket, prefix) = only.split_once('/').unwrap_or((only, ""));
        let bucket = self.bucket_name(bucket)?;
        let rows = self.reach_of(meant).await?;
        let more = rows.iter().find_map(|(shown, row)| {
            let example = match row {
                Some(row) => beyond(row, &bucket, prefix)?,
                None => "objects that are not listed".to_owned(),
            };
            Some((shown.clone(), example))
        });
        let (more, example) = more.unzip();
        Ok(OnlyReach { rows: for_people(rows), more, example })
    }

    /// What an unsigned request reaches.
    pub(super) async fn reach_public(&self) -> Result<Vec<ReachRow>, Failure> {
        let mut records = Records::default();
        let rows = self.rows(&Principal::Anonymous, &[GrantTarget::Group(Group::AllUsers)], &mut records).await?;
        Ok(for_people(rows))
    }

    /// What everyone reaches, what every account reaches, and what each key reaches beside that. Keys that reach the same
    /// by the same records are told together.
    pub(super) async fn reach_all(&self) -> Result<Vec<HolderReach>, Failure> {
        let mut records = Records::default();
        for bucket in self.catalog.buckets().await.map_err(Error::from)? {
            let policy = self.policies.of_bucket(Some(&bucket));
            records.buckets.insert(bucket.value.name.clone(), (bucket, policy));
        }
        let mut all = vec![];
        for Holder { who, access_key_ids, principal, .. } in self.holders().await? {
            let rows = self.rows(&principal, &told_apart(&principal), &mut records).await?;
            all.push(HolderReach { who, access_key_ids, rows: for_people(rows) });
            tokio::task::yield_now().await;
        }
        Ok(all)
    }

    /// Everyone, every account, and all keys; those of an account that are alike are one.
    pub(super) async fn holders(&self) -> Result<Vec<Holder>, Failure> {
        let nobodys = |who: &str, principal| Holder { who: who.into(), access_key_ids: vec![], principal };
        let mut all = vec![nobodys("everyone", Principal::Anonymous), nobodys("every account", some_account()?)];
        for account in self.all_accounts().await? {
            let account = account.value;
            let mut alike: Vec<(AccessKey, Vec<String>)> = vec![];
            for key in self.directory.keys_of(&account.id).await.map_err(Error::from)? {
                let key = key.value;
                let same = |known: &AccessKey| {
                    known.share.is_none()
                        && key.share.is_none()
                        && known.state == key.state
                        && known.restriction == key.restriction
                };
                match alike.iter_mut().find(|(known, _)| same(known)) {
                    Some((_, ids)) => ids.push(key.id.to_string()),
                    None => alike.push((key.clone(), vec![key.id.to_string()])),
                }
            }
            for (key, access_key_ids) in alike {
                let principal = self.principal_of(&key).await?;
                all.push(Holder { who: account.email.to_string(), access_key_ids, principal });
            }
        }
        Ok(all)
    }

    /// What a key reaches, with the requests that prove it: what `reach` tells people, as it was found.
    ///
    /// # Errors
    /// [`Failure`] if there is no such key.
    pub async fn reach_rows(&self, access_key_id: &str) -> Result<Vec<Row>, Failure> {
        Ok(self.reach_of(access_key_id).await?.into_iter().filter_map(|(_, row)| row).collect())
    }

    async fn reach_of(&self, meant: &str) -> Result<Vec<(ReachRow, Option<Row>)>, Failure> {
        let key = match self.key_meant(meant).await {
            Ok(key) => key.value,
            // A share's key is removed when the share is revoked; then it reaches nothing.
            Err(_) if self.was_a_shares(meant).await? => return Ok(vec![]),
            Err(failure) => return Err(failure),
        };
        let principal = self.principal_of(&key).await?;
        self.rows(&principal, &named_by(&principal), &mut Records::default()).await
    }

    pub(super) async fn principal_of(&self, key: &AccessKey) -> Result<Principal, Failure> {
        let account = self.directory.account(&key.account).await.map_err(Error::from)?;
        let account = account.ok_or_else(|| Error::Damaged(format!("the account of key {} does not exist", key.id)))?;
        let share = match &key.share {
            Some(id) => self.directory.share(id).await.map_err(Error::from)?.map(|share| share.value),
            None => None,
        };
        Ok(Principal::Key { account: account.value, key: key.clone(), share })
    }

    /// What `principal` reaches of what it owns, of what names one of `targets`, and of its share. The row that tells that
    /// something is left out has no other behind it.
    pub(super) async fn rows(
        &self,
        principal: &Principal,
        targets: &[GrantTarget<'_>],
        records: &mut Records,
    ) -> Result<Vec<(ReachRow, Option<Row>)>, Failure> {
        let question = self.in_question(principal, targets).await?;
        self.read(&question, records).await?;
        let key_policy = self.policies.of_key(principal);
        let (settings, at) = (&self.settings.access, self.now());
        let scope = Scope { principal, key_policy: key_policy.evidence(), settings, at };
        let mut rows: Vec<(ReachRow, Option<Row>)> = vec![];
        rows.extend(scope.service().into_iter().map(|row| (shown(&row, PolicyEvidence::None), Some(row))));
        let found = question.buckets.iter().filter_map(|name| records.buckets.get(name));
        for (bucket, policy) in found {
            let name = &bucket.value.name;
            let objects: Vec<KnownObject<'_>> = question
                .objects
                .get(name)
                .into_iter()
                .flatten()
                .filter_map(|key| records.objects.get(&(name.clone(), key.clone()))?.as_ref())
                .map(|object| KnownObject { key: &object.value.key, facts: crate::gate::facts(object) })
                .collect();
            let known = KnownBucket { bucket: &bucket.value, policy: policy.evidence(), objects: &objects };
            rows.extend(scope.bucket(&known).into_iter().map(|row| (shown(&row, policy.evidence()), Some(row))));
        }
        if question.cut {
            rows.push((left_out(), None));
        }
        Ok(rows)
    }

    /// Buckets and objects on which the principal could be allowed anything.
    pub(super) async fn in_question(
        &self,
        principal: &Principal,
        targets: &[GrantTarget<'_>],
    ) -> Result<InQuestion, Failure> {
        let mut found = InQuestion::default();
        if let Principal::Key { account, key, share } = principal {
            if let Some(share) = share {
                found.buckets.insert(share.bucket.clone());
            }
            if key.share.is_some() || share.is_some() {
                return Ok(found);
            }
            found.buckets.extend(self.catalog.owned_buckets(&account.id).await.map_err(Error::from)?);
        }
        for target in targets {
            found.buckets.extend(self.catalog.granted_buckets(target).await.map_err(Error::from)?);
            let (objects, more) = self.catalog.granted_objects(target, OBJECTS).await.map_err(Error::from)?;
            for (bucket, key) in objects {
                found.buckets.insert(bucket.clone());
                found.objects.entry(bucket).or_default().insert(key);
            }
            found.cut |= more;
        }
        Ok(found)
    }

    /// Reads what is in question and was not read yet.
    pub(super) async fn read(&self, question: &InQuestion, records: &mut Records) -> Result<(), Failure> {
        let missing: Vec<BucketName> =
            question.buckets.iter().filter(|name| !records.buckets.contains_key(name)).cloned().collect();
        for chunk in missing.chunks(limits::PAGE_KEYS) {
            for bucket in self.catalog.buckets_named(chunk).await.map_err(Error::from)? {
                let policy = self.policies.of_bucket(Some(&bucket));
                records.buckets.insert(bucket.value.name.clone(), (bucket, policy));
            }
        }
        for (bucket, keys) in &question.objects {
            for key in keys {
                let at = (bucket.clone(), key.clone());
                if let Entry::Vacant(place) = records.objects.entry(at) {
                    place.insert(self.catalog.object(bucket, key).await.map_err(Error::from)?.1);
                }
            }
        }
        Ok(())
    }
}

/// All by which a grant may name a principal.
pub(super) fn named_by(principal: &Principal) -> Vec<GrantTarget<'_>> {
    let Some(account) = principal.account() else { return vec![GrantTarget::Group(Group::AllUsers)] };
    let own = [GrantTarget::Account(&account.canonical_id), GrantTarget::AccountNumber(&account.id)];
    PUBLIC.map(GrantTarget::Group).into_iter().chain(own).collect()
}

/// The same, where everyone and every account are told apart from whom a grant names.
fn told_apart(principal: &Principal) -> Vec<GrantTarget<'_>> {
    let named = named_by(principal);
    match principal.account() {
        None => named,
        Some(account) if account.id.as_str() == NOBODYS => named.into_iter().take(PUBLIC.len()).collect(),
        Some(_) => named.into_iter().skip(PUBLIC.len()).collect(),
    }
}

/// The id of an account that there is not; ids begin with another digit.
const NOBODYS: &str = "000000000000";

/// An account that nobody has: what it reaches, every account does.
fn some_account() -> Result<Principal, Failure> {
    let invalid = |_| Error::Damaged("a made-up account is not valid".into());
    let id = AccountId::new(NOBODYS).map_err(invalid)?;
    let created = model::Timestamp::from_millis(0);
    let account = Account {
        id: id.clone(),
        canonical_id: CanonicalId::new(&"0".repeat(64)).map_err(invalid)?,
        email: Email::new("nobody@invalid.example").map_err(invalid)?,
        display_name: DisplayName::new("nobody").map_err(invalid)?,
        kind: AccountKind::Guest,
        state: AccountState::Active,
        created,
    };
    let key = AccessKey {
        id: model::AccessKeyId::new("NOBODYANDEVERYACCNTS").map_err(invalid)?,
        account: id,
        state: KeyState::Enabled,
        share: None,
        allow_sigv2: false,
        created,
        restriction: Restriction::NONE,
    };
    Ok(Principal::Key { account, key, share: None })
}

fn for_people(rows: Vec<(ReachRow, Option<Row>)>) -> Vec<ReachRow> {
    rows.into_iter().map(|(row, _)| row).collect()
}

/// A row for people.
pub(super) fn shown(row: &Row, policy: PolicyEvidence<'_>) -> ReachRow {
    let why = row.reason.as_ref().map_or_else(|| "a policy may allow it".to_owned(), |reason| why(reason, policy));
    ReachRow {
        bucket: row.bucket.as_ref().map_or_else(|| "*".into(), |bucket| bucket.to_string()),
        keys: row.keys.as_ref().map_or_else(|| "-".into(), ToString::to_string),
        actions: row.actions.iter().map(|action| action.as_str().to_owned()).collect(),
        conditions: row.when.iter().map(ToString::to_string).collect(),
        why: if row.escalation { format!("{why}; it changes who may do what") } else { why },
    }
}

/// Why, for people; what comes through a group or a policy for everyone says that it is the public's.
fn why(reason: &Reason, policy: PolicyEvidence<'_>) -> String {
    let public = match (reason, policy) {
        (Reason::BucketGrant(at) | Reason::ObjectGrant(at), _) => matches!(at.via, Via::Group(_)),
        (Reason::PolicyAllows(at), PolicyEvidence::Read(policy)) => {
            let principals = policy.statements().get(at.index).and_then(|statement| statement.principals());
            principals.is_some_and(|principals| principals.named().contains(&Named::Everyone))
        }
        _ => false,
    };
    if public { format!("public: {reason}") } else { reason.to_string() }
}

pub(super) fn left_out() -> ReachRow {
    ReachRow {
        bucket: "*".into(),
        keys: "*".into(),
        actions: vec!["s3:GetObject".into()],
        conditions: vec![format!("more than {OBJECTS} objects grant something by their own ACL; not all are listed")],
        why: "grants on objects".into(),
    }
}

/// An example of what a row has beyond the keys of `bucket` that begin with `prefix`; `None`: nothing. One's own list of
/// buckets shows what other rows name. What tells nothing of any key, and a listing under the prefix, is not beyond it.
fn beyond(row: &Row, bucket: &BucketName, prefix: &str) -> Option<String> {
    let example = |action: &Action, what: &str| Some(format!("{} on {what}", action.as_str()));
    let probes = [Action::HeadBucket, Action::GetBucketLocation, Action::GetBucketVersioning];
    let listings = [Action::ListBucket, Action::ListBucketVersions, Action::ListBucketMultipartUploads];
    let first = row.actions.first()?;
    match (&row.bucket, &row.keys) {
        (None, _) => row
            .actions
            .iter()
            .find(|action| **action != Action::ListAllMyBuckets)
            .and_then(|action| example(action, "a bucket of its own")),
        (Some(other), keys) if other != bucket => {
            let key = keys.as_ref().and_then(|keys| keys.regular().shortest());
            example(first, &key.map_or_else(|| other.to_string(), |key| format!("{other}/{key}")))
        }
        (Some(_), _) if prefix.is_empty() => None,
        (Some(bucket), None) => {
            let confined = row.when.iter().any(|when| {
                matches!(when, When::Listing(prefixes) if prefixes.iter().all(|begin| begin.starts_with(prefix)))
            });
            let fine = |action: &&Action| probes.contains(action) || (confined && listings.contains(action));
            row.actions.iter().find(|action| !fine(action)).and_then(|action| example(action, bucket.as_str()))
        }
        (Some(bucket), Some(keys)) => {
            let outside = Regular::of(&Pattern::prefix(prefix)).and_then(|within| keys.regular().difference(&within));
            match outside.map(|outside| outside.shortest()) {
                Ok(None) => None,
                Ok(Some(key)) => example(first, &format!("{bucket}/{key}")),
                Err(complex) => example(first, &format!("{bucket} ({complex})")),
            }
        }
    }
}
