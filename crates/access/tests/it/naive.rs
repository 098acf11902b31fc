//! A second opinion: who may do what, written once more from S3's documentation ("Access control list (ACL) overview",
//! "Multipart upload API and permissions", "Blocking public access") and `docs/decisions/0003-acl-semantics.md`, the
//! slow way and without looking at the first. It knows answers only, no reasons.
//!
//! It uses nothing of `access` but the form of question and evidence, and none of `model`'s tables.

use access::{Evidence, Question, Resource, Settings};
use model::{
    AccountKind, AccountState, Acl, Action, Bucket, CanonicalId, Grantee, Group, KeyState, ObjectOwnership, Permission,
    Preset, Principal, Share, ShareState, Timestamp,
};

/// What a caller comes down to.
enum Who<'a> {
    Nobody,
    Account(&'a model::Account),
    Share(&'a model::Account, &'a Share),
}

/// `None`: a key that does not work.
fn who(principal: &Principal, at: Timestamp) -> Option<Who<'_>> {
    let (account, key, share) = match principal {
        Principal::Anonymous => return Some(Who::Nobody),
        Principal::Key { account, key, share } => (account, key, share),
    };
    let works = account.state == AccountState::Active && key.state == KeyState::Enabled && key.account == account.id;
    if !works {
        return None;
    }
    if key.share.is_none() && share.is_none() {
        return Some(Who::Account(account));
    }
    let share = share.as_ref()?;
    let belongs = key.share == Some(share.id.clone()) && share.key == key.id && share.account == account.id;
    let lives = share.state == ShareState::Active && at.millis() < share.expires.millis();
    (belongs && lives).then_some(Who::Share(account, share))
}

fn acls_count(bucket: &Bucket, settings: &Settings) -> bool {
    match bucket.ownership {
        Some(ownership) => ownership != ObjectOwnership::BucketOwnerEnforced,
        None => settings.default_ownership != ObjectOwnership::BucketOwnerEnforced,
    }
}

fn groups_count(bucket: &Bucket, settings: &Settings) -> bool {
    let bucket_ignores = match bucket.public_access_block {
        Some(block) => block.ignore_public_acls,
        None => false,
    };
    !bucket_ignores && !settings.public_access_block.ignore_public_acls
}

/// Every permission that an ACL gives, FULL_CONTROL spelt out.
fn given(acl: &Acl, to: Option<&CanonicalId>, groups: bool) -> Vec<Permission> {
    let mut all = vec![];
    for grant in acl.grants() {
        let reaches = match &grant.grantee {
            Grantee::Account(id) => to == Some(id),
            Grantee::Group(Group::AllUsers) => groups,
            Grantee::Group(Group::AuthenticatedUsers) => groups && to.is_some(),
            Grantee::Group(Group::LogDelivery) => false,
        };
        if !reaches {
            continue;
        }
        match grant.permission {
            Permission::FullControl => {
                all.extend([Permission::Read, Permission::Write, Permission::ReadAcp, Permission::WriteAcp]);
            }
            one => all.push(one),
        }
    }
    all
}

/// What the documentation says that a permission on a bucket lets a grantee do.
fn on_a_bucket(permission: Permission) -> &'static [Action] {
    match permission {
        Permission::Read => &[
            Action::HeadBucket,
            Action::ListBucket,
            Action::ListBucketVersions,
            Action::ListBucketMultipartUploads,
            Action::GetBucketLocation,
        ],
        Permission::Write => &[
            Action::PutObject,
            Action::DeleteObject,
            Action::AbortMultipartUpload,
            Action::ListMultipartUploadParts,
            Action::GetBucketLocation,
        ],
        Permission::ReadAcp => &[Action::GetBucketAcl, Action::GetBucketLocation],
        Permission::WriteAcp => &[Action::PutBucketAcl, Action::GetBucketLocation],
        Permission::FullControl => &[],
    }
}

/// And a permission on an object.
fn on_an_object(permission: Permission) -> &'static [Action] {
    match permission {
        Permission::Read => &[Action::GetObject, Action::GetObjectAttributes, Action::GetObjectTorrent],
        Permission::Write => &[],
        Permission::ReadAcp => &[Action::GetObjectAcl],
        Permission::WriteAcp => &[Action::PutObjectAcl],
        Permission::FullControl => &[],
    }
}

/// Whether it is done to an object that is there, as opposed to a place in a bucket.
fn of_objects(action: Action) -> bool {
    let acl = [Action::GetObjectAcl, Action::PutObjectAcl];
    let read = [Action::GetObject, Action::GetObjectAttributes, Action::GetObjectTorrent];
    acl.contains(&action) || read.contains(&action) || (action.on_object() && action.of_setting())
}

/// What may concern an unfinished upload.
const OF_UPLOADS: [Action; 3] = [Action::PutObject, Action::AbortMultipartUpload, Action::ListMultipartUploadParts];

fn of_buckets(action: Action) -> bool {
    !action.on_object() && !action.of_service()
}

fn in_preset(preset: Preset, action: Action) -> bool {
    let read = [
        Action::ListBucket,
        Action::ListBucketVersions,
        Action::ListBucketMultipartUploads,
        Action::GetObject,
        Action::GetObjectAttributes,
    ];
    let put = [Action::PutObject, Action::AbortMultipartUpload, Action::ListMultipartUploadParts];
    if [Action::HeadBucket, Action::GetBucketLocation, Action::GetBucketVersioning].contains(&action) {
        return true;
    }
    let everything = read.contains(&action) || put.contains(&action) || action == Action::DeleteObject;
    match preset {
        Preset::Read => read.contains(&action),
        Preset::Write => put.contains(&action) || action == Action::DeleteObject,
        Preset::ReadWrite | Preset::RcloneSync | Preset::Restic => everything,
        Preset::DropBox => put.contains(&action),
        Preset::Backup | Preset::Duplicity => everything && action != Action::DeleteObject,
    }
}

/// What a preset that protects what is there refuses although the action is its own.
fn spoils(share: &Share, action: Action, key: Option<&model::ObjectKey>, there: bool) -> bool {
    let keeps = [Preset::DropBox, Preset::Backup, Preset::Restic, Preset::Duplicity].contains(&share.preset);
    let lock = |key: &model::ObjectKey| key.as_str().starts_with(&format!("{}locks/", share.prefix));
    match action {
        Action::PutObject => keeps && there,
        Action::DeleteObject => share.preset == Preset::Restic && !key.is_some_and(lock),
        _ => false,
    }
}

fn share_is_of(share: &Share, bucket: &Bucket) -> bool {
    share.bucket == bucket.name && share.incarnation == bucket.incarnation && share.giver == bucket.owner
}

/// Whether it is allowed.
pub fn allows(question: &Question<'_>, evidence: &Evidence<'_>) -> bool {
    let Some(who) = who(question.principal, question.at) else { return false };
    let action = question.action;
    let named = match question.resource {
        Resource::Service if action == Action::ListAllMyBuckets => None,
        Resource::Bucket(name) if of_buckets(action) => Some(name),
        Resource::Object { bucket, .. }
            if of_objects(action) || OF_UPLOADS.contains(&action) || action == Action::DeleteObject =>
        {
            Some(bucket)
        }
        _ => return false,
    };
    if let Some(bucket) = evidence.bucket
        && named != Some(&bucket.name)
    {
        return false;
    }
    let guest = match &who {
        Who::Nobody => false,
        Who::Account(account) | Who::Share(account, _) => account.kind == AccountKind::Guest,
    };
    if action == Action::ListAllMyBuckets || action == Action::CreateBucket {
        if matches!(who, Who::Nobody) || (guest && evidence.settings.strict_signup) {
            return false;
        }
        if action == Action::ListAllMyBuckets {
            return true;
        }
    }
    let Some(bucket) = evidence.bucket else {
        return action == Action::CreateBucket && !guest && matches!(who, Who::Account(_));
    };
    match who {
        Who::Nobody => as_account(None, action, bucket, evidence),
        Who::Account(account) if action == Action::CreateBucket => {
            !guest || as_account(Some(account), Action::DeleteObject, bucket, evidence)
        }
        Who::Account(account) => as_account(Some(account), action, bucket, evidence),
        Who::Share(account, share) => {
            let key = match question.resource {
                Resource::Object { key, .. } => Some(key),
                _ => None,
            };
            !spoils(share, action, key, evidence.object.is_some()) && as_share(account, share, action, bucket, evidence)
        }
    }
}

fn as_account(account: Option<&model::Account>, action: Action, bucket: &Bucket, evidence: &Evidence<'_>) -> bool {
    let me = account.map(|a| &a.canonical_id);
    let mine = account.is_some_and(|a| a.id == bucket.owner && a.canonical_id == bucket.owner_canonical);
    let acls = acls_count(bucket, evidence.settings);
    let groups = groups_count(bucket, evidence.settings);
    let held = if acls { given(&bucket.acl, me, groups) } else { vec![] };
    let by_bucket = |action: Action| mine || held.iter().any(|p| on_a_bucket(*p).contains(&action));

    if of_objects(action) {
        let Some(object) = &evidence.object else {
            // 404 only to whom the listing would tell it.
            return by_bucket(Action::ListBucket);
        };
        if mine && action.of_setting() {
            return true;
        }
        let owner = if acls { object.owner } else { &bucket.owner_canonical };
        let my_object = if *owner == bucket.owner_canonical { mine } else { me == Some(owner) };
        if my_object {
            return true;
        }
        return acls && given(object.acl, me, groups).iter().any(|p| on_an_object(*p).contains(&action));
    }
    if OF_UPLOADS.contains(&action) && !mine {
        let began = match &evidence.upload {
            None => true,
            Some(upload) => me == Some(upload.initiator),
        };
        return by_bucket(action) && began;
    }
    by_bucket(action)
}

fn as_share(account: &model::Account, share: &Share, action: Action, bucket: &Bucket, evidence: &Evidence<'_>) -> bool {
    if !share_is_of(share, bucket) {
        return false;
    }
    if action == Action::CreateBucket {
        return in_preset(share.preset, Action::PutObject);
    }
    if !in_preset(share.preset, action) {
        return false;
    }
    if OF_UPLOADS.contains(&action) {
        return evidence.upload.as_ref().is_none_or(|upload| *upload.initiator == account.canonical_id);
    }
    if of_objects(action) {
        let Some(object) = &evidence.object else { return in_preset(share.preset, Action::ListBucket) };
        let acls = acls_count(bucket, evidence.settings);
        let giver = &bucket.owner_canonical;
        let by_acl = given(object.acl, Some(giver), groups_count(bucket, evidence.settings));
        return !acls || object.owner == giver || by_acl.iter().any(|p| on_an_object(*p).contains(&action));
    }
    true
}

/// Whether a bucket is in the caller's list.
pub fn lists(principal: &Principal, bucket: &Bucket, settings: &Settings, at: Timestamp) -> bool {
    match who(principal, at) {
        None | Some(Who::Nobody) => false,
        Some(Who::Share(_, share)) => share_is_of(share, bucket),
        Some(Who::Account(account)) => {
            let mine = account.id == bucket.owner && account.canonical_id == bucket.owner_canonical;
            let named = Grantee::Account(account.canonical_id.clone());
            mine || (acls_count(bucket, settings) && bucket.acl.grants().iter().any(|g| g.grantee == named))
        }
    }
}
