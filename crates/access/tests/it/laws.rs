//! Random situations in a small world, where everything meets everything: `decide` agrees with the second opinion, and
//! the laws hold.

use access::{
    DenialKind, Evidence, NoFacts, ObjectFacts, PolicyEvidence, Question, Reason, Resource, Settings, UploadFacts,
    Verdict, decide, lists_bucket,
};
use model::{
    AccountKind, AccountState, Acl, Action, Basis, Bucket, BucketName, CanonicalId, Grant, Grantee, Group, KeyState,
    ObjectKey, ObjectOwnership, Permission, Preset, Principal, PublicAccessBlock, Revision, Share, ShareState,
    Timestamp, VersionId,
};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::naive;
use crate::world::{NOW, account, account_id, canonical, key, object_key, share, share_id};

/// Accounts of the small world.
const ACCOUNTS: u8 = 3;

#[derive(Debug, Clone)]
struct World {
    principal: Principal,
    action: Action,
    /// 0 service, 1 bucket, 2 object; mostly what fits the action.
    kind: u8,
    /// The bucket that the question names.
    asked: BucketName,
    at: Timestamp,
    settings: Settings,
    bucket: Option<Bucket>,
    object: Option<(CanonicalId, Acl)>,
    upload: Option<CanonicalId>,
}

impl World {
    fn decide(&self) -> Verdict {
        self.with(decide)
    }

    fn allowed(&self) -> bool {
        self.decide().is_allowed()
    }

    fn with<T>(&self, use_it: impl FnOnce(&Question<'_>, Evidence<'_>) -> T) -> T {
        let key = object_key();
        let version = version();
        let resource = match self.kind {
            0 => Resource::Service,
            1 => Resource::Bucket(&self.asked),
            _ => Resource::Object { bucket: &self.asked, key: &key, version: Some(&version) },
        };
        let question = Question {
            principal: &self.principal,
            action: self.action,
            resource,
            at: self.at,
            source: None,
            facts: &NoFacts,
        };
        let evidence = Evidence {
            settings: &self.settings,
            bucket: self.bucket.as_ref(),
            policy: PolicyEvidence::None,
            key_policy: PolicyEvidence::None,
            object: self.object.as_ref().map(|(owner, acl)| ObjectFacts { owner, acl, tags: &[] }),
            upload: self.upload.as_ref().map(|initiator| UploadFacts { initiator }),
            basis: basis(),
        };
        use_it(&question, evidence)
    }

    /// The same, asked by somebody else.
    fn by(&self, principal: Principal) -> World {
        World { principal, ..self.clone() }
    }
}

fn version() -> VersionId {
    VersionId::new(&"0".repeat(32)).unwrap()
}

fn basis() -> Basis {
    Basis(vec![((&b"b/myproject"[..]).into(), Some(Revision(7)))])
}

fn names() -> impl Strategy<Value = BucketName> {
    prop_oneof![9 => Just("myproject"), 1 => Just("elsewhere")].prop_map(|name| BucketName::new(name).unwrap())
}

fn someone() -> impl Strategy<Value = CanonicalId> {
    (0..ACCOUNTS).prop_map(canonical)
}

prop_compose! {
    fn acls()(grants in prop::collection::vec(
        (
            prop_oneof![
                someone().prop_map(Grantee::Account),
                select(&Group::ALL[..]).prop_map(Grantee::Group),
            ],
            select(&Permission::ALL[..]),
        ),
        0..4,
    )) -> Acl {
        Acl::new(grants.into_iter().map(|(grantee, permission)| Grant { grantee, permission }).collect()).unwrap()
    }
}

prop_compose! {
    fn blocks()(bits in any::<[bool; 4]>()) -> PublicAccessBlock {
        PublicAccessBlock {
            block_public_acls: bits[0],
            ignore_public_acls: bits[1],
            block_public_policy: bits[2],
            restrict_public_buckets: bits[3],
        }
    }
}

prop_compose! {
    fn all_settings()(
        block in prop_oneof![2 => Just(PublicAccessBlock::NONE), 1 => blocks()],
        default_ownership in select(&ObjectOwnership::ALL[..]),
        strict_signup in any::<bool>(),
    ) -> Settings {
        Settings { public_access_block: block, default_ownership, strict_signup }
    }
}

prop_compose! {
    /// `wrong`: now and then a record that contradicts itself.
    fn buckets()(
        name in names(),
        incarnation in 1..=2u64,
        owner in 0..ACCOUNTS,
        wrong in option::weighted(0.05, 0..ACCOUNTS),
        acl in acls(),
        ownership in option::of(select(&ObjectOwnership::ALL[..])),
        public_access_block in option::of(blocks()),
    ) -> Bucket {
        Bucket {
            name,
            incarnation,
            owner: account_id(owner),
            owner_canonical: canonical(wrong.unwrap_or(owner)),
            acl,
            ownership,
            public_access_block,
            policy: None,
            created: NOW,
        }
    }
}

prop_compose! {
    /// Mostly one that stands.
    fn shares(of: u8)(
        bucket in names(),
        incarnation in 1..=2u64,
        giver in 0..ACCOUNTS,
        preset in select(&Preset::ALL[..]),
        revoked in prop::bool::weighted(0.1),
        life in prop_oneof![8 => 1..3u64, 1 => Just(0)],
        other_key in prop::bool::weighted(0.05),
        other_account in option::weighted(0.05, 0..ACCOUNTS),
    ) -> Share {
        Share {
            bucket,
            incarnation,
            giver: account_id(giver),
            key: key(if other_key { ACCOUNTS } else { of }, Some(share_id())).id,
            account: account_id(other_account.unwrap_or(of)),
            state: if revoked { ShareState::Revoked } else { ShareState::Active },
            expires: NOW.plus_seconds(life),
            ..share(of, preset)
        }
    }
}

fn principals() -> impl Strategy<Value = Principal> {
    let holder = (0..ACCOUNTS).prop_flat_map(|n| {
        (
            select(vec![AccountKind::Owner, AccountKind::Guest]),
            prop::bool::weighted(0.05),
            prop::bool::weighted(0.05),
            option::weighted(0.05, 0..ACCOUNTS),
            prop_oneof![5 => Just((false, false)), 5 => Just((true, true)), 1 => any::<(bool, bool)>()],
            shares(n),
        )
            .prop_map(move |(kind, suspended, disabled, other, (key_has, is_there), share)| {
                let mut account = account(n, kind);
                let mut key = key(n, key_has.then(share_id));
                if suspended {
                    account.state = AccountState::Suspended;
                }
                if disabled {
                    key.state = KeyState::Disabled;
                }
                if let Some(other) = other {
                    key.account = account_id(other);
                }
                Principal::Key { account, key, share: is_there.then_some(share) }
            })
    });
    prop_oneof![1 => Just(Principal::Anonymous), 6 => holder]
}

prop_compose! {
    fn worlds()(
        principal in principals(),
        action in select(Action::ALL),
        kind in option::weighted(0.05, 0..3u8),
        asked in names(),
        settings in all_settings(),
        bucket in option::weighted(0.95, buckets()),
        mismatch in prop::bool::weighted(0.05),
        object in option::weighted(0.7, (someone(), acls())),
        upload in option::of(someone()),
    ) -> World {
        let fitting = match action {
            Action::ListAllMyBuckets => 0,
            _ if action.on_object() => 2,
            _ => 1,
        };
        let asked = match &bucket {
            Some(bucket) if !mismatch => bucket.name.clone(),
            _ => asked,
        };
        let bucket = bucket.filter(|_| action != Action::ListAllMyBuckets || mismatch);
        World { principal, action, kind: kind.unwrap_or(fitting), asked, at: NOW, settings, bucket, object, upload }
    }
}

/// `acl` without the grant at `index`.
fn without(acl: &Acl, index: usize) -> Acl {
    let mut grants = acl.grants().to_vec();
    grants.remove(index);
    Acl::new(grants).unwrap()
}

/// The same world with one grant less, for each grant there is.
fn poorer(world: &World) -> Vec<World> {
    let mut all = vec![];
    if let Some(bucket) = &world.bucket {
        all.extend((0..bucket.acl.grants().len()).map(|index| {
            let bucket = Bucket { acl: without(&bucket.acl, index), ..bucket.clone() };
            World { bucket: Some(bucket), ..world.clone() }
        }));
    }
    if let Some((owner, acl)) = &world.object {
        all.extend(
            (0..acl.grants().len())
                .map(|index| World { object: Some((owner.clone(), without(acl, index))), ..world.clone() }),
        );
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6_000))]

    #[test]
    fn the_decision_is_the_second_opinions(world in worlds()) {
        let expected = world.with(|question, evidence| naive::allows(question, &evidence));
        prop_assert_eq!(world.allowed(), expected, "{:?}", world.decide().reasons());
    }

    #[test]
    fn the_list_of_buckets_is_the_second_opinions_and_what_is_listed_may_be_asked_for_its_location(
        world in worlds(),
        bucket in buckets(),
    ) {
        let listed = lists_bucket(&world.principal, &bucket, &world.settings, NOW);
        prop_assert_eq!(listed, naive::lists(&world.principal, &bucket, &world.settings, NOW));
        if listed {
            let location = World {
                action: Action::GetBucketLocation,
                kind: 1,
                asked: bucket.name.clone(),
                bucket: Some(bucket),
                ..world
            };
            prop_assert!(location.allowed());
        }
    }

    #[test]
    fn with_a_grant_less_or_public_access_blocked_nothing_more_is_allowed(world in worlds()) {
        if !world.allowed() {
            for poorer in poorer(&world) {
                prop_assert!(!poorer.allowed(), "{:?}", poorer);
            }
            let mut blocked = world.clone();
            blocked.settings.public_access_block = PublicAccessBlock::ALL;
            prop_assert!(!blocked.allowed(), "by the server");
            let mut blocked = world;
            if let Some(bucket) = &mut blocked.bucket {
                bucket.public_access_block = Some(PublicAccessBlock::ALL);
            }
            prop_assert!(!blocked.allowed(), "by the bucket");
        }
    }

    #[test]
    fn a_shares_key_does_nothing_that_its_giver_could_not_and_nothing_elsewhere(
        world in worlds(),
        n in 0..ACCOUNTS,
        share in (0..ACCOUNTS).prop_flat_map(shares),
    ) {
        let holder = Principal::Key {
            account: account(n, AccountKind::Guest),
            key: key(n, Some(share_id())),
            share: Some(Share { account: account_id(n), key: key(n, Some(share_id())).id, ..share.clone() }),
        };
        let world = world.by(holder);
        if world.action != Action::ListAllMyBuckets && world.allowed() {
            let bucket = world.bucket.as_ref().expect("a share reaches only what is there");
            prop_assert_eq!((&share.bucket, share.incarnation), (&bucket.name, bucket.incarnation));
            prop_assert_eq!(&share.giver, &bucket.owner);
            let mut giver = account(0, AccountKind::Owner);
            (giver.id, giver.canonical_id) = (bucket.owner.clone(), bucket.owner_canonical.clone());
            let mut key = key(0, None);
            key.account = giver.id.clone();
            let by_giver = world.by(Principal::Key { account: giver, key, share: None });
            prop_assert!(by_giver.allowed(), "{:?}", by_giver);
        }
    }

    #[test]
    fn who_is_suspended_disabled_revoked_or_expired_may_do_nothing_at_all(world in worlds(), which in 0..4) {
        let mut world = world;
        let Principal::Key { account, key, share } = &mut world.principal else { return Ok(()) };
        match (which, share) {
            (0, _) | (_, None) => account.state = AccountState::Suspended,
            (1, Some(_)) => key.state = KeyState::Disabled,
            (2, Some(share)) => share.state = ShareState::Revoked,
            (_, Some(share)) => share.expires = NOW,
        }
        prop_assert!(!world.allowed());
    }

    #[test]
    fn a_permit_is_for_what_was_asked_and_nothing_else(world in worlds()) {
        match world.decide() {
            Verdict::Allowed(permit) => {
                prop_assert_eq!(permit.action(), world.action);
                prop_assert_eq!(permit.principal(), &world.principal);
                prop_assert_eq!(permit.bucket(), (world.kind > 0).then_some(&world.asked));
                prop_assert_eq!(permit.key().map(ObjectKey::as_str), (world.kind > 1).then_some("dump.tar"));
                prop_assert_eq!(permit.version().cloned(), (world.kind > 1).then(version));
                prop_assert_eq!(permit.basis(), &basis());
                prop_assert!(!permit.reasons().is_empty());
            }
            Verdict::Denied(denial) => {
                let unsigned = denial.reasons()[0] == Reason::StrictSignup;
                prop_assert_eq!(denial.kind() == DenialKind::NotSignedUp, unsigned);
                if unsigned {
                    prop_assert!(matches!(world.action, Action::ListAllMyBuckets | Action::CreateBucket));
                }
            }
        }
    }
}

#[test]
fn every_reason_reads_as_a_sentence_and_a_grant_is_counted_from_one() {
    let at = access::GrantAt { index: 1, via: access::Via::Group(Group::AllUsers), permission: Permission::Read };
    assert_eq!(Reason::BucketGrant(at).to_string(), "grant 2 (READ to AllUsers) of the bucket's ACL");
    assert_eq!(Reason::NotInPreset(Preset::Read).to_string(), "the key's share allows read, which does not include it");
}
