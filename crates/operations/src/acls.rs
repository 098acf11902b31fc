//! ACLs of buckets and objects: who may change them is decided, what they may become is checked, and an e-mail address
//! becomes an account once, when the grant is made.

use access::RequestedAcl;
use catalog::{plan_replace_bucket, plan_replace_object_acl};
use ledger::Usage;
use model::{
    Acl, Action, Bucket, BucketName, CannedAcl, CanonicalId, Email, Grant, Grantee, Group, ObjectKey, Permission,
};

use crate::commit::{Attempts, Deed};
use crate::gate::{Gated, only_version};
use crate::throttle::Attempt;
use crate::{Context, Error, Store};

/// Whom a request's grant names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GranteeInput {
    /// By canonical id, as written.
    Id(String),
    /// By e-mail address, as written.
    Email(String),
    /// A predefined group.
    Group(Group),
}

/// The ACL that a request asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AclInput {
    /// None.
    #[default]
    Default,
    /// By name.
    Canned(CannedAcl),
    /// Grant by grant.
    Grants(Vec<(GranteeInput, Permission)>),
}

/// A party in an ACL, with the name to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Canonical id.
    pub id: CanonicalId,
    /// Display name; `None` if the account is gone.
    pub display_name: Option<String>,
}

/// An ACL as it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclView {
    /// Who owns the thing.
    pub owner: Party,
    /// The grants, in order.
    pub grants: Vec<(GranteeView, Permission)>,
}

/// A grantee with the name to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GranteeView {
    /// An account.
    Account(Party),
    /// A predefined group.
    Group(Group),
}

impl Store {
    /// A bucket's ACL.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn bucket_acl(&self, ctx: &Context, name: &BucketName) -> Result<AclView, Error> {
        let gated = self.gate_bucket(ctx, Action::GetBucketAcl, name).await?;
        self.count_request(ctx, &gated.bucket);
        self.acl_view(&gated.bucket.value.owner_canonical, &gated.bucket.value.acl).await
    }

    /// Changes a bucket's ACL. `owner` is whom the request says the bucket belongs to: that never changes.
    ///
    /// # Errors
    /// [`Error`]; nothing changed.
    pub async fn put_bucket_acl(
        &self,
        ctx: &mut Context,
        name: &BucketName,
        owner: Option<&str>,
        acl: &AclInput,
    ) -> Result<(), Error> {
        // Who may not change it learns nothing of who exists.
        self.gate_bucket(ctx, Action::PutBucketAcl, name).await?;
        let requested = self.resolve_acl(ctx, acl).await?;
        let mut attempts = Attempts::default();
        loop {
            let Gated { permit, bucket, .. } = self.gate_bucket(ctx, Action::PutBucketAcl, name).await?;
            let old = &bucket.value;
            let acl = self.acl_of_bucket(old, owner, &requested)?;
            let detail = format!("{} grants", acl.grants().len());
            let change = plan_replace_bucket(&bucket, &Bucket { acl, ..Bucket::clone(old) });
            let usage = vec![(self.usage_key(ctx, &bucket), Usage { requests: 1, ..Usage::default() })];
            let deed = Deed { operation: "PutBucketAcl", subject: name.as_str(), object: None, detail, usage };
            let committed = self.commit(ctx, Some(&permit), change, deed).await?;
            if attempts.done(self, ctx, committed).await? {
                return Ok(());
            }
        }
    }

    /// The ACL that a bucket gets where `requested` is asked for, and `owner` is whom the request says it belongs to.
    pub(crate) fn acl_of_bucket(
        &self,
        bucket: &Bucket,
        owner: Option<&str>,
        requested: &RequestedAcl,
    ) -> Result<Acl, Error> {
        same_owner(owner, &bucket.owner_canonical)?;
        let (settings, block) = (&self.settings.access, bucket.public_access_block);
        Ok(access::bucket_acl(&bucket.owner_canonical, bucket.ownership, block, settings, requested)?)
    }

    /// An object's ACL.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn object_acl(
        &self,
        ctx: &Context,
        name: &BucketName,
        key: &ObjectKey,
        version: Option<&str>,
    ) -> Result<AclView, Error> {
        let gated = self.gate_object(ctx, Action::GetObjectAcl, name, key).await?;
        only_version(version)?;
        self.count_request(ctx, &gated.bucket);
        let object = gated.object.ok_or(Error::NoSuchKey)?.value;
        self.acl_view(&object.owner, &object.acl).await
    }

    /// Changes an object's ACL.
    ///
    /// # Errors
    /// [`Error`]; nothing changed.
    pub async fn put_object_acl(
        &self,
        ctx: &mut Context,
        (name, key, version): (&BucketName, &ObjectKey, Option<&str>),
        owner: Option<&str>,
        acl: &AclInput,
    ) -> Result<(), Error> {
        self.gate_object(ctx, Action::PutObjectAcl, name, key).await?;
        only_version(version)?;
        let requested = self.resolve_acl(ctx, acl).await?;
        let mut attempts = Attempts::default();
        loop {
            let Gated { permit, bucket, object } = self.gate_object(ctx, Action::PutObjectAcl, name, key).await?;
            let old = object.ok_or(Error::NoSuchKey)?;
            same_owner(owner, &old.value.owner)?;
            let (settings, principal) = (&self.settings.access, ctx.caller.principal());
            let acl = access::object_acl(&bucket.value, settings, principal, &old.value.owner, &requested)?;
            let detail = format!("{} grants", acl.grants().len());
            let change = plan_replace_object_acl(&bucket.value, &old, acl);
            let usage = vec![(self.usage_key(ctx, &bucket), Usage { requests: 1, ..Usage::default() })];
            let object = Some(key.as_str());
            let deed = Deed { operation: "PutObjectAcl", subject: name.as_str(), object, detail, usage };
            let committed = self.commit(ctx, Some(&permit), change, deed).await?;
            if attempts.done(self, ctx, committed).await? {
                return Ok(());
            }
        }
    }

    /// Turns what a request names into accounts.
    pub(crate) async fn resolve_acl(&self, ctx: &Context, acl: &AclInput) -> Result<RequestedAcl, Error> {
        let named = match acl {
            AclInput::Default => return Ok(RequestedAcl::Default),
            AclInput::Canned(canned) => return Ok(RequestedAcl::Canned(*canned)),
            AclInput::Grants(named) => named,
        };
        let mut grants = Vec::with_capacity(named.len());
        for (grantee, permission) in named {
            let grantee = match grantee {
                GranteeInput::Group(group) => Grantee::Group(*group),
                GranteeInput::Id(text) => Grantee::Account(self.account_named(text).await?),
                GranteeInput::Email(text) => Grantee::Account(self.account_at(ctx, text).await?),
            };
            grants.push(Grant { grantee, permission: *permission });
        }
        let too_many = |invalid: model::Invalid| Error::InvalidRequest(invalid.to_string());
        Ok(RequestedAcl::Grants(Acl::new(grants).map_err(too_many)?))
    }

    /// The same for a new object. Where no ACL of the writer's is taken, it is told so for every e-mail address alike,
    /// whether it has an account or not.
    pub(crate) async fn resolve_object_acl(
        &self,
        ctx: &Context,
        bucket: &Bucket,
        acl: &AclInput,
    ) -> Result<RequestedAcl, Error> {
        let resolved = self.resolve_acl(ctx, acl).await;
        if matches!(resolved, Err(Error::UnresolvableEmail)) {
            // Nothing granted to anybody is the least that an ACL can say.
            let least = RequestedAcl::Grants(Acl::default());
            access::new_object(bucket, &self.settings.access, ctx.caller.principal(), &least)?;
        }
        resolved
    }

    async fn account_named(&self, text: &str) -> Result<CanonicalId, Error> {
        let unknown = || Error::InvalidArgument { name: "CanonicalUser/ID", message: "Invalid id".into() };
        let id = CanonicalId::new(text).map_err(|_| unknown())?;
        let account = self.directory.account_by_canonical(&id).await?;
        account.map(|a| a.value.canonical_id).ok_or_else(unknown)
    }

    async fn account_at(&self, ctx: &Context, text: &str) -> Result<CanonicalId, Error> {
        if !self.throttle.allows(Attempt::EmailLookup, ctx.source) {
            return Err(Error::SlowDown);
        }
        let account = match Email::new(text) {
            Ok(email) => self.directory.account_by_email(&email).await?,
            Err(_) => None,
        };
        account.map(|a| a.value.canonical_id).ok_or_else(|| {
            self.throttle.failed(Attempt::EmailLookup, ctx.source);
            Error::UnresolvableEmail
        })
    }

    async fn acl_view(&self, owner: &CanonicalId, acl: &Acl) -> Result<AclView, Error> {
        let account = |grant: &Grant| match &grant.grantee {
            Grantee::Account(id) => Some(id.clone()),
            Grantee::Group(_) => None,
        };
        let ids: Vec<CanonicalId> =
            std::iter::once(owner.clone()).chain(acl.grants().iter().filter_map(account)).collect();
        let mut parties = self.parties(&ids).await?.into_iter();
        let mut next = |id: &CanonicalId| parties.next().unwrap_or(Party { id: id.clone(), display_name: None });
        let owner = next(owner);
        let view = |grant: &Grant| match &grant.grantee {
            Grantee::Account(id) => (GranteeView::Account(next(id)), grant.permission),
            Grantee::Group(group) => (GranteeView::Group(*group), grant.permission),
        };
        Ok(AclView { owner, grants: acl.grants().iter().map(view).collect() })
    }

    /// Accounts with the names to show, in order.
    pub(crate) async fn parties(&self, ids: &[CanonicalId]) -> Result<Vec<Party>, Error> {
        let accounts = self.directory.accounts_by_canonical(ids).await?;
        let party = |(id, account): (&CanonicalId, Option<identity::Stored<model::Account>>)| Party {
            id: id.clone(),
            display_name: account.map(|a| a.value.display_name.as_str().to_owned()),
        };
        Ok(ids.iter().zip(accounts).map(party).collect())
    }
}

/// The owner in a request's ACL must be the owner there is.
fn same_owner(named: Option<&str>, owner: &CanonicalId) -> Result<(), Error> {
    match named {
        Some(named) if named != owner.as_str() => {
            Err(Error::InvalidArgument { name: "Owner/ID", message: "The owner of an ACL cannot be changed".into() })
        }
        _ => Ok(()),
    }
}
