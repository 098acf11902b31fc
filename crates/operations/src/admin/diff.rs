//! What a policy, an ACL or a share would change in somebody's reach, before anybody makes it.
//!
//! What is proposed is checked as if it were sent, becomes the record that it would become, and is never committed. Gains
//! and losses are then [`access::reach::Scope::difference`]: of the two states of the bucket, not of two reports. A share
//! makes a key that there is not yet: what that reaches is gained, by nobody's key that there is.

use access::RequestedAcl;
use access::reach::{Difference, KnownBucket, KnownObject, Row, Scope, Witness};
use identity::{NewAccount, NewShare, Stored};
use model::{
    Account, AccountKind, Acl, Bucket, DisplayName, Email, Grant, Grantee, Group, Permission, Principal, Revision,
    Timestamp,
};

use super::reach::{Holder, Records, left_out, named_by, shown};
use super::shares::Terms;
use super::{
    DiffRow, Failure, HolderDiff, Proposal, ProposedGrant, ProposedGrantee, ShareOrder, Whose, rfc3339, terms,
};
use crate::acls::{AclInput, GranteeInput};
use crate::policies::{Parsed, read_policy};
use crate::{Context, Error, Store};

/// A bucket as it is and as it would be.
struct Change {
    before: (Bucket, Parsed),
    after: (Bucket, Parsed),
}

impl Store {
    pub(super) async fn reach_diff(
        &self,
        ctx: &Context,
        whose: &Whose,
        bucket: Option<&str>,
        proposal: &Proposal,
    ) -> Result<Vec<HolderDiff>, Failure> {
        let holders = self.holders_meant(whose).await?;
        // One moment for all, so that what two of them gain alike is told alike.
        let now = self.now();
        if let Proposal::Share(order) = proposal {
            let given = self.share_diff(bucket, order, now).await?;
            let unchanged = |holder: Holder| holder.diff(vec![], vec![]);
            return Ok(match whose {
                Whose::All => vec![given],
                Whose::Key(_) | Whose::Everyone => holders.into_iter().map(unchanged).collect(),
            });
        }
        let change = self.change(ctx, bucket, proposal).await?;
        let mut all: Vec<HolderDiff> = vec![];
        for holder in holders {
            let (mut gained, mut lost) = self.differences(&holder.principal, &change, now).await?;
            if matches!(whose, Whose::All) {
                // What everyone or every account gains is said once.
                for told in &all {
                    gained.retain(|row| !told.access_key_ids.is_empty() || !told.gained.contains(row));
                    lost.retain(|row| !told.access_key_ids.is_empty() || !told.lost.contains(row));
                }
                if gained.is_empty() && lost.is_empty() {
                    continue;
                }
            }
            all.push(holder.diff(gained, lost));
            tokio::task::yield_now().await;
        }
        Ok(all)
    }

    async fn holders_meant(&self, whose: &Whose) -> Result<Vec<Holder>, Failure> {
        let meant = match whose {
            Whose::All => return self.holders().await,
            Whose::Everyone => {
                let (who, principal) = ("everyone".to_owned(), Principal::Anonymous);
                return Ok(vec![Holder { who, access_key_ids: vec![], principal }]);
            }
            Whose::Key(meant) => meant,
        };
        let key = match self.key_meant(meant).await {
            Ok(key) => key.value,
            // Revoked with its share: it reaches nothing, and will not.
            Err(_) if self.was_a_shares(meant).await? => return Ok(vec![]),
            Err(failure) => return Err(failure),
        };
        let principal = self.principal_of(&key).await?;
        let who = principal.account().map(|account| account.email.to_string()).unwrap_or_default();
        Ok(vec![Holder { who, access_key_ids: vec![key.id.to_string()], principal }])
    }

    /// The bucket's record as it is and as the proposal would make it.
    async fn change(&self, ctx: &Context, bucket: Option<&str>, proposal: &Proposal) -> Result<Change, Failure> {
        let name = bucket.ok_or_else(|| {
            Failure::invalid("it is not said which bucket the policy or ACL is for", "Name it with --bucket.")
        })?;
        let stored = self.bucket_meant(name).await?;
        let before = Bucket::clone(&stored.value);
        let refused = |error: Error| {
            let remedy = "As it is, it would be refused and change nothing: see `bailiwick bucket show`.";
            Failure::conflict(format!("the bucket {name} does not take it: {error}"), remedy)
        };
        let after = match proposal {
            Proposal::Policy(text) => {
                let (policy, record) = read_policy(&before.name, text).map_err(|error| {
                    Failure::invalid(format!("the policy is not one of {name}: {error}"), "Correct it there.")
                })?;
                self.may_be_policy(&before, &policy).map_err(refused)?;
                (Bucket { policy: Some(record), ..before.clone() }, Parsed::of(policy))
            }
            Proposal::Acl { owner, grants } => {
                let requested = RequestedAcl::Grants(self.grants_meant(ctx, grants).await?);
                let acl = self.acl_of_bucket(&before, owner.as_deref(), &requested).map_err(refused)?;
                (Bucket { acl, ..before.clone() }, self.policies.of_bucket(Some(&stored)))
            }
            Proposal::Share(_) => return Err(Failure::invalid("a share changes no bucket", "Propose it by itself.")),
        };
        Ok(Change { before: (before, self.policies.of_bucket(Some(&stored))), after })
    }

    /// Grants as they would be stored; the first that names nobody is told by its place.
    async fn grants_meant(&self, ctx: &Context, proposed: &[ProposedGrant]) -> Result<Acl, Failure> {
        let mut grants: Vec<Grant> = vec![];
        for (at, ProposedGrant { grantee, permission }) in proposed.iter().enumerate() {
            let wrong = |what: String| {
                Failure::invalid(format!("Grant {}: {what}", at + 1), "Name an account or a group that there is.")
            };
            let permission =
                Permission::parse(permission).ok_or_else(|| wrong(format!("{permission} is no permission")))?;
            let (shown, input) = match grantee {
                ProposedGrantee::Id(id) => (id, GranteeInput::Id(id.clone())),
                ProposedGrantee::Email(email) => (email, GranteeInput::Email(email.clone())),
                ProposedGrantee::Group(uri) => {
                    let group = Group::parse(uri).ok_or_else(|| wrong(format!("there is no group {uri}")))?;
                    grants.push(Grant { grantee: Grantee::Group(group), permission });
                    continue;
                }
            };
            let one = AclInput::Grants(vec![(input, permission)]);
            match self.resolve_acl(ctx, &one).await {
                Ok(RequestedAcl::Grants(acl)) => grants.extend(acl.grants().iter().cloned()),
                Ok(_) => {}
                Err(Error::UnresolvableEmail | Error::InvalidArgument { .. }) => {
                    return Err(wrong(format!("there is no account {shown}")));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Acl::new(grants).map_err(|invalid| Failure::invalid(invalid.to_string(), "Grant less."))
    }

    /// What one principal gains and loses.
    async fn differences(
        &self,
        principal: &Principal,
        change: &Change,
        at: Timestamp,
    ) -> Result<(Vec<DiffRow>, Vec<DiffRow>), Failure> {
        let name = &change.before.0.name;
        let mut records = Records::default();
        let mut question = self.in_question(principal, &named_by(principal)).await?;
        question.objects.retain(|bucket, _| bucket == name);
        self.read(&question, &mut records).await?;
        let of_bucket = records.objects.iter().filter(|((bucket, _), _)| bucket == name);
        let mut objects: Vec<KnownObject<'_>> = of_bucket
            .filter_map(|(_, object)| object.as_ref())
            .map(|object| KnownObject { key: &object.value.key, facts: crate::gate::facts(object) })
            .collect();
        objects.sort_by_key(|object| object.key);
        let key_policy = self.policies.of_key(principal);
        let settings = &self.settings.access;
        let scope = Scope { principal, key_policy: key_policy.evidence(), settings, at };
        let Difference { gained, lost } =
            scope.difference(&known(&change.before, &objects), &known(&change.after, &objects));
        let rows = |rows: &[Row], parsed: &Parsed| rows.iter().map(|row| of_row(row, parsed, at)).collect::<Vec<_>>();
        let (mut gained, lost) = (rows(&gained, &change.after.1), rows(&lost, &change.before.1));
        if question.cut {
            gained.push(DiffRow { row: left_out(), examples: vec![] });
        }
        Ok((gained, lost))
    }

    /// What the key of a share that is not given yet would reach.
    async fn share_diff(
        &self,
        named: Option<&str>,
        order: &ShareOrder,
        created: Timestamp,
    ) -> Result<HolderDiff, Failure> {
        let (name, prefix) = terms::place(&order.bucket)?;
        if let Some(named) = named.filter(|named| *named != name) {
            let message = format!("the share is of {name} and --bucket says {named}");
            return Err(Failure::invalid(message, "Leave --bucket out."));
        }
        let email = Email::new(&order.with)
            .map_err(|invalid| Failure::invalid(invalid.to_string(), "Give an address such as vendor@example.com."))?;
        let Terms { preset, terms, expires } = self.share_terms(order, prefix, created)?;
        let bucket = self.bucket_meant(name).await?.value;
        let account = match self.directory.account_by_email(&email).await.map_err(Error::from)? {
            Some(account) => account,
            None => self.guest_to_be(&email, created)?,
        };
        let new = NewShare {
            bucket: &bucket.name,
            incarnation: bucket.incarnation,
            giver: &bucket.owner,
            account: &account,
            preset,
            terms,
            created,
            expires,
        };
        // The secret and the change are dropped: nobody gets the one, and the other is not committed.
        let (share, key, _, _) = self.directory.plan_share(new).map_err(Error::from)?;
        let principal = Principal::Key { account: account.value, key, share: Some(share) };
        let rows = self.rows(&principal, &[], &mut Records::default()).await?;
        let now = self.now();
        let gained = rows.into_iter().map(|(shown, row)| DiffRow {
            row: shown,
            examples: row.map(|row| examples(&row, now)).unwrap_or_default(),
        });
        let who = format!("a new key of {email}");
        Ok(HolderDiff { who, access_key_ids: vec![], gained: gained.collect(), lost: vec![] })
    }

    /// The account that a share would make. It is not stored.
    fn guest_to_be(&self, email: &Email, created: Timestamp) -> Result<Stored<Account>, Failure> {
        let display_name = DisplayName::new(email.as_str())
            .map_err(|invalid| Failure::invalid(invalid.to_string(), "Give another address."))?;
        let new = NewAccount { email: email.clone(), display_name, kind: AccountKind::Guest, created };
        let (value, _) = self.directory.plan_account(new).map_err(Error::from)?;
        Ok(Stored { value, key: kv::Key::new(), revision: Revision(0) })
    }
}

fn known<'a>((bucket, policy): &'a (Bucket, Parsed), objects: &'a [KnownObject<'a>]) -> KnownBucket<'a> {
    KnownBucket { bucket, policy: policy.evidence(), objects }
}

impl Holder {
    fn diff(self, gained: Vec<DiffRow>, lost: Vec<DiffRow>) -> HolderDiff {
        HolderDiff { who: self.who, access_key_ids: self.access_key_ids, gained, lost }
    }
}

fn of_row(row: &Row, policy: &Parsed, now: Timestamp) -> DiffRow {
    DiffRow { row: shown(row, policy.evidence()), examples: examples(row, now) }
}

fn examples(row: &Row, now: Timestamp) -> Vec<String> {
    row.witnesses.iter().map(|witness| in_words(witness, now)).collect()
}

/// A request, as far as it matters what it says; when it comes, if not now.
fn in_words(witness: &Witness, now: Timestamp) -> String {
    let place = match (&witness.bucket, &witness.key) {
        (None, _) => "the list of buckets".to_owned(),
        (Some(bucket), None) => bucket.to_string(),
        (Some(bucket), Some(key)) => format!("{bucket}/{key}"),
    };
    let request = &witness.request;
    let mut said = vec![format!("{} on {place}", witness.action.as_str())];
    said.extend(request.source.map(|source| format!("from {source}")));
    said.extend((request.at > now).then(|| format!("at {}", rfc3339(request.at))));
    said.extend(request.tags.iter().map(|(name, value)| format!("where the tag {name} is {value:?}")));
    said.extend(request.values.iter().map(|(name, value)| format!("with {name} {value:?}")));
    said.join(", ")
}
