//! Policies and restrictions beside ownership, ACLs and shares: what wins, and what only ever narrows.

use access::policy::{Facts, Policy, Value, Values};
use access::{
    DenialKind, Evidence, NoFacts, ObjectFacts, PolicyEvidence, Question, Reason, Resource, Verdict, decide,
    lists_bucket,
};
use model::{
    AccountKind, Acl, Action, Basis, Bucket, BucketName, BucketPolicy, Grantee, ObjectKey, ObjectOwnership, Permission,
    Preset, Principal, PublicAccessBlock, Restriction,
};

use crate::world::{
    self, GRANTEE, NOW, OWNER, WRITER, account_id, acl, bucket, bucket_name, caller, canonical, object_key, share,
};

/// What a listing's prefix is.
struct Prefix(&'static str);

impl Facts for Prefix {
    fn values(&self, key: &str) -> Values<'_> {
        if key == "s3:prefix" { Values::One(Value::Text(self.0)) } else { Values::Absent }
    }
}

/// A bucket with an object in it, and what is asked about them.
struct Place {
    bucket: Bucket,
    policy: Option<Policy>,
    /// Whose the object is, if it is there.
    object: Option<u8>,
    settings: access::Settings,
}

impl Place {
    fn new(policy: Option<&str>) -> Place {
        let text = policy.map(|text| text.replace("BUCKET", bucket_name().as_str()));
        let policy = text.as_ref().map(|text| Policy::parse(text).unwrap());
        let mut bucket = bucket(acl(OWNER, None));
        bucket.policy = text.map(|text| BucketPolicy { text: text.into(), names: vec![] });
        Place { bucket, policy, object: Some(OWNER), settings: world::settings() }
    }

    fn ask(&self, principal: &Principal, action: Action) -> Verdict {
        self.ask_on(principal, action, &object_key(), &NoFacts)
    }

    fn ask_on(&self, principal: &Principal, action: Action, key: &ObjectKey, facts: &dyn Facts) -> Verdict {
        let resource = if action.of_service() {
            Resource::Service
        } else if action.on_object() {
            Resource::Object { bucket: &self.bucket.name, key, version: None }
        } else {
            Resource::Bucket(&self.bucket.name)
        };
        let key_policy = match principal {
            Principal::Key { key, .. } => {
                key.restriction.policy.as_ref().map(|text| Policy::parse_for_key(text).unwrap())
            }
            Principal::Anonymous => None,
        };
        let owner = self.object.map(canonical);
        let object_acl = owner.clone().map(Acl::private);
        let object = owner.as_ref().zip(object_acl.as_ref());
        let evidence = Evidence {
            settings: &self.settings,
            bucket: (!action.of_service()).then_some(&self.bucket),
            policy: self.policy.as_ref().map_or(PolicyEvidence::None, PolicyEvidence::Read),
            key_policy: key_policy.as_ref().map_or(PolicyEvidence::None, PolicyEvidence::Read),
            object: object.map(|(owner, acl)| ObjectFacts { owner, acl, tags: &[] }),
            upload: None,
            basis: Basis::default(),
        };
        decide(&Question { principal, action, resource, at: NOW, source: None, facts }, evidence)
    }

    fn allows(&self, principal: &Principal, action: Action) -> bool {
        self.ask(principal, action).is_allowed()
    }
}

fn statement(effect: &str, principal: &str, actions: &str) -> String {
    format!(
        "{{\"Effect\":\"{effect}\",\"Principal\":{principal},\"Action\":[{actions}],\
         \"Resource\":[\"arn:aws:s3:::BUCKET\",\"arn:aws:s3:::BUCKET/*\"]}}"
    )
}

fn document(statements: &[String]) -> String {
    format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{}]}}", statements.join(","))
}

fn to(n: u8) -> String {
    format!("{{\"AWS\":\"{}\"}}", account_id(n))
}

fn first(verdict: &Verdict) -> Reason {
    verdict.reasons()[0]
}

#[test]
fn what_a_policy_denies_is_denied_to_the_owner_too_but_not_the_undoing_of_it() {
    let place = Place::new(Some(&document(&[statement("Deny", "\"*\"", "\"s3:*\"")])));
    let owner = caller(OWNER, AccountKind::Owner);
    let kept = [Action::GetBucketPolicy, Action::PutBucketPolicy, Action::DeleteBucketPolicy];
    for action in Action::ALL.iter().filter(|a| !a.of_service() && **a != Action::CreateBucket) {
        let verdict = place.ask(&owner, *action);
        assert_eq!(verdict.is_allowed(), kept.contains(action), "{action:?}");
        assert!(verdict.is_allowed() || matches!(first(&verdict), Reason::PolicyDenies(_)));
    }
    // A key that is held back does not keep it.
    let mut held = owner;
    let Principal::Key { key, .. } = &mut held else { unreachable!() };
    key.restriction.prefixes = vec!["a".into()];
    assert!(kept.iter().all(|action| !place.allows(&held, *action)));
}

#[test]
fn a_policy_opens_the_bucket_to_whom_it_names_and_what_it_names() {
    let read = [statement("Allow", &to(GRANTEE), "\"s3:GetObject\",\"s3:ListBucket\"")];
    let place = Place::new(Some(&document(&read)));
    let (guest, other) = (caller(GRANTEE, AccountKind::Guest), caller(WRITER, AccountKind::Owner));
    let opened = [Action::GetObject, Action::ListBucket, Action::HeadBucket];
    for action in Action::ALL.iter().filter(|a| !a.of_service() && **a != Action::CreateBucket) {
        assert_eq!(place.allows(&guest, *action), opened.contains(action), "{action:?}");
        assert!(!place.allows(&other, *action) && !place.allows(&Principal::Anonymous, *action), "{action:?}");
    }
    // A Deny beside an ACL's grant wins.
    let deny = Place::new(Some(&document(&[statement("Deny", &to(GRANTEE), "\"s3:ListBucket\"")])));
    let mut granted = deny;
    granted.bucket.acl = acl(OWNER, Some((Grantee::Account(canonical(GRANTEE)), Permission::Read)));
    assert!(!granted.allows(&guest, Action::ListBucket));
    assert!(granted.allows(&guest, Action::GetBucketLocation));
}

#[test]
fn a_policy_speaks_for_its_owner_only() {
    let all = Place::new(Some(&document(&[statement("Allow", &to(GRANTEE), "\"s3:*\"")])));
    let guest = caller(GRANTEE, AccountKind::Guest);
    for action in [Action::GetBucketPolicy, Action::PutBucketPolicy, Action::DeleteBucketPolicy] {
        let Verdict::Denied(denial) = all.ask(&guest, action) else { panic!("{action:?}") };
        assert_eq!(denial.kind(), DenialKind::MethodNotAllowed);
    }
    // An object that another account owns is not the bucket owner's to give.
    let writers = Place { object: Some(WRITER), ..all };
    let writers = Place {
        settings: access::Settings { default_ownership: ObjectOwnership::ObjectWriter, ..writers.settings },
        ..writers
    };
    assert_eq!(first(&writers.ask(&guest, Action::GetObject)), Reason::PolicyOnObjectOfAnother);
    assert!(writers.allows(&guest, Action::DeleteObject));
}

#[test]
fn a_public_policy_lets_only_the_owners_account_through_where_that_is_restricted() {
    let mut place = Place::new(Some(&document(&[statement("Allow", "\"*\"", "\"s3:GetObject\"")])));
    assert!(place.allows(&Principal::Anonymous, Action::GetObject));
    place.bucket.public_access_block = Some(PublicAccessBlock::ALL);
    let refused = place.ask(&Principal::Anonymous, Action::GetObject);
    assert_eq!(first(&refused), Reason::PublicPolicyRestricted);
    assert!(place.allows(&caller(OWNER, AccountKind::Owner), Action::GetObject));
}

#[test]
fn that_an_object_is_not_there_is_told_to_who_may_list() {
    for (actions, told) in [("\"s3:GetObject\"", false), ("\"s3:GetObject\",\"s3:ListBucket\"", true)] {
        let mut place = Place::new(Some(&document(&[statement("Allow", &to(GRANTEE), actions)])));
        place.object = None;
        assert_eq!(place.allows(&caller(GRANTEE, AccountKind::Guest), Action::GetObject), told);
    }
    let mut place = Place::new(Some(&document(&[statement("Deny", "\"*\"", "\"s3:ListBucket\"")])));
    place.object = None;
    assert!(!place.allows(&caller(OWNER, AccountKind::Owner), Action::GetObject));
}

#[test]
fn a_policy_that_was_not_read_or_cannot_be_denies_everything_but_its_replacement() {
    let mut place = Place::new(Some(&document(&[statement("Allow", "\"*\"", "\"s3:*\"")])));
    place.policy = None;
    let owner = caller(OWNER, AccountKind::Owner);
    assert_eq!(first(&place.ask(&owner, Action::GetObject)), Reason::PolicyUnreadable);
    assert!(!place.allows(&Principal::Anonymous, Action::GetObject));
    assert!(place.allows(&owner, Action::PutBucketPolicy));
}

#[test]
fn a_key_is_held_to_its_buckets_prefixes_and_policy() {
    let place = Place::new(None);
    let held = |restriction: Restriction| {
        let mut owner = caller(OWNER, AccountKind::Owner);
        let Principal::Key { key, .. } = &mut owner else { unreachable!() };
        key.restriction = restriction;
        owner
    };
    let elsewhere = held(Restriction { buckets: vec![BucketName::new("another").unwrap()], ..Restriction::NONE });
    assert_eq!(first(&place.ask(&elsewhere, Action::GetObject)), Reason::BucketNotOfKey);
    assert!(place.allows(&elsewhere, Action::ListAllMyBuckets));
    assert!(!lists_bucket(&elsewhere, &place.bucket, &place.settings, NOW));

    let prefix = held(Restriction { prefixes: vec!["logs/".into()], ..Restriction::NONE });
    let inside = ObjectKey::new("logs/1").unwrap();
    assert!(place.ask_on(&prefix, Action::PutObject, &inside, &NoFacts).is_allowed());
    assert_eq!(first(&place.ask(&prefix, Action::PutObject)), Reason::PrefixNotOfKey);
    for (asked, allowed) in [("logs/", true), ("logs/2026", true), ("logs", false), ("", false)] {
        let verdict = place.ask_on(&prefix, Action::ListBucket, &inside, &Prefix(asked));
        assert_eq!(verdict.is_allowed(), allowed, "{asked}");
    }
    assert!(!place.allows(&prefix, Action::ListBucket) && !place.allows(&prefix, Action::PutBucketAcl));
    assert!(place.allows(&prefix, Action::HeadBucket));

    let text =
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:Get*\",\"Resource\":\"*\"}}";
    let policy = held(Restriction { policy: Some(text.into()), ..Restriction::NONE });
    assert!(place.allows(&policy, Action::GetObject));
    assert_eq!(first(&place.ask(&policy, Action::PutObject)), Reason::NotInKeyPolicy);
}

#[test]
fn restrictions_and_denials_never_allow() {
    let text = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}";
    let restrictions = [
        Restriction { policy: Some(text.into()), ..Restriction::NONE },
        Restriction { buckets: vec![bucket_name()], ..Restriction::NONE },
        Restriction { prefixes: vec!["".into()], ..Restriction::NONE },
        Restriction { prefixes: vec!["dump".into()], ..Restriction::NONE },
        Restriction { expires: Some(NOW.plus_seconds(10)), ..Restriction::NONE },
    ];
    let base = vec![statement("Allow", &to(GRANTEE), "\"s3:GetObject\",\"s3:PutObject\"")];
    let mut denied = base.clone();
    denied.push(statement("Deny", "\"*\"", "\"s3:PutObject\""));
    let (allow, deny) = (Place::new(Some(&document(&base))), Place::new(Some(&document(&denied))));
    for n in [OWNER, GRANTEE, WRITER] {
        let free = caller(n, AccountKind::Owner);
        for action in Action::ALL {
            assert!(!deny.allows(&free, *action) || allow.allows(&free, *action), "{action:?}");
            for restriction in &restrictions {
                let mut held = free.clone();
                let Principal::Key { key, .. } = &mut held else { unreachable!() };
                key.restriction = restriction.clone();
                assert!(!allow.allows(&held, *action) || allow.allows(&free, *action), "{action:?} {restriction:?}");
            }
        }
    }
}

#[test]
fn a_share_creates_without_overwriting_and_stays_in_its_part() {
    let holder = |preset, prefix: &str| {
        let mut share = share(GRANTEE, preset);
        share.prefix = prefix.into();
        world::holder(Some(share))
    };
    let mut place = Place::new(None);
    for preset in Preset::ALL {
        let key = holder(preset, "");
        assert_eq!(place.allows(&key, Action::PutObject), preset.allows(Action::PutObject) && !preset.create_only());
    }
    place.object = None;
    for preset in Preset::ALL {
        assert_eq!(place.allows(&holder(preset, ""), Action::PutObject), preset.allows(Action::PutObject));
        let elsewhere = place.ask(&holder(preset, "part/"), Action::PutObject);
        assert!(!elsewhere.is_allowed());
    }
    let lock = ObjectKey::new("locks/1").unwrap();
    let restic = holder(Preset::Restic, "");
    place.object = Some(OWNER);
    assert!(place.ask_on(&restic, Action::DeleteObject, &lock, &NoFacts).is_allowed());
    assert_eq!(first(&place.ask(&restic, Action::DeleteObject)), Reason::DeletesOnlySome);
    // The bucket's policy holds for a share's key as for any other; what it allows adds nothing to the share.
    let policy = [statement("Deny", "\"*\"", "\"s3:GetObject\""), statement("Allow", "\"*\"", "\"s3:DeleteObject\"")];
    let place = Place::new(Some(&document(&policy)));
    assert!(!place.allows(&holder(Preset::ReadWrite, ""), Action::GetObject));
    assert!(!place.allows(&holder(Preset::Read, ""), Action::DeleteObject));
}
