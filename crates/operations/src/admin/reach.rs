//! What a key can do, on which buckets and keys, and why: asked of the same [`access::decide`] that requests meet.
//!
//! Buckets and objects that may concern the key are found by the indexes of grants and ownership, never by a scan of what is
//! stored. For each bucket, every action is decided on the bucket as it is; actions on objects are decided on an object of
//! the bucket's owner that has no ACL of its own (that stands for all keys), and beside it on each object whose own ACL
//! names the account or a group.

use std::collections::BTreeSet;

use access::{Evidence, ObjectFacts, Question, Reason, Resource};
use catalog::{GrantTarget, Object, Stored};
use model::{AccessKey, Acl, Action, Basis, Bucket, BucketName, Group, ObjectKey, ObjectOwnership, Principal};

use super::{Failure, ReachRow};
use crate::{Error, Store};

/// Most objects that are listed for their own ACL's sake, by account or group.
const OBJECTS: usize = 10_000;

/// Groups that stand for people whom nobody named.
const PUBLIC: [Group; 2] = [Group::AllUsers, Group::AuthenticatedUsers];

impl Store {
    pub(super) async fn reach(&self, meant: &str) -> Result<Vec<ReachRow>, Failure> {
        let key = match self.key_meant(meant).await {
            Ok(key) => key.value,
            // A share's key is removed when the share is revoked; then it reaches nothing.
            Err(_) if self.was_a_shares(meant).await? => return Ok(vec![]),
            Err(failure) => return Err(failure),
        };
        let principal = self.principal_of(&key).await?;
        let mut rows = self.reach_of_service(&principal);
        let (buckets, mut objects, cut) = self.in_question(&principal).await?;
        for bucket in buckets {
            rows.extend(self.reach_of_bucket(&principal, &bucket.value));
        }
        objects.sort();
        objects.dedup();
        for (bucket, key) in objects {
            if let (Some(bucket), Some(object)) = self.catalog.object(&bucket, &key).await.map_err(Error::from)? {
                rows.extend(self.reach_of_object(&principal, &bucket.value, &object.value));
            }
        }
        if cut {
            rows.push(ReachRow {
                bucket: "*".into(),
                keys: "*".into(),
                actions: vec!["s3:GetObject".into()],
                conditions: vec![format!(
                    "more than {OBJECTS} objects grant something by their own ACL; not all are listed"
                )],
                why: "grants on objects".into(),
            });
        }
        Ok(rows)
    }

    async fn principal_of(&self, key: &AccessKey) -> Result<Principal, Failure> {
        let account = self.directory.account(&key.account).await.map_err(Error::from)?;
        let account = account.ok_or_else(|| Error::Damaged(format!("the account of key {} does not exist", key.id)))?;
        let share = match &key.share {
            Some(id) => self.directory.share(id).await.map_err(Error::from)?.map(|share| share.value),
            None => None,
        };
        Ok(Principal::Key { account: account.value, key: key.clone(), share })
    }

    /// Buckets and objects on which the principal could be allowed anything, and whether there are more objects.
    #[expect(clippy::type_complexity, reason = "three lists, used once")]
    async fn in_question(
        &self,
        principal: &Principal,
    ) -> Result<(Vec<Stored<Bucket>>, Vec<(BucketName, ObjectKey)>, bool), Failure> {
        let Principal::Key { account, share, key } = principal else { return Ok((vec![], vec![], false)) };
        let mut names = BTreeSet::new();
        let mut objects = vec![];
        let mut cut = false;
        if let Some(share) = share {
            names.insert(share.bucket.clone());
        } else if key.share.is_none() {
            names.extend(self.named_for(account).await?);
            let targets = PUBLIC.map(GrantTarget::Group);
            let own = GrantTarget::Account(&account.canonical_id);
            for target in targets.iter().chain([&own]) {
                names.extend(self.catalog.granted_buckets(target).await.map_err(Error::from)?);
                let (found, more) = self.catalog.granted_objects(target, OBJECTS).await.map_err(Error::from)?;
                objects.extend(found);
                cut |= more;
            }
        }
        let names: Vec<BucketName> = names.into_iter().collect();
        let mut buckets = vec![];
        for chunk in names.chunks(model::limits::PAGE_KEYS) {
            buckets.extend(self.catalog.buckets_named(chunk).await.map_err(Error::from)?);
        }
        Ok((buckets, objects, cut))
    }

    fn reach_of_service(&self, principal: &Principal) -> Vec<ReachRow> {
        let all = |_: &Reason| true;
        let list = [(Action::ListAllMyBuckets, Resource::Service)];
        let mut rows = self.decided(principal, (None, None), "-", &list, all);
        // A name that is nobody's: whether the key may make buckets.
        if let Ok(name) = BucketName::new("a-name-that-is-free") {
            let create = [(Action::CreateBucket, Resource::Bucket(&name))];
            rows.extend(self.decided(principal, (None, None), "-", &create, all));
        }
        rows
    }

    fn reach_of_bucket(&self, principal: &Principal, bucket: &Bucket) -> Vec<ReachRow> {
        let on_bucket: Vec<(Action, Resource<'_>)> = Action::ALL
            .iter()
            .filter(|action| !action.on_object() && !matches!(action, Action::ListAllMyBuckets | Action::CreateBucket))
            .map(|action| (*action, Resource::Bucket(&bucket.name)))
            .collect();
        let all = |_: &Reason| true;
        let mut rows = self.decided(principal, (Some(bucket), None), "-", &on_bucket, all);
        // Any key will do: the object is as good as any other that has no ACL of its own.
        let Ok(any) = ObjectKey::new("any") else { return rows };
        let acl = Acl::private(bucket.owner_canonical.clone());
        let facts = ObjectFacts { owner: &bucket.owner_canonical, acl: &acl };
        let on_objects: Vec<(Action, Resource<'_>)> = object_actions(&bucket.name, &any).collect();
        let mut objects = self.decided(principal, (Some(bucket), Some(facts)), "*", &on_objects, all);
        let ownership = bucket.ownership.unwrap_or(self.settings.access.default_ownership);
        if matches!(ownership, ObjectOwnership::ObjectWriter | ObjectOwnership::BucketOwnerPreferred) {
            for row in &mut objects {
                row.conditions.push("on objects that the bucket's owner owns".into());
            }
        }
        rows.extend(objects);
        rows
    }

    fn reach_of_object(&self, principal: &Principal, bucket: &Bucket, object: &Object) -> Vec<ReachRow> {
        let facts = ObjectFacts { owner: &object.owner, acl: &object.acl };
        let actions: Vec<(Action, Resource<'_>)> = object_actions(&bucket.name, &object.key).collect();
        // What the bucket allows is told by the bucket's rows.
        let own = |reason: &Reason| matches!(reason, Reason::ObjectOwner | Reason::ObjectGrant(_));
        self.decided(principal, (Some(bucket), Some(facts)), object.key.as_str(), &actions, own)
    }

    /// A row for each reason that allows some of `actions`.
    fn decided(
        &self,
        principal: &Principal,
        (bucket, object): (Option<&Bucket>, Option<ObjectFacts<'_>>),
        keys: &str,
        actions: &[(Action, Resource<'_>)],
        told: impl Fn(&Reason) -> bool,
    ) -> Vec<ReachRow> {
        let mut rows: Vec<ReachRow> = vec![];
        for (action, resource) in actions {
            let question = Question { principal, action: *action, resource: *resource, at: self.now(), source: None };
            let evidence =
                Evidence { settings: &self.settings.access, bucket, object, upload: None, basis: Basis::default() };
            let verdict = access::decide(&question, evidence);
            let (true, Some(reason)) = (verdict.is_allowed(), verdict.reasons().first()) else { continue };
            if !told(reason) {
                continue;
            }
            let why = why(reason);
            let name = action.as_str().to_owned();
            match rows.iter_mut().find(|row| row.why == why) {
                Some(row) => row.actions.push(name),
                None => rows.push(ReachRow {
                    bucket: bucket.map_or_else(|| "*".into(), |bucket| bucket.name.to_string()),
                    keys: keys.to_owned(),
                    actions: vec![name],
                    conditions: until(principal),
                    why,
                }),
            }
        }
        rows
    }
}

fn object_actions<'a>(bucket: &'a BucketName, key: &'a ObjectKey) -> impl Iterator<Item = (Action, Resource<'a>)> {
    let resource = Resource::Object { bucket, key, version: None };
    Action::ALL.iter().filter(|action| action.on_object()).map(move |action| (*action, resource))
}

/// Why, for people; what comes through a group says that it is the public's.
fn why(reason: &Reason) -> String {
    match reason {
        Reason::BucketGrant(at) | Reason::ObjectGrant(at) if matches!(at.via, access::Via::Group(_)) => {
            format!("public: {reason}")
        }
        _ => reason.to_string(),
    }
}

/// Until when it holds.
fn until(principal: &Principal) -> Vec<String> {
    match principal {
        Principal::Key { share: Some(share), .. } => vec![format!("until {}", super::rfc3339(share.expires))],
        _ => vec![],
    }
}
