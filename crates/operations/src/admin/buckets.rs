//! Buckets, for the operator.

use access::RequestedAcl;
use catalog::{plan_create_bucket, plan_delete_bucket};
use model::{AccountKind, Bucket, BucketName, Grantee, PublicAccessBlock};

use super::{BucketDetail, BucketView, Failure, GrantView, rfc3339};
use crate::commit::{Attempts, Committed, Deed};
use crate::{Context, Error, Store};

impl Store {
    pub(super) async fn bucket_make(
        &self,
        ctx: &mut Context,
        name: &str,
        owner: Option<&str>,
    ) -> Result<BucketView, Failure> {
        let name = self.bucket_name(name)?;
        let owner = match owner {
            Some(owner) => self.account_meant(owner).await?,
            None => self.first_of_owners().await?,
        };
        if owner.value.kind == AccountKind::Guest {
            return Err(Failure::invalid(
                format!("{} is a guest, and a guest owns nothing", owner.value.email),
                "Name another account with --owner.",
            ));
        }
        let (settings, block) = (&self.settings.access, self.settings.new_bucket_block);
        let acl = access::bucket_acl(&owner.value.canonical_id, None, block, settings, &RequestedAcl::Default)
            .map_err(Error::from)?;
        let bucket = Bucket {
            name,
            incarnation: getrandom::u64().map_err(|error| Error::Unavailable(error.to_string()))?,
            owner: owner.value.id.clone(),
            owner_canonical: owner.value.canonical_id.clone(),
            acl,
            ownership: None,
            public_access_block: block,
            policy: None,
            created: self.now(),
        };
        let mut change = plan_create_bucket(&bucket);
        change.require.push(owner.unchanged());
        match self.operate(ctx, change, "CreateBucket", bucket.name.as_str(), String::new()).await? {
            Committed::Done => self.bucket_view(&bucket).await,
            Committed::Ceiling => Err(Failure::conflict(
                format!("{} owns as many buckets as an account may", owner.value.email),
                "Name another account with --owner.",
            )),
            Committed::Conflict if self.catalog.bucket(&bucket.name).await.map_err(Error::from)?.is_some() => {
                Err(Failure::conflict(format!("there is a bucket {} already", bucket.name), "Choose another name."))
            }
            Committed::Conflict => Err(Failure::met(&format!("the account {}", owner.value.email))),
        }
    }

    pub(super) async fn bucket_list(&self) -> Result<Vec<BucketView>, Failure> {
        let mut views = vec![];
        for bucket in self.catalog.buckets().await.map_err(Error::from)? {
            views.push(self.bucket_view(&bucket.value).await?);
        }
        Ok(views)
    }

    pub(super) async fn bucket_show(&self, name: &str) -> Result<BucketDetail, Failure> {
        let bucket = self.bucket_meant(name).await?.value;
        let (mut grants, mut objects, mut bytes_stored) = (vec![], 0, 0);
        for grant in bucket.acl.grants() {
            let grantee = match &grant.grantee {
                Grantee::Group(group) => group.uri().to_owned(),
                Grantee::Account(id) => {
                    let account = self.directory.account_by_canonical(id).await.map_err(Error::from)?;
                    account.map_or_else(|| id.to_string(), |account| account.value.email.to_string())
                }
            };
            grants.push(GrantView { grantee, permission: grant.permission.as_str().to_owned() });
        }
        let mut shares = vec![];
        for share in self.directory.shares_of_bucket(&bucket.name, bucket.incarnation).await.map_err(Error::from)? {
            shares.push(self.share_view(&share.value).await?);
        }
        for (of, usage) in self.ledger.usage(Some(&bucket.owner)).await.map_err(Error::from)? {
            if of.bucket == bucket.name {
                objects += usage.objects;
                bytes_stored += usage.bytes_stored;
            }
        }
        let server = self.settings.access.public_access_block;
        let blocked = bucket.public_access_block.map_or(server, |own| own.or(server));
        let ownership = bucket.ownership.unwrap_or(self.settings.access.default_ownership);
        Ok(BucketDetail {
            bucket: self.bucket_view(&bucket).await?,
            object_ownership: ownership.as_str().to_owned(),
            public_access_blocked: blocked == PublicAccessBlock::ALL,
            grants,
            shares,
            objects: u64::try_from(objects).unwrap_or(0),
            bytes_stored: u64::try_from(bytes_stored).unwrap_or(0),
        })
    }

    pub(super) async fn bucket_remove(&self, ctx: &mut Context, name: &str) -> Result<BucketView, Failure> {
        let mut attempts = Attempts::default();
        loop {
            let bucket = self.bucket_meant(name).await?;
            if !self.is_empty(&bucket.value).await? {
                return Err(Failure::conflict(
                    format!("the bucket {name} is not empty"),
                    "Delete its objects first, with any S3 client and the owner's key.",
                ));
            }
            self.give_up_uploads(ctx, &bucket).await?;
            let shown = self.bucket_view(&bucket.value).await?;
            let deed = Deed {
                operation: "DeleteBucket",
                subject: bucket.value.name.as_str(),
                object: None,
                detail: String::new(),
                usage: vec![],
            };
            match self.commit(ctx, None, plan_delete_bucket(&bucket), deed).await? {
                Committed::Done => return Ok(shown),
                Committed::Conflict | Committed::Ceiling => attempts.again(self, ctx).await?,
            }
        }
    }

    pub(super) fn bucket_name(&self, name: &str) -> Result<BucketName, Failure> {
        BucketName::new(name).map_err(|invalid| {
            Failure::invalid(
                format!("the bucket name {name} {}", invalid.reason),
                "Use 3 to 63 lower-case letters, digits, dots and hyphens.",
            )
        })
    }

    pub(super) async fn bucket_meant(&self, name: &str) -> Result<catalog::Stored<Bucket>, Failure> {
        match self.bucket_of(&self.bucket_name(name)?).await {
            Err(Error::NoSuchBucket) => {
                Err(Failure::not_found(format!("there is no bucket {name}"), "See `bailiwick bucket list`."))
            }
            found => Ok(found?),
        }
    }

    async fn bucket_view(&self, bucket: &Bucket) -> Result<BucketView, Failure> {
        Ok(BucketView {
            bucket: bucket.name.to_string(),
            owner: self.email_of(&bucket.owner).await?,
            owner_id: bucket.owner.to_string(),
            created: rfc3339(bucket.created),
        })
    }
}
