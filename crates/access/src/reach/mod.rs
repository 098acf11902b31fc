//! What a principal reaches: the answer of [`crate::decide`] for all requests at once, not for samples.
//!
//! Nothing here knows what is allowed. Keys are taken apart by every pattern that a record names (policies, shares,
//! restrictions), so that all keys of a cell are alike to `decide`; what else a request says is taken apart the same way,
//! by the conditions that look at it. One request of each kind is then put to `decide` itself, and what it says holds for
//! all of that kind. Every row brings the requests that showed it.
//!
//! Invariants:
//! - what some request is allowed is in a row, whatever the records, and its conditions do not hold it back: where
//!   conditions or patterns cannot be told apart ([`When::Unproven`], [`When::SomeKeys`], [`When::TooComplex`]), a row
//!   claims too much and says so, never too little;
//! - a deny that applies only under conditions is not taken off what is allowed, but told ([`When::Unless`]);
//! - every other row has, for each of its actions, a request that `decide` allows.
//!
//! It is asked of the records as they are and of requests from now on. Reading an object is asked of one that is there: an
//! answer that it is not there tells no more than the listing. Creating a bucket that exists changes nothing and is left
//! out.
//!
//! Absent on purpose: I/O. Which buckets and objects come into question is the caller's to find.

pub mod automaton;
mod choices;
mod difference;
mod in_bucket;
pub mod keys;
pub mod pattern;
mod request;
mod service;
mod statements;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_difference;
mod when;

use model::{Acl, Action, Basis, Bucket, BucketName, CanonicalId, Network, ObjectKey, Principal, Timestamp};

use crate::{Evidence, ObjectFacts, PolicyEvidence, Question, Reason, Resource, Settings, Verdict};
use choices::Ground;
pub use difference::Difference;
use in_bucket::InBucket;
use keys::KeySet;
pub use request::{Found, Request, Witness};
use statements::Fixed;
pub use when::When;

/// Who asks, and what holds wherever it asks.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// The policy that restricts its key.
    pub key_policy: PolicyEvidence<'a>,
    /// The server's settings.
    pub settings: &'a Settings,
    /// From when on.
    pub at: Timestamp,
}

/// A bucket that comes into question.
#[derive(Debug, Clone, Copy)]
pub struct KnownBucket<'a> {
    /// Its record.
    pub bucket: &'a Bucket,
    /// Its policy.
    pub policy: PolicyEvidence<'a>,
    /// Its objects whose owner or ACL is of their own: those that the bucket's owner does not own, or that name somebody
    /// beside it. All others are alike.
    pub objects: &'a [KnownObject<'a>],
}

/// An object with an owner or an ACL of its own.
#[derive(Debug, Clone, Copy)]
pub struct KnownObject<'a> {
    /// Under which key.
    pub key: &'a ObjectKey,
    /// What decides over it.
    pub facts: ObjectFacts<'a>,
}

/// Some actions on some keys of one bucket, for one reason and under the same conditions.
#[derive(Debug, Clone)]
pub struct Row {
    /// `None`: no single bucket.
    pub bucket: Option<BucketName>,
    /// `None`: the bucket itself, or the service.
    pub keys: Option<KeySet>,
    /// Never empty.
    pub actions: Vec<Action>,
    /// All hold together.
    pub when: Vec<When>,
    /// What allows it; `None`: policies may, which could not be settled.
    pub reason: Option<Reason>,
    /// Whether it lets the principal change who may do what, itself included.
    pub escalation: bool,
    /// A request for each action that is allowed; none where it could not be settled.
    pub witnesses: Vec<Witness>,
}

/// What changes who may do what.
const ESCALATIONS: [Action; 6] = [
    Action::PutBucketAcl,
    Action::PutObjectAcl,
    Action::PutBucketPolicy,
    Action::DeleteBucketPolicy,
    Action::PutBucketOwnershipControls,
    Action::PutBucketPublicAccessBlock,
];

impl<'a> Scope<'a> {
    /// What it reaches that is no single bucket's.
    pub fn service(&self) -> Vec<Row> {
        service::rows(self)
    }

    /// What it reaches of a bucket.
    pub fn bucket(&self, known: &KnownBucket<'_>) -> Vec<Row> {
        InBucket::new(self, known).rows()
    }

    /// What it reaches of some buckets, and of the service.
    pub fn reach(&self, buckets: &[KnownBucket<'_>]) -> Vec<Row> {
        let of_buckets = buckets.iter().flat_map(|known| self.bucket(known));
        self.service().into_iter().chain(of_buckets).collect()
    }

    /// What `decide` says to a witness, on the records that it was made from.
    pub fn ask(&self, witness: &Witness, known: Option<&KnownBucket<'_>>) -> Verdict {
        let resource = match (&witness.bucket, &witness.key) {
            (None, _) => Resource::Service,
            (Some(bucket), None) => Resource::Bucket(bucket),
            (Some(bucket), Some(key)) => Resource::Object { bucket, key, version: witness.request.version.as_ref() },
        };
        let known = known.filter(|known| Some(&known.bucket.name) == witness.bucket.as_ref());
        let others;
        let private = known.map(|known| Acl::private(known.bucket.owner_canonical.clone()));
        let object = match (witness.found, known, &private) {
            (Found::Owners, Some(known), Some(acl)) => {
                Some(ObjectFacts { owner: &known.bucket.owner_canonical, acl, tags: &witness.request.tags })
            }
            (Found::Others, Some(known), _) => {
                others = in_bucket::of_others(known.bucket);
                Some(ObjectFacts { owner: &others.0, acl: &others.1, tags: &witness.request.tags })
            }
            (Found::Itself, Some(known), _) => {
                known.objects.iter().find(|object| Some(object.key) == witness.key.as_ref()).map(|object| object.facts)
            }
            _ => None,
        };
        self.decide(witness.action, resource, known, object, &witness.request)
    }

    fn decide(
        &self,
        action: Action,
        resource: Resource<'_>,
        known: Option<&KnownBucket<'_>>,
        object: Option<ObjectFacts<'_>>,
        request: &Request,
    ) -> Verdict {
        let Scope { principal, settings, key_policy, .. } = *self;
        let Request { at, source, .. } = *request;
        let evidence = Evidence {
            settings,
            bucket: known.map(|known| known.bucket),
            policy: known.map_or(PolicyEvidence::None, |known| known.policy),
            key_policy,
            object,
            upload: None,
            basis: Basis::default(),
        };
        crate::decide(&Question { principal, action, resource, at, source, facts: request }, evidence)
    }

    /// What is the same for all requests that are tried.
    fn ground<'b>(&'b self, bucket: Option<&'b Bucket>) -> Ground<'b> {
        let fixed = Fixed::new(self.principal, bucket.map(|bucket| &bucket.owner));
        let (networks, prefixes) = (vec![], vec![]);
        let mut ground = Ground { fixed, at: self.at, until: self.until(), networks, prefixes };
        if let Principal::Key { key, share, .. } = self.principal {
            ground.networks.extend(&key.restriction.networks);
            ground.prefixes.extend(key.restriction.prefixes.iter().cloned());
            if let Some(share) = share {
                ground.networks.extend(&share.networks);
                ground.networks.extend(share.pin.iter().flat_map(|pin| &pin.learned));
                ground.prefixes.extend((!share.prefix.is_empty()).then(|| share.prefix.clone()));
            }
        }
        ground
    }

    fn until(&self) -> Option<Timestamp> {
        let Principal::Key { key, share, .. } = self.principal else { return None };
        let ends = [key.restriction.expires, share.as_ref().map(|share| share.expires)];
        ends.into_iter().flatten().min()
    }

    /// What holds of all that it reaches.
    fn always(&self) -> Vec<When> {
        let mut when: Vec<When> = self.until().map(When::Until).into_iter().collect();
        if let Principal::Key { key, share, .. } = self.principal {
            let mut from = |networks: &[Network]| {
                let networks = When::From(networks.to_vec());
                if networks != When::From(vec![]) && !when.contains(&networks) {
                    when.push(networks);
                }
            };
            from(&key.restriction.networks);
            if let Some(share) = share {
                from(&share.networks);
                from(
                    share.pin.iter().filter(|_| !share.learns(self.at)).map(|pin| &*pin.learned).next().unwrap_or(&[]),
                );
            }
        }
        when
    }

    /// What a listing must begin with: with one of these, by the key's prefixes and the share's together.
    fn listings(&self) -> Vec<Box<str>> {
        let Principal::Key { key, share, .. } = self.principal else { return vec![] };
        let of_key = &key.restriction.prefixes;
        let of_share = share.as_ref().map(|share| &share.prefix).filter(|prefix| !prefix.is_empty());
        match of_share {
            None => of_key.clone(),
            Some(shared) if of_key.is_empty() => vec![shared.clone()],
            Some(shared) => {
                let longer = of_key.iter().filter_map(|own| match (own, shared) {
                    (own, shared) if own.starts_with(&**shared) => Some(own),
                    (own, shared) if shared.starts_with(&**own) => Some(shared),
                    _ => None,
                });
                longer.cloned().collect()
            }
        }
    }

    fn canonical(&self) -> Option<&CanonicalId> {
        self.principal.account().map(|account| &account.canonical_id)
    }
}
