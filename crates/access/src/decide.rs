//! The decision. First everything is classified (the caller's standing, the bucket's scene, the action's rule), then
//! [`settle`] combines it, in one place.

use model::{AccountKind, Action, Bucket, CanonicalId, ObjectOwnership, Permission, Share};

use crate::grants::{Groups, Match, matching};
use crate::narrow;
use crate::policies::{self, Said};
use crate::policy::StatementAt;
use crate::standing::{Standing, covers, speaks_from};
use crate::verdict::Reasons;
use crate::{
    Denial, Evidence, ObjectFacts, Permit, PolicyEvidence, Question, Reason, Resource, Settings, UploadFacts, Verdict,
};

/// Decides `question` on `evidence`. Default deny: a permit arises only where ownership, a grant or a share allows it,
/// by S3's ACL semantics ("Access control list (ACL) overview" in its user guide).
///
/// - The bucket's owner may do everything on its bucket; on an object that another account owns it may what concerns the
///   bucket (overwrite, delete, settings), and reads object and ACL only by a grant.
/// - An object's owner may read it and read and change its ACL, whatever the ACL says.
/// - What the bucket's policy denies is denied, to whomever; but the owner's unrestricted keys can always read, replace and
///   remove the policy. What it allows is allowed, on objects that the bucket's owner owns.
/// - A key's restriction only ever narrows: buckets, prefixes, addresses, time, and a policy of its own that must allow.
/// - Others have what grants give; in a bucket whose ownership is BucketOwnerEnforced, nothing.
/// - A share's key has its preset on its bucket and nothing else; on an object of another than the share's giver, no more
///   than the giver has.
/// - Reading an object that is not there is allowed to whom the listing would tell so.
/// - An unfinished upload is its initiator's, while it may write, and the bucket owner's. Where the upload is not there,
///   whoever may write hears so.
pub fn decide(question: &Question<'_>, evidence: Evidence<'_>) -> Verdict {
    match settle(question, &evidence) {
        Ok(reasons) => Verdict::Allowed(Permit::new(question, evidence.basis, reasons)),
        Err(reasons) => Verdict::Denied(Denial::new(reasons)),
    }
}

/// `Ok`: allowed, by these. `Err`: denied, by these.
type Settled = Result<Reasons, Reasons>;

fn no(reason: Reason) -> Settled {
    Err(Reasons::of(reason))
}

fn settle(question: &Question<'_>, evidence: &Evidence<'_>) -> Settled {
    let rule = rule(question.action);
    if !fits(rule, question.resource) {
        return no(Reason::WrongResource);
    }
    if evidence.bucket.is_some_and(|bucket| Some(&bucket.name) != question.resource.bucket()) {
        return no(Reason::OtherBucket);
    }
    let standing = Standing::of(question.principal, question.at).map_err(Reasons::of)?;
    speaks_from(question.principal, question.source, question.at).map_err(Reasons::of)?;
    narrow::by_key(question).map_err(Reasons::of)?;
    policies::of_key(question, evidence).map_err(Reasons::of)?;
    let scene = evidence.bucket.map(|bucket| Scene::new(bucket, evidence.settings));
    match (rule, scene) {
        (Rule::OwnList, _) => own_list(standing, evidence.settings),
        (Rule::Create, scene) => create(standing, scene.as_ref(), question, evidence),
        (_, None) => no(Reason::NoBucket),
        (rule, Some(scene)) => in_bucket(standing, rule, &scene, question, evidence),
    }
}

/// Whatever concerns a bucket that is there. Here everything is combined: what the bucket's policy denies is denied, but
/// for the one exception; then either a right or the policy may allow.
fn in_bucket(
    standing: Standing<'_>,
    rule: Rule,
    scene: &Scene<'_>,
    question: &Question<'_>,
    evidence: &Evidence<'_>,
) -> Settled {
    let of_policy =
        matches!(question.action, Action::GetBucketPolicy | Action::PutBucketPolicy | Action::DeleteBucketPolicy);
    // A bucket's owner can always undo its own policy, with a key that nothing restricts.
    if of_policy && standing.owns(scene.bucket) && !standing.is_restricted(question.principal) {
        return Ok(Reasons::of(Reason::BucketOwner));
    }
    let said = policies::of_bucket(question, evidence);
    if let Said::Denied(reason) = said {
        return no(reason);
    }
    let refused = match standing {
        Standing::Share(account, share) => {
            let initiator = Some(&account.canonical_id);
            return by_share(share, initiator, rule, scene, question, evidence);
        }
        Standing::Anonymous | Standing::Account(_) => match by_right(standing, rule, scene, question, evidence) {
            Ok(reasons) => return Ok(reasons),
            Err(reasons) => reasons,
        },
    };
    match said {
        Said::Allowed(at) => by_policy(standing, at, rule, scene, question, evidence),
        Said::Denied(_) | Said::Silent => Err(refused),
    }
}

/// A statement of the bucket's policy allows it; what could still be in the way is looked at.
fn by_policy(
    standing: Standing<'_>,
    at: StatementAt,
    rule: Rule,
    scene: &Scene<'_>,
    question: &Question<'_>,
    evidence: &Evidence<'_>,
) -> Settled {
    let allowed = Reasons::of(Reason::PolicyAllows(at));
    let of_owners_account = matches!(standing, Standing::Account(account) if account.id == scene.bucket.owner);
    if !of_owners_account {
        if matches!(question.action, Action::GetBucketPolicy | Action::PutBucketPolicy | Action::DeleteBucketPolicy) {
            return no(Reason::PolicyOfOwnersAlone);
        }
        let restricted = evidence.settings.block(scene.bucket.public_access_block).restrict_public_buckets;
        if restricted && matches!(evidence.policy, PolicyEvidence::Read(policy) if policy.is_public()) {
            return no(Reason::PublicPolicyRestricted);
        }
    }
    match (rule, &evidence.object) {
        (Rule::Upload, _) if question.action == Action::PutObject => {
            begun_by(standing.canonical(), evidence.upload.as_ref(), allowed)
        }
        (Rule::Object { .. }, None) => told_absent(standing, scene, question, evidence),
        (Rule::Object { .. }, Some(object)) if !scene.is_bucket_owners(object) => no(Reason::PolicyOnObjectOfAnother),
        _ => Ok(allowed),
    }
}

/// That an object is not there is told to who may list the bucket.
fn told_absent(standing: Standing<'_>, scene: &Scene<'_>, question: &Question<'_>, evidence: &Evidence<'_>) -> Settled {
    let listed = match policies::of_listing(question, evidence) {
        Said::Denied(reason) => no(reason),
        Said::Allowed(at) => Ok(Reasons::of(Reason::PolicyAllows(at))),
        Said::Silent => by_right(standing, LIST, scene, question, evidence),
    };
    match listed {
        Ok(reasons) => Ok(reasons.and(Reason::ObjectAbsent)),
        Err(reasons) => Err(reasons.and(Reason::ObjectAbsent)),
    }
}

/// What an action takes. A new action must be given its rule here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// An account.
    OwnList,
    /// An account that may own buckets; or write access, where the bucket exists.
    Create,
    /// To own the bucket.
    Owner,
    /// Any grant on the bucket.
    AnyGrant,
    /// This on the bucket.
    Bucket(Permission),
    /// WRITE on the bucket; and to have begun the upload, where it concerns one.
    Upload,
    /// To own the object, or this on it (`None`: no grant conveys it); or to own the bucket, where that suffices.
    Object { grant: Option<Permission>, bucket_owner: bool },
}

fn rule(action: Action) -> Rule {
    let object = |permission| Rule::Object { grant: Some(permission), bucket_owner: false };
    match action {
        Action::ListAllMyBuckets => Rule::OwnList,
        Action::CreateBucket => Rule::Create,
        Action::DeleteBucket => Rule::Owner,
        Action::GetBucketLocation => Rule::AnyGrant,
        Action::HeadBucket | Action::ListBucket | Action::ListBucketVersions | Action::ListBucketMultipartUploads => {
            LIST
        }
        Action::GetBucketAcl => Rule::Bucket(Permission::ReadAcp),
        Action::PutBucketAcl => Rule::Bucket(Permission::WriteAcp),
        Action::DeleteObject => WRITE,
        Action::PutObject | Action::AbortMultipartUpload | Action::ListMultipartUploadParts => Rule::Upload,
        Action::GetObject | Action::GetObjectAttributes | Action::GetObjectTorrent => object(Permission::Read),
        Action::GetObjectAcl => object(Permission::ReadAcp),
        Action::PutObjectAcl => object(Permission::WriteAcp),
        action if action.of_setting() && action.on_object() => Rule::Object { grant: None, bucket_owner: true },
        // Every other setting of a bucket, and whatever gets no rule of its own.
        _ => Rule::Owner,
    }
}

/// What listing a bucket takes, and therefore learning that an object is not there.
const LIST: Rule = Rule::Bucket(Permission::Read);

/// What changing a bucket's objects takes.
const WRITE: Rule = Rule::Bucket(Permission::Write);

/// Whether the action that `rule` is of can be asked of such a resource.
fn fits(rule: Rule, resource: Resource<'_>) -> bool {
    match resource {
        Resource::Service => rule == Rule::OwnList,
        Resource::Bucket(_) => match rule {
            Rule::Create | Rule::Owner | Rule::AnyGrant => true,
            Rule::Bucket(permission) => permission != Permission::Write,
            Rule::OwnList | Rule::Upload | Rule::Object { .. } => false,
        },
        Resource::Object { .. } => {
            matches!(rule, Rule::Bucket(Permission::Write) | Rule::Upload | Rule::Object { .. })
        }
    }
}

/// A bucket, and what ACLs are worth in it.
pub(crate) struct Scene<'a> {
    pub(crate) bucket: &'a Bucket,
    /// BucketOwnerEnforced: grants do not count, and every object is the bucket owner's.
    acls_off: bool,
    groups: Groups,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(bucket: &'a Bucket, settings: &Settings) -> Self {
        let blocked = settings.block(bucket.public_access_block).ignore_public_acls;
        Scene {
            bucket,
            acls_off: settings.ownership(bucket.ownership) == ObjectOwnership::BucketOwnerEnforced,
            groups: if blocked { Groups::Blocked } else { Groups::Count },
        }
    }

    /// What the bucket's ACL gives `standing`, as such.
    fn on_bucket(&self, standing: Standing<'_>, wanted: Option<Permission>) -> Settled {
        if self.acls_off {
            return Err(Reasons::of(Reason::NoRule).and(Reason::AclsOff));
        }
        match matching(&self.bucket.acl, standing.canonical(), wanted, self.groups) {
            Match::Granted(at) => Ok(Reasons::of(Reason::BucketGrant(at))),
            Match::Ignored(at) => Err(Reasons::of(Reason::NoRule).and(Reason::BucketGrantIgnored(at))),
            Match::Nothing => no(Reason::NoRule),
        }
    }

    /// Whether a grant on the bucket that counts names the account itself.
    pub(crate) fn names(&self, account: &CanonicalId) -> bool {
        !self.acls_off && matches!(matching(&self.bucket.acl, Some(account), None, Groups::Aside), Match::Granted(_))
    }

    /// What the object's ACL gives `who`.
    fn on_object(&self, object: &ObjectFacts<'_>, who: Option<&CanonicalId>, wanted: Permission) -> Match {
        if self.acls_off { Match::Nothing } else { matching(object.acl, who, Some(wanted), self.groups) }
    }

    /// Whether the object counts as the bucket owner's.
    fn is_bucket_owners(&self, object: &ObjectFacts<'_>) -> bool {
        self.acls_off || *object.owner == self.bucket.owner_canonical
    }
}

/// ListAllMyBuckets.
fn own_list(standing: Standing<'_>, settings: &Settings) -> Settled {
    match standing {
        Standing::Anonymous => no(Reason::NeedsKey),
        Standing::Account(account) | Standing::Share(account, _) => match account.kind {
            AccountKind::Guest if settings.strict_signup => no(Reason::StrictSignup),
            AccountKind::Guest | AccountKind::Owner => Ok(Reasons::of(Reason::OwnList)),
        },
    }
}

/// CreateBucket. Clients ask for it before they write, so whoever may write to a bucket that exists is allowed to, by
/// whatever grant: the operation then changes nothing.
fn create(
    standing: Standing<'_>,
    scene: Option<&Scene<'_>>,
    question: &Question<'_>,
    evidence: &Evidence<'_>,
) -> Settled {
    let account = match standing {
        Standing::Anonymous => return no(Reason::NeedsKey),
        Standing::Account(account) | Standing::Share(account, _) => account,
    };
    if evidence.settings.strict_signup && account.kind == AccountKind::Guest {
        return no(Reason::StrictSignup);
    }
    match (standing, scene) {
        (Standing::Share(_, share), Some(scene)) => {
            covers(share, scene.bucket).map_err(Reasons::of)?;
            in_share(share, Action::PutObject)
        }
        (Standing::Share(..), None) => no(Reason::ShareElsewhere),
        (_, _) if account.kind == AccountKind::Owner => Ok(Reasons::of(Reason::MayOwnBuckets)),
        (_, Some(scene)) => {
            match (by_right(standing, WRITE, scene, question, evidence), policies::of_writing(question, evidence)) {
                (_, Said::Denied(reason)) => no(reason),
                (Ok(reasons), _) => Ok(reasons),
                (Err(_), Said::Allowed(at)) => Ok(Reasons::of(Reason::PolicyAllows(at))),
                (Err(_), Said::Silent) => no(Reason::GuestOwnsNothing),
            }
        }
        (_, None) => no(Reason::GuestOwnsNothing),
    }
}

/// By what the caller is: an owner, or somebody to whom something is granted.
fn by_right(
    standing: Standing<'_>,
    rule: Rule,
    scene: &Scene<'_>,
    question: &Question<'_>,
    evidence: &Evidence<'_>,
) -> Settled {
    let owns_bucket = standing.owns(scene.bucket);
    let bucket_owner = || Ok(Reasons::of(Reason::BucketOwner));
    match rule {
        Rule::OwnList | Rule::Create => no(Reason::WrongResource),
        Rule::Owner if owns_bucket => bucket_owner(),
        Rule::Owner => no(Reason::OwnerOnly),
        Rule::AnyGrant | Rule::Bucket(_) | Rule::Upload if owns_bucket => bucket_owner(),
        Rule::AnyGrant => scene.on_bucket(standing, None),
        Rule::Bucket(permission) => scene.on_bucket(standing, Some(permission)),
        Rule::Upload => {
            let written = scene.on_bucket(standing, Some(Permission::Write))?;
            begun_by(standing.canonical(), evidence.upload.as_ref(), written)
        }
        Rule::Object { grant, bucket_owner: suffices } => match &evidence.object {
            None => told_absent(standing, scene, question, evidence),
            Some(_) if owns_bucket && suffices => bucket_owner(),
            Some(object) => on_object(standing, grant, scene, object),
        },
    }
}

fn on_object(
    standing: Standing<'_>,
    grant: Option<Permission>,
    scene: &Scene<'_>,
    object: &ObjectFacts<'_>,
) -> Settled {
    let owns = if scene.is_bucket_owners(object) {
        standing.owns(scene.bucket)
    } else {
        standing.canonical() == Some(object.owner)
    };
    if owns {
        return Ok(Reasons::of(Reason::ObjectOwner));
    }
    let Some(wanted) = grant else {
        return no(Reason::OwnerOnly);
    };
    match scene.on_object(object, standing.canonical(), wanted) {
        Match::Granted(at) => Ok(Reasons::of(Reason::ObjectGrant(at))),
        Match::Ignored(at) => Err(Reasons::of(Reason::NoRule).and(Reason::ObjectGrantIgnored(at))),
        Match::Nothing => Err(Reasons::of(Reason::NoRule).and(scene.acls_off.then_some(Reason::AclsOff))),
    }
}

/// An upload that exists is its initiator's alone, among those who may write.
fn begun_by(who: Option<&CanonicalId>, upload: Option<&UploadFacts<'_>>, written: Reasons) -> Settled {
    match upload {
        None => Ok(written),
        Some(upload) if who == Some(upload.initiator) => Ok(written.and(Reason::UploadInitiator)),
        Some(_) => no(Reason::UploadOfAnother),
    }
}

fn in_share(share: &Share, action: Action) -> Settled {
    match (share.allows(action), &share.actions) {
        (true, None) => Ok(Reasons::of(Reason::SharePreset(share.preset))),
        (true, Some(_)) => Ok(Reasons::of(Reason::ShareActions)),
        (false, None) => no(Reason::NotInPreset(share.preset)),
        (false, Some(_)) => no(Reason::NotInShareActions),
    }
}

/// By the key's share, and by nothing else.
fn by_share(
    share: &Share,
    initiator: Option<&CanonicalId>,
    rule: Rule,
    scene: &Scene<'_>,
    question: &Question<'_>,
    evidence: &Evidence<'_>,
) -> Settled {
    covers(share, scene.bucket).map_err(Reasons::of)?;
    narrow::by_share(question, share).map_err(Reasons::of)?;
    let allowed = in_share(share, question.action)?;
    match (question.action, question.resource) {
        (Action::PutObject, _) if share.create_only() && evidence.object.is_some() => return no(Reason::CreatesOnly),
        (Action::DeleteObject, Resource::Object { key, .. }) if !share.may_delete(key.as_str()) => {
            return no(Reason::DeletesOnlySome);
        }
        _ => {}
    }
    match (rule, &evidence.object) {
        (Rule::Upload, _) => begun_by(initiator, evidence.upload.as_ref(), allowed),
        (Rule::Object { .. }, None) => {
            in_share(share, Action::ListBucket)?;
            Ok(allowed.and(Reason::ObjectAbsent))
        }
        (Rule::Object { grant, .. }, Some(object)) => {
            if scene.is_bucket_owners(object) {
                return Ok(allowed.and(Reason::GiverOwnsObject));
            }
            let giver = Some(&scene.bucket.owner_canonical);
            match grant.map(|wanted| scene.on_object(object, giver, wanted)) {
                Some(Match::Granted(at)) => Ok(allowed.and(Reason::GiverGranted(at))),
                Some(Match::Ignored(at)) => {
                    Err(Reasons::of(Reason::GiverMayNotRead).and(Reason::ObjectGrantIgnored(at)))
                }
                Some(Match::Nothing) | None => no(Reason::GiverMayNotRead),
            }
        }
        (Rule::Owner | Rule::AnyGrant | Rule::Bucket(_), _) => Ok(allowed),
        (Rule::OwnList | Rule::Create, _) => no(Reason::WrongResource),
    }
}
