//! Random worlds in which everything that decides over access meets: what `decide` allows is in the reach, what is in the
//! reach is allowed by a request that is shown, and what is outside is refused whatever is tried.

use std::net::IpAddr;

use model::{
    AccessKey, AccessKeyId, Account, AccountId, AccountKind, AccountState, BucketPolicy, Caps, DisplayName, Email,
    Grant, Grantee, Group, KeyState, ObjectOwnership, Permission, Pin, Preset, PublicAccessBlock, Quota, Restriction,
    Share, ShareId, ShareState,
};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::policy::Policy;

mod laws;

pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_289_952_000);
pub(super) const OWNER: u8 = 0;
pub(super) const OBJECTS: [&str; 3] = ["a/own", "b", "own"];
/// Requests that are tried in each world.
const REQUESTS: usize = 300;

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) principal: Principal,
    pub(super) settings: Settings,
    pub(super) bucket: Bucket,
    pub(super) objects: Vec<(ObjectKey, CanonicalId, Acl)>,
}

fn canonical(n: u8) -> CanonicalId {
    CanonicalId::new(&format!("{n:064x}")).unwrap()
}

fn account_id(n: u8) -> AccountId {
    AccountId::new(&format!("{n:012}")).unwrap()
}

fn account(n: u8) -> Account {
    Account {
        id: account_id(n),
        canonical_id: canonical(n),
        email: Email::new(&format!("account-{n}@example.com")).unwrap(),
        display_name: DisplayName::new("somebody").unwrap(),
        kind: if n < 2 { AccountKind::Owner } else { AccountKind::Guest },
        state: AccountState::Active,
        created: NOW,
    }
}

pub(super) fn grants() -> impl Strategy<Value = Acl> {
    let grantee = prop_oneof![
        (0..3u8).prop_map(|n| Grantee::Account(canonical(n))),
        select(Group::ALL.to_vec()).prop_map(Grantee::Group),
    ];
    let grant =
        (grantee, select(Permission::ALL.to_vec())).prop_map(|(grantee, permission)| Grant { grantee, permission });
    prop::collection::vec(grant, 0..3).prop_map(|grants| Acl::new(grants).unwrap())
}

const ACTIONS: [&str; 9] = [
    "s3:*",
    "s3:Get*",
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:ListBucket",
    "s3:PutBucketAcl",
    "s3:PutObjectAcl",
    "s3:*Tagging",
];
const RESOURCES: [&str; 11] = [
    "arn:aws:s3:::myproject",
    "arn:aws:s3:::myproject/*",
    "arn:aws:s3:::myproject/a/*",
    "arn:aws:s3:::myproject/a/?",
    "arn:aws:s3:::myproject/*x",
    "arn:aws:s3:::myproject/b",
    "arn:aws:s3:::myproject/${aws:userid}/*",
    "arn:aws:s3:::myproject/${aws:Referer}/*",
    "arn:aws:s3:::myproject/${aws:UserAgent, 'a'}?*",
    "arn:aws:s3:::${aws:Referer}*",
    "arn:aws:s3:::my*",
];
const CONDITIONS: [&str; 18] = [
    r#""IpAddress":{"aws:SourceIp":["10.0.0.0/8"]}"#,
    r#""NotIpAddress":{"aws:SourceIp":"10.0.0.0/16"}"#,
    r#""StringLike":{"s3:prefix":"a/*"}"#,
    r#""StringEquals":{"s3:prefix":["","a/"]}"#,
    r#""Bool":{"aws:SecureTransport":"false"}"#,
    r#""DateLessThan":{"aws:CurrentTime":"2010-11-17T00:00:10Z"}"#,
    r#""DateGreaterThan":{"aws:CurrentTime":"2010-11-17T00:00:20Z"}"#,
    r#""NumericLessThan":{"aws:EpochTime":"1289952015"}"#,
    r#""NumericLessThanEquals":{"s3:max-keys":"10"}"#,
    r#""StringEquals":{"s3:ExistingObjectTag/team":"red"}"#,
    r#""StringNotEquals":{"s3:ExistingObjectTag/team":["red","blue"]}"#,
    r#""Null":{"aws:Referer":"true"}"#,
    r#""StringNotLike":{"aws:Referer":"*good*"}"#,
    r#""StringLikeIfExists":{"aws:UserAgent":"curl*"}"#,
    r#""ForAnyValue:StringEquals":{"s3:RequestObjectTagKeys":["x"]}"#,
    r#""StringEqualsIgnoreCase":{"aws:Referer":"Good"}"#,
    r#""StringEquals":{"aws:PrincipalAccount":"000000000001"}"#,
    r#""StringLike":{"aws:Referer":"${aws:UserAgent}*"}"#,
];

fn statement(of_bucket: bool) -> impl Strategy<Value = String> {
    let listed = |texts: Vec<&str>| texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(",");
    let principal = select(vec![
        r#""*""#.to_owned(),
        r#"{"AWS":"000000000001"}"#.to_owned(),
        format!(r#"{{"CanonicalUser":"{}"}}"#, canonical(2)),
    ]);
    let some = |from: &'static [&'static str]| subsequence(from, 1..3);
    (0..3u8, principal, some(&ACTIONS), some(&RESOURCES), subsequence(&CONDITIONS[..], 0..3), 0..8u8, 0..8u8).prop_map(
        move |(effect, principal, actions, resources, conditions, not_action, not_resource)| {
            let effect = if effect == 0 { "Deny" } else { "Allow" };
            let principal = if of_bucket { format!(r#""Principal":{principal},"#) } else { String::new() };
            let not = |rolled: u8| if rolled == 0 { "Not" } else { "" };
            // An operator is written once; what would repeat it is left out.
            let mut once: Vec<&str> = vec![];
            for condition in conditions {
                let operator = |text: &'static str| text.split(':').next();
                if once.iter().all(|known| known.split(':').next() != operator(condition)) {
                    once.push(condition);
                }
            }
            let conditions = once.join(",");
            format!(
                r#"{{"Effect":"{effect}",{principal}"{}Action":[{}],"{}Resource":[{}],"Condition":{{{conditions}}}}}"#,
                not(not_action),
                listed(actions),
                not(not_resource),
                listed(resources),
            )
        },
    )
}

pub(super) fn policy(of_bucket: bool) -> impl Strategy<Value = Box<str>> {
    prop::collection::vec(statement(of_bucket), 1..4)
        .prop_map(|statements| format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(",")).into())
}

fn networks() -> impl Strategy<Value = Vec<Network>> {
    let all = ["10.0.0.0/8", "10.0.0.0/16", "2001:db8::/32"].map(|text| Network::parse(text).unwrap());
    prop_oneof![3 => Just(vec![]), 1 => subsequence(all.to_vec(), 1..3)]
}

fn restriction() -> impl Strategy<Value = Restriction> {
    let prefixes = prop_oneof![3 => Just(vec![]), 1 => subsequence(vec!["a/", "b", "a/o"], 1..3)];
    let buckets = prop_oneof![4 => Just(vec![]), 1 => Just(vec!["myproject"]), 1 => Just(vec!["another"])];
    (
        option::weighted(0.3, policy(false)),
        buckets,
        prefixes,
        networks(),
        option::weighted(0.2, Just(NOW.plus_seconds(30))),
    )
        .prop_map(|(policy, buckets, prefixes, networks, expires)| Restriction {
            policy,
            buckets: buckets.into_iter().map(|name| BucketName::new(name).unwrap()).collect(),
            prefixes: prefixes.into_iter().map(Into::into).collect(),
            networks,
            expires,
        })
}

fn principal() -> impl Strategy<Value = Principal> {
    let actions = vec![Action::GetObject, Action::PutObject, Action::DeleteObject, Action::ListBucket];
    let terms = (option::weighted(0.2, subsequence(actions, 1..4)), option::weighted(0.2, networks()));
    let share = (select(Preset::ALL.to_vec()), select(vec!["", "a/", "a/own"]), networks(), terms);
    (0..4u8, restriction(), option::weighted(0.3, share)).prop_map(|(n, restriction, share)| {
        if n == 3 {
            return Principal::Anonymous;
        }
        let id = AccessKeyId::new("BWKAAAAAAAAAAAAAAAAA").unwrap();
        let share_id = ShareId::new("0123456789ab").unwrap();
        let share = share.map(|(preset, prefix, networks, (actions, learned))| Share {
            id: share_id.clone(),
            bucket: BucketName::new("myproject").unwrap(),
            incarnation: 1,
            giver: account_id(OWNER),
            account: account_id(n),
            key: id.clone(),
            preset,
            state: ShareState::Active,
            created: NOW,
            expires: NOW.plus_seconds(40),
            name: "".into(),
            note: "".into(),
            prefix: prefix.into(),
            actions,
            networks,
            quota: Quota::default(),
            caps: Caps::default(),
            pin: learned.map(|learned| Pin { days: 0, learned }),
            former_keys: vec![],
        });
        let key = AccessKey {
            id,
            account: account_id(n),
            state: KeyState::Enabled,
            share: share.as_ref().map(|_| share_id),
            allow_sigv2: false,
            created: NOW,
            restriction,
        };
        Principal::Key { account: account(n), key, share }
    })
}

pub(super) fn block() -> impl Strategy<Value = PublicAccessBlock> {
    prop_oneof![2 => Just(PublicAccessBlock::NONE), 1 => Just(PublicAccessBlock::ALL)]
}

pub(super) fn world() -> impl Strategy<Value = World> {
    let object = (select(OBJECTS.to_vec()), 0..3u8, grants())
        .prop_map(|(key, owner, acl)| (ObjectKey::new(key).unwrap(), canonical(owner), acl));
    let bucket = (grants(), option::of(select(ObjectOwnership::ALL.to_vec())), option::of(block()));
    let policy = option::weighted(0.7, policy(true));
    let objects = prop::collection::vec(object, 0..3);
    (principal(), bucket, policy, objects, any::<bool>()).prop_map(
        |(principal, bucket, policy, mut objects, strict)| {
            let (acl, ownership, public_access_block) = bucket;
            objects.dedup_by(|a, b| a.0 == b.0);
            World {
                principal,
                settings: Settings {
                    public_access_block: PublicAccessBlock::NONE,
                    default_ownership: ObjectOwnership::OwnerOwns,
                    strict_signup: strict,
                },
                bucket: Bucket {
                    name: BucketName::new("myproject").unwrap(),
                    incarnation: 1,
                    owner: account_id(OWNER),
                    owner_canonical: canonical(OWNER),
                    acl,
                    ownership,
                    public_access_block,
                    policy: policy.map(|text| BucketPolicy { text, names: vec![] }),
                    created: NOW,
                },
                objects,
            }
        },
    )
}

/// One request, by numbers that choose from what there is.
#[derive(Debug, Clone)]
pub(super) struct Try {
    pub(super) action: Action,
    pub(super) key: String,
    pub(super) exists: bool,
    pub(super) request: Request,
}

pub(super) fn tries() -> impl Strategy<Value = Vec<Try>> {
    let key = prop_oneof![
        "[abx/]{1,4}",
        select(OBJECTS.to_vec()).prop_map(str::to_owned),
        select(vec!["000000000001/k", "locks/1", "a/locks/1"]).prop_map(str::to_owned)
    ];
    let text = |all: &'static [&'static str]| option::of(select(all));
    let source = select(vec![None, Some("10.0.0.1"), Some("10.1.2.3"), Some("203.0.113.9"), Some("2001:db8::7")]);
    let values = (
        text(&["", "a/", "a/o", "b", "c"]),
        text(&["true", "false"]),
        text(&["good", "GOOD", "is good", "a", "curl", "", "my", "myproject/b"]),
        text(&["curl/8", "a", "g", ""]),
        text(&["5", "10", "1000"]),
        text(&["x", "y"]),
    );
    let request = (0..50u64, source, text(&["red", "blue", "green"]), values).prop_map(|(at, source, team, values)| {
        let names = [
            "s3:prefix",
            "aws:securetransport",
            "aws:referer",
            "aws:useragent",
            "s3:max-keys",
            "s3:requestobjecttagkeys",
        ];
        let values = [values.0, values.1, values.2, values.3, values.4, values.5];
        let values = names.into_iter().zip(values);
        Request {
            at: NOW.plus_seconds(at),
            source: source.map(|text: &str| text.parse::<IpAddr>().unwrap()),
            version: None,
            tags: team.map(|team| ("team".to_owned(), team.to_owned())).into_iter().collect(),
            values: values.filter_map(|(name, value)| Some((name.into(), value?.into()))).collect(),
        }
    });
    let actions: Vec<Action> = Action::ALL.iter().copied().filter(|a| !a.of_service()).collect();
    let common = vec![
        Action::GetObject,
        Action::PutObject,
        Action::DeleteObject,
        Action::ListBucket,
        Action::PutObjectAcl,
        Action::GetObjectTagging,
    ];
    let action = prop_oneof![select(common), select(actions)];
    let one = (action, key, any::<bool>(), request).prop_map(|(action, key, exists, request)| Try {
        action,
        key,
        exists,
        request,
    });
    prop::collection::vec(one, REQUESTS)
}

impl World {
    /// The world as evidence, where its policies are ones.
    pub(super) fn with<T>(&self, use_it: impl FnOnce(&Scope<'_>, &KnownBucket<'_>) -> T) -> Option<T> {
        let policy = match &self.bucket.policy {
            Some(policy) => Some(Policy::parse(&policy.text).ok()?),
            None => None,
        };
        let key_policy = match &self.principal {
            Principal::Key { key: AccessKey { restriction: Restriction { policy: Some(text), .. }, .. }, .. } => {
                Some(Policy::parse_for_key(text).ok()?)
            }
            _ => None,
        };
        let read = |policy| match policy {
            Some(policy) => PolicyEvidence::Read(policy),
            None => PolicyEvidence::None,
        };
        let objects: Vec<KnownObject<'_>> = self
            .objects
            .iter()
            .map(|(key, owner, acl)| KnownObject { key, facts: ObjectFacts { owner, acl, tags: &[] } })
            .collect();
        let scope = Scope {
            principal: &self.principal,
            key_policy: read(key_policy.as_ref()),
            settings: &self.settings,
            at: NOW,
        };
        let known = KnownBucket { bucket: &self.bucket, policy: read(policy.as_ref()), objects: &objects };
        Some(use_it(&scope, &known))
    }
}

pub(super) fn holds(rows: &[Row], action: Action, key: Option<&str>) -> bool {
    rows.iter().any(|row| {
        let keys = match (&row.keys, key) {
            (None, None) => true,
            (Some(keys), Some(key)) => keys.contains(key),
            _ => false,
        };
        keys && row.actions.contains(&action)
    })
}

/// Whether what allowed it is in a row whose conditions do not hold it back: where it is a statement, that is one of the
/// same statement, or one without conditions of another. What the key's policy asks for, it asks for of either.
pub(super) fn tells(rows: &[Row], action: Action, key: Option<&str>, allowed: &Verdict) -> bool {
    let Some(reason @ Reason::PolicyAllows(_)) = allowed.reasons().first() else { return holds(rows, action, key) };
    let of_another = |when: &When| matches!(when, When::If(what) if !what.ends_with("(the key's policy)"));
    let told = |row: &&Row| row.reason.as_ref() == Some(reason) || !row.when.iter().any(of_another);
    rows.iter().filter(told).any(|row| holds(std::slice::from_ref(row), action, key))
}

impl Try {
    pub(super) fn witness(&self, known: &KnownBucket<'_>) -> Witness {
        let key = self.action.on_object().then(|| ObjectKey::new(&*self.key).unwrap());
        let itself = known.objects.iter().any(|object| Some(object.key) == key.as_ref());
        let found = match self.action {
            action if !action.on_object() => Found::Nothing,
            Action::PutObject if !self.exists => Found::Nothing,
            _ if itself => Found::Itself,
            _ => Found::Owners,
        };
        let bucket = Some(known.bucket.name.clone());
        Witness { action: self.action, bucket, key, found, request: self.request.clone() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_row_shows_a_request_for_each_action_that_decide_allows(world in world()) {
        let checked = world.with(|scope, known| {
            for row in scope.reach(&[*known]) {
                let settled = !row.when.contains(&When::Unproven) && !row.when.contains(&When::TooComplex);
                prop_assert_eq!(row.reason.is_some(), settled);
                prop_assert_eq!(row.witnesses.len(), if settled { row.actions.len() } else { 0 });
                for (witness, action) in row.witnesses.iter().zip(&row.actions) {
                    prop_assert_eq!(witness.action, *action);
                    let verdict = scope.ask(witness, Some(known));
                    prop_assert!(verdict.is_allowed(), "{:?}: {:?}", witness, verdict.reasons());
                    prop_assert_eq!(verdict.reasons().first().copied(), row.reason);
                    let inside = match (&row.keys, &witness.key) {
                        (None, None) => true,
                        (Some(keys), Some(key)) => keys.contains(key.as_str()),
                        _ => false,
                    };
                    prop_assert!(inside, "{witness:?} is not in {row:?}");
                }
            }
            Ok(())
        });
        checked.unwrap_or(Ok(()))?;
    }

    #[test]
    fn on_every_key_of_a_row_some_request_is_allowed(world in world(), tries in tries()) {
        let checked = world.with(|scope, known| {
            let rows = scope.bucket(known);
            // Requests that showed something, and others.
            let shown = rows.iter().flat_map(|row| &row.witnesses).map(|witness| &witness.request);
            let requests: Vec<&Request> = shown.chain(tries.iter().map(|one| &one.request)).collect();
            for row in rows.iter().filter(|row| row.reason.is_some() && !row.when.contains(&When::SomeKeys)) {
                let Some(keys) = &row.keys else { continue };
                for one in tries.iter().take(20).filter(|one| keys.contains(&one.key)) {
                    for witness in &row.witnesses {
                        let asked = |request: &Request| Witness {
                            key: Some(ObjectKey::new(&*one.key).unwrap()),
                            request: request.clone(),
                            ..witness.clone()
                        };
                        let allowed = requests.iter().any(|request| scope.ask(&asked(request), Some(known)).is_allowed());
                        prop_assert!(allowed, "nobody can {:?} {} although {row:?}", witness.action, one.key);
                    }
                }
            }
            Ok(())
        });
        checked.unwrap_or(Ok(()))?;
    }
}

/// A world in which a guest has nothing but what this policy says.
pub(super) fn only_by(text: String) -> World {
    let key = AccessKey {
        id: AccessKeyId::new("BWKAAAAAAAAAAAAAAAAA").unwrap(),
        account: account_id(2),
        state: KeyState::Enabled,
        share: None,
        allow_sigv2: false,
        created: NOW,
        restriction: Restriction::NONE,
    };
    World {
        principal: Principal::Key { account: account(2), key, share: None },
        settings: Settings {
            public_access_block: PublicAccessBlock::NONE,
            default_ownership: ObjectOwnership::OwnerOwns,
            strict_signup: false,
        },
        bucket: Bucket {
            name: BucketName::new("myproject").unwrap(),
            incarnation: 1,
            owner: account_id(OWNER),
            owner_canonical: canonical(OWNER),
            acl: Acl::private(canonical(OWNER)),
            ownership: None,
            public_access_block: None,
            policy: Some(BucketPolicy { text: text.into(), names: vec![] }),
            created: NOW,
        },
        objects: vec![],
    }
}

/// Rows for GetObject where these conditions allow it and those deny it.
fn reads_where(allow: &str, deny: &str) -> Vec<Row> {
    let statement = |effect: &str, conditions: &str| {
        format!(
            r#"{{"Effect":"{effect}","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::myproject/*",
                "Condition":{{{conditions}}}}}"#
        )
    };
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{},{}]}}"#,
        statement("Allow", allow),
        statement("Deny", deny)
    );
    only_by(text).with(|scope, known| scope.bucket(known)).unwrap()
}

#[test]
fn what_is_left_between_intervals_is_found_and_what_is_not_is_nothing() {
    // From a part of a network that begins where it does; in one second; on one tag.
    for (allow, deny) in [
        (
            r#""IpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#,
            r#""IpAddress":{"aws:SourceIp":["10.0.0.0/9","10.129.0.0/16"]}"#,
        ),
        (r#""IpAddress":{"aws:SourceIp":"2001:db8::/32"}"#, r#""IpAddress":{"aws:SourceIp":"2001:db8::/33"}"#),
        (
            r#""DateGreaterThanEquals":{"aws:CurrentTime":"2011-01-01T00:00:00Z"}"#,
            r#""DateGreaterThan":{"aws:CurrentTime":"2011-01-01T00:00:00Z"}"#,
        ),
        (r#""NumericLessThan":{"aws:EpochTime":"1300000001"}"#, r#""NumericLessThan":{"aws:EpochTime":"1300000000"}"#),
        (r#""NumericGreaterThan":{"s3:TlsVersion":"1.2"}"#, r#""NumericGreaterThanEquals":{"s3:TlsVersion":"1.3"}"#),
        (r#""StringLike":{"aws:UserAgent":"a*"}"#, r#""StringNotLike":{"aws:UserAgent":"*z"}"#),
        (r#""StringLike":{"s3:ExistingObjectTag/a":"?"}"#, r#""StringEquals":{"s3:ExistingObjectTag/a":["a","b"]}"#),
        (r#""Null":{"aws:Referer":"false"}"#, r#""StringLike":{"aws:Referer":"?*"}"#),
    ] {
        let rows = reads_where(allow, deny);
        assert_eq!(rows.len(), 1, "{allow} less {deny}: {rows:?}");
        assert_eq!((rows[0].witnesses.len(), rows[0].when.len()), (1, 2), "{rows:?}");
        // Nothing is left of what is denied whole.
        assert_eq!(reads_where(allow, allow).len(), 0, "{allow}");
    }
}

#[test]
fn what_cannot_be_settled_is_claimed_and_said_to_be_unproven() {
    // A text that must be one of the request's own choice.
    let allow = r#""StringLike":{"aws:Referer":"x${aws:UserAgent}x"},"StringEquals":{"aws:UserAgent":"me"}"#;
    let rows = reads_where(allow, r#""StringEquals":{"aws:Referer":"no"}"#);
    assert_eq!(rows.len(), 1);
    assert!(rows[0].reason.is_none() && rows[0].when.contains(&When::Unproven), "{rows:?}");
    // A key that no automaton of a sane size tells from others.
    let pattern = format!("*a{}", "?".repeat(60));
    let text = format!(
        r#"{{"Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::myproject/{pattern}"}}]}}"#
    );
    let rows = only_by(text).with(|scope, known| scope.bucket(known)).unwrap();
    assert!(rows.iter().any(|row| row.when.contains(&When::TooComplex) && row.witnesses.is_empty()), "{rows:?}");
}

#[test]
fn a_condition_of_one_statement_does_not_hide_what_another_may_allow_to_a_request_of_its_own_choice() {
    let allow = |resource: &str, conditions: &str| {
        format!(
            r#"{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::myproject/{resource}",
                "Condition":{{{conditions}}}}}"#
        )
    };
    let near = allow("*", r#""IpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#);
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{near},{}]}}"#, allow("${aws:Referer}/*", ""));
    let rows = only_by(text).with(|scope, known| scope.bucket(known)).unwrap();
    let unproven = |key: &str| {
        rows.iter().any(|row| row.when == [When::Unproven] && row.keys.as_ref().is_some_and(|keys| keys.contains(key)))
    };
    assert!(unproven("a/b") && !unproven("a"), "{rows:?}");
}

#[test]
fn keys_that_the_request_itself_names_are_said_to_be_some_of_a_row() {
    let text = |resource: &str, conditions: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",
                "Resource":"arn:aws:s3:::myproject/{resource}","Condition":{{{conditions}}}}}]}}"#
        )
    };
    let some = |text| {
        let rows = only_by(text).with(|scope, known| scope.bucket(known)).unwrap();
        assert!(rows.len() == 1 && rows[0].witnesses.len() == 1, "{rows:?}");
        rows[0].when.contains(&When::SomeKeys)
    };
    // Only what begins with "/" and with "good/", and the shortest key of that pattern is one of them.
    assert!(some(text("${aws:Referer}/*", r#""StringEquals":{"aws:Referer":["","good"]}"#)));
    assert!(some(text("${aws:UserAgent, ''}/*", "")));
    // Who asks and where is no choice.
    assert!(!some(text("${aws:userid}/*", r#""StringEquals":{"aws:Referer":["","good"]}"#)));
}

#[test]
fn a_list_of_buckets_that_hangs_on_the_requests_own_choice_is_claimed() {
    let mut world = only_by(String::new());
    world.bucket.policy = None;
    let Principal::Key { key, .. } = &mut world.principal else { return };
    key.restriction.policy = Some(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets",
            "Resource":"arn:aws:s3:::${aws:Referer}"}]}"#
            .into(),
    );
    world
        .with(|scope, _| {
            let mut request = Request::plain(NOW, None);
            request.values = vec![("aws:referer".into(), "".into())];
            let action = Action::ListAllMyBuckets;
            let asked = Witness { action, bucket: None, key: None, found: Found::Nothing, request };
            assert!(scope.ask(&asked, None).is_allowed());
            assert!(holds(&scope.service(), action, None));
        })
        .unwrap();
}
