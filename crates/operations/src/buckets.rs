//! Buckets: listed, made, asked about, set up and removed.

use std::collections::BTreeSet;

use access::{Reason, Resource};
use catalog::{GrantTarget, ListObjects, Stored, plan_create_tagged_bucket, plan_delete_bucket, plan_replace_bucket};
use ledger::Usage;
use model::{
    Account, Action, Bucket, BucketName, CannedAcl, Grantee, ObjectOwnership, Principal, PublicAccessBlock, TagSet,
    Timestamp,
};

use crate::acls::{AclInput, Party};
use crate::commit::{Attempts, Committed, Deed, usage_key};
use crate::gate::Gated;
use crate::{Context, Error, Store};

/// Which of the caller's buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListBuckets {
    /// Names must begin with this.
    pub prefix: String,
    /// Only names after this.
    pub after: String,
    /// Most of them.
    pub limit: usize,
}

/// A bucket in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketLine {
    /// Its name.
    pub name: BucketName,
    /// When it was made.
    pub created: Timestamp,
}

/// A page of the caller's buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPage {
    /// The caller's account.
    pub owner: Party,
    /// By name.
    pub buckets: Vec<BucketLine>,
    /// Whether there are more.
    pub more: bool,
}

/// A CreateBucket.
#[derive(Debug, Clone)]
pub struct CreateBucket<'a> {
    /// Its name.
    pub bucket: &'a BucketName,
    /// Its ACL.
    pub acl: AclInput,
    /// Who is to own what lands in it; the server's default decides where it does not say.
    pub ownership: Option<ObjectOwnership>,
    /// Its tags.
    pub tags: TagSet,
}

impl CreateBucket<'_> {
    /// What it takes beside the right to make the bucket: what setting the same later would take.
    fn takes(&self) -> impl Iterator<Item = Action> {
        let acl = !matches!(self.acl, AclInput::Default | AclInput::Canned(CannedAcl::Private));
        let each = [
            (acl, Action::PutBucketAcl),
            (self.ownership.is_some(), Action::PutBucketOwnershipControls),
            (!self.tags.is_empty(), Action::TagResource),
        ];
        each.into_iter().filter(|(asked, _)| *asked).map(|(_, action)| action)
    }
}

/// Settings of a bucket that somebody may have set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketSettings {
    /// Who owns what lands in it.
    pub ownership: Option<ObjectOwnership>,
    /// What public access is blocked.
    pub public_access_block: Option<PublicAccessBlock>,
}

impl Store {
    /// The buckets that the caller owns or that name its account.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn list_buckets(&self, ctx: &Context, wanted: &ListBuckets) -> Result<BucketPage, Error> {
        let permit = self.ask(ctx, Action::ListAllMyBuckets, Resource::Service, None, None, None)?;
        let Principal::Key { account, share, .. } = permit.principal() else { return Err(Error::NeedsAccount) };
        let names = match share {
            Some(share) => BTreeSet::from([share.bucket.clone()]),
            None => self.named_for(account).await?,
        };
        let names: Vec<BucketName> = names
            .into_iter()
            .filter(|name| name.as_str() > wanted.after.as_str() && name.as_str().starts_with(&wanted.prefix))
            .collect();
        let mut buckets = vec![];
        let mut more = false;
        for chunk in names.chunks(model::limits::PAGE_KEYS) {
            for bucket in self.catalog.buckets_named(chunk).await? {
                let bucket = bucket.value;
                if !access::lists_bucket(permit.principal(), &bucket, &self.settings.access, self.now()) {
                    continue;
                }
                if buckets.len() == wanted.limit {
                    more = true;
                    break;
                }
                buckets.push(BucketLine { name: bucket.name.clone(), created: bucket.created });
            }
            if more {
                break;
            }
        }
        let display_name = Some(account.display_name.as_str().to_owned());
        Ok(BucketPage { owner: Party { id: account.canonical_id.clone(), display_name }, buckets, more })
    }

    /// Every bucket that could be in the account's list.
    pub(crate) async fn named_for(&self, account: &Account) -> Result<BTreeSet<BucketName>, Error> {
        let mut names: BTreeSet<BucketName> = self.catalog.owned_buckets(&account.id).await?.into_iter().collect();
        for target in [GrantTarget::Account(&account.canonical_id), GrantTarget::AccountNumber(&account.id)] {
            names.extend(self.catalog.granted_buckets(&target).await?);
        }
        Ok(names)
    }

    /// Makes a bucket. Asked for one that exists, it changes nothing: clients ask before they write, so whoever may write
    /// to it hears that all is well.
    ///
    /// # Errors
    /// [`Error::BucketAlreadyExists`] if it is another's, or the caller's own with other settings than asked for.
    pub async fn create_bucket(&self, ctx: &mut Context, new: &CreateBucket<'_>) -> Result<(), Error> {
        let mut attempts = Attempts::default();
        loop {
            let there = self.catalog.bucket(new.bucket).await?;
            let resource = Resource::Bucket(new.bucket);
            let permit = self.ask(ctx, Action::CreateBucket, resource, there.as_ref(), None, None)?;
            let Some(account) = permit.principal().account() else { return Err(Error::NeedsAccount) };
            if let Some(there) = there {
                self.count_request(ctx, &there);
                return match permit.reasons().first() {
                    Some(Reason::MayOwnBuckets) => self.as_it_is(ctx, account, &there.value, new).await,
                    // Whose it is not hears nothing of its tags, and never that it set some.
                    _ if !new.tags.is_empty() => Err(Error::BucketAlreadyExists),
                    _ => Ok(()),
                };
            }
            let requested = self.resolve_acl(ctx, &new.acl).await?;
            let (account, settings) = (account.clone(), &self.settings.access);
            let block = self.settings.new_bucket_block;
            let acl = access::bucket_acl(&account.canonical_id, new.ownership, block, settings, &requested)?;
            let bucket = Bucket {
                name: new.bucket.clone(),
                incarnation: getrandom::u64().map_err(|error| Error::Unavailable(error.to_string()))?,
                owner: account.id,
                owner_canonical: account.canonical_id,
                acl,
                ownership: new.ownership,
                public_access_block: block,
                policy: None,
                created: self.now(),
            };
            for action in new.takes() {
                self.ask_of_new(ctx, action, &bucket)?;
            }
            let change = plan_create_tagged_bucket(&bucket, &new.tags);
            let usage = vec![(usage_key(&bucket, &ctx.cause()), Usage { requests: 1, ..Usage::default() })];
            let detail = if new.tags.is_empty() { String::new() } else { format!("{} tags", new.tags.len()) };
            match self.commit(ctx, Some(&permit), change, deed("CreateBucket", new.bucket, &detail, usage)).await? {
                Committed::Done => return Ok(()),
                Committed::Ceiling => return Err(Error::TooManyBuckets),
                Committed::Conflict => attempts.again(self, ctx).await?,
            }
        }
    }

    /// Whether a bucket that its owner asks for again is as asked for. A request that names no ACL asks for a bucket that
    /// is not open to the public; grants to named accounts are no contradiction to that.
    async fn as_it_is(
        &self,
        ctx: &Context,
        account: &Account,
        there: &Bucket,
        new: &CreateBucket<'_>,
    ) -> Result<(), Error> {
        if account.id != there.owner {
            return Err(Error::BucketAlreadyExists);
        }
        let same_acl = match &new.acl {
            AclInput::Default => !there.acl.grants().iter().any(|grant| matches!(grant.grantee, Grantee::Group(_))),
            AclInput::Canned(CannedAcl::Private) => there.acl == model::Acl::private(there.owner_canonical.clone()),
            AclInput::Canned(_) | AclInput::Grants(_) => {
                let (own, block) = (there.ownership, there.public_access_block);
                let requested = self.resolve_acl(ctx, &new.acl).await?;
                let asked = access::bucket_acl(&there.owner_canonical, own, block, &self.settings.access, &requested)?;
                there.acl == asked
            }
        };
        let same_ownership = new.ownership.is_none() || new.ownership == there.ownership;
        let same_tags = new.tags.is_empty() || new.tags == self.catalog.bucket_tags(there).await?;
        if same_acl && same_ownership && same_tags { Ok(()) } else { Err(Error::BucketAlreadyExists) }
    }

    /// Whether the bucket is there and the caller may list it.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn head_bucket(&self, ctx: &Context, name: &BucketName) -> Result<(), Error> {
        self.may(ctx, Action::HeadBucket, name, None).await
    }

    /// Whether the caller may know the bucket's region.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn bucket_location(&self, ctx: &Context, name: &BucketName) -> Result<(), Error> {
        self.may(ctx, Action::GetBucketLocation, name, None).await
    }

    /// Removes a bucket that holds no object. Uploads that were never finished go with it.
    ///
    /// # Errors
    /// [`Error::BucketNotEmpty`] if it holds something when the removal is committed.
    pub async fn delete_bucket(&self, ctx: &mut Context, name: &BucketName) -> Result<(), Error> {
        let mut attempts = Attempts::default();
        loop {
            let Gated { permit, bucket, .. } = self.gate_bucket(ctx, Action::DeleteBucket, name).await?;
            if !self.is_empty(&bucket.value).await? {
                return Err(Error::BucketNotEmpty);
            }
            self.give_up_uploads(ctx, &bucket).await?;
            let change = plan_delete_bucket(&bucket);
            let usage = vec![(self.usage_key(ctx, &bucket), Usage { requests: 1, ..Usage::default() })];
            let committed = self.commit(ctx, Some(&permit), change, deed("DeleteBucket", name, "", usage)).await?;
            if attempts.done(self, ctx, committed).await? {
                return Ok(());
            }
        }
    }

    /// A bucket's settings, for a caller who asks for the one that `action` reads.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn bucket_settings(
        &self,
        ctx: &Context,
        action: Action,
        name: &BucketName,
    ) -> Result<BucketSettings, Error> {
        let bucket = self.gate_bucket(ctx, action, name).await?.bucket;
        self.count_request(ctx, &bucket);
        let Bucket { ownership, public_access_block, .. } = *bucket.value;
        Ok(BucketSettings { ownership, public_access_block })
    }

    /// Says who owns what lands in the bucket; `None`: the server's default decides again.
    ///
    /// # Errors
    /// [`Error::OwnershipAgainstAcl`] where ACLs would be turned off while the bucket's grants something to others.
    pub async fn put_bucket_ownership(
        &self,
        ctx: &mut Context,
        name: &BucketName,
        ownership: Option<ObjectOwnership>,
    ) -> Result<(), Error> {
        let detail = ownership.map_or("default", ObjectOwnership::as_str);
        self.set_up(ctx, name, Action::PutBucketOwnershipControls, detail, |old| {
            let alone = old.acl == model::Acl::private(old.owner_canonical.clone());
            if ownership == Some(ObjectOwnership::BucketOwnerEnforced) && !alone {
                return Err(Error::OwnershipAgainstAcl);
            }
            Ok(Bucket { ownership, ..old.clone() })
        })
        .await
    }

    /// Says what public access to the bucket is blocked; `None`: only what the server blocks.
    ///
    /// # Errors
    /// [`Error`]; nothing changed.
    pub async fn put_public_access_block(
        &self,
        ctx: &mut Context,
        name: &BucketName,
        public_access_block: Option<PublicAccessBlock>,
    ) -> Result<(), Error> {
        let detail = format!("{public_access_block:?}");
        self.set_up(ctx, name, Action::PutBucketPublicAccessBlock, &detail, |old| {
            Ok(Bucket { public_access_block, ..old.clone() })
        })
        .await
    }

    async fn set_up(
        &self,
        ctx: &mut Context,
        name: &BucketName,
        action: Action,
        detail: &str,
        change: impl Fn(&Bucket) -> Result<Bucket, Error>,
    ) -> Result<(), Error> {
        let mut attempts = Attempts::default();
        loop {
            let Gated { permit, bucket, .. } = self.gate_bucket(ctx, action, name).await?;
            let planned = plan_replace_bucket(&bucket, &change(&bucket.value)?);
            let usage = vec![(self.usage_key(ctx, &bucket), Usage { requests: 1, ..Usage::default() })];
            let committed =
                self.commit(ctx, Some(&permit), planned, deed(operation(action), name, detail, usage)).await?;
            if attempts.done(self, ctx, committed).await? {
                return Ok(());
            }
        }
    }

    /// Whether the bucket holds no object.
    pub(crate) async fn is_empty(&self, bucket: &Bucket) -> Result<bool, Error> {
        let any = ListObjects { limit: 1, ..ListObjects::default() };
        Ok(self.catalog.list_objects(bucket, &any).await?.lines.is_empty())
    }

    /// A bucket, for those who have their authority from elsewhere.
    pub(crate) async fn bucket_of(&self, name: &BucketName) -> Result<Stored<Bucket>, Error> {
        self.catalog.bucket(name).await?.ok_or(Error::NoSuchBucket)
    }
}

/// What the ledger calls a change of the setting that `action` changes.
fn operation(action: Action) -> &'static str {
    let name = action.as_str();
    name.strip_prefix("s3:").unwrap_or(name)
}

fn deed<'a>(
    operation: &'static str,
    name: &'a BucketName,
    detail: &str,
    usage: Vec<(ledger::UsageKey, Usage)>,
) -> Deed<'a> {
    Deed { operation, subject: name.as_str(), object: None, detail: detail.to_owned(), usage }
}
