//! What `reach` says is what the server does. In random worlds of accounts, ACLs, policies, shares and restricted keys, the
//! request that a row of the report brings as its proof is sent and accepted, and requests that no row holds are refused.
//!
//! *Accepted* is every answer that comes after authorisation: success, or an error that is about what is there (404 of an
//! upload or setting that there is none of, 409 of a bucket that is not empty, 501 of what is not carried out). *Refused*
//! is 403, or the 405 by which S3 refuses another account a bucket's policy, and nothing else.
//!
//! The same is held over a hundred thousand requests without a server by `access`'s own tests, with more conditions than a
//! request on this machine's own address can meet.

use std::collections::BTreeSet;

use access::reach::{Found, Row, Witness};
use client::{Answer, Request, S3};
use model::Action;
use operations::admin::{Command, KeyOrder, Outcome, ShareOrder};
use s3::table::{OPERATIONS, Op, Operation, Support};
use testkit::{Credentials, InProcess, Options, acl_document, by_email, by_group, by_id};

use crate::examples::{Aim, request};
use crate::field_rig::{ALL_USERS, Dice, ok};

const BUCKET: &str = "myproject";
const GUEST: &str = "guest@example.com";
/// Keys of the objects that there are.
const KEYS: [&str; 4] = ["a/own", "a/x", "b", "c"];
/// How many worlds.
const WORLDS: u64 = 30;
/// Requests in each world, by each key, that may lie outside of the reach.
const TRIES: usize = 25;
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

const ACTIONS: [&str; 9] = [
    "s3:*",
    "s3:Get*",
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:ListBucket",
    "s3:PutBucketAcl",
    "s3:GetBucket*",
    "s3:*Tagging",
];
const RESOURCES: [&str; 7] = ["", "/*", "/a/*", "/a/?", "/b", "/*x", "*"];
const CONDITIONS: [&str; 9] = [
    "",
    "",
    "",
    r#""IpAddress":{"aws:SourceIp":["127.0.0.0/8"]}"#,
    r#""IpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#,
    r#""StringLike":{"s3:prefix":"a/*"}"#,
    r#""StringEquals":{"s3:prefix":["","a/"]}"#,
    r#""StringNotLike":{"aws:Referer":"*good*"}"#,
    r#""StringLike":{"aws:UserAgent":"curl*"}"#,
];

/// A statement of a bucket's policy, or of a key's.
fn statement(dice: &mut Dice, principals: Option<&[String]>) -> String {
    let some = |dice: &mut Dice, from: &[&str]| {
        let picked: BTreeSet<&str> = (0..1 + dice.roll(2)).map(|_| *dice.pick(from)).collect();
        picked.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let list = |all: &[String]| all.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(",");
    let effect = if dice.roll(3) == 0 { "Deny" } else { "Allow" };
    let principal = principals.map(|all| format!("\"Principal\":{},", dice.pick(all))).unwrap_or_default();
    let actions = list(&some(dice, &ACTIONS));
    let resources: Vec<String> =
        some(dice, &RESOURCES).iter().map(|rest| format!("arn:aws:s3:::{BUCKET}{rest}")).collect();
    let (resources, condition) = (list(&resources), dice.pick(&CONDITIONS));
    format!(
        "{{\"Effect\":\"{effect}\",{principal}\"Action\":[{actions}],\"Resource\":[{resources}],\"Condition\":{{{condition}}}}}"
    )
}

fn policy(dice: &mut Dice, principals: Option<&[String]>) -> String {
    let statements: Vec<String> = (0..1 + dice.roll(3)).map(|_| statement(dice, principals)).collect();
    format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{}]}}", statements.join(","))
}

/// A world: a server, its owner's bucket, and keys of different kinds.
struct World {
    server: InProcess,
    owner: S3,
    owner_id: String,
    /// As it was put; the owner takes it away to set something up.
    policy: Option<String>,
    /// Of the bucket and of one object, as they were put.
    acls: Vec<(String, String)>,
    keys: Vec<(&'static str, Credentials)>,
}

impl World {
    async fn new(dice: &mut Dice) -> World {
        let server = InProcess::start(Options::default().public()).await;
        let owner = server.owner();
        let listed = owner.get("").await.unwrap();
        let owner_id = listed.elements(&["ListAllMyBucketsResult", "Owner", "ID"])[0].clone();
        let guest = server.guest(GUEST).await;
        ok(&owner.put(BUCKET, "").await.unwrap());
        for key in KEYS {
            ok(&owner.put(&format!("{BUCKET}/{key}"), "bytes").await.unwrap());
        }
        let mut world = World { server, owner, owner_id, policy: None, acls: vec![], keys: vec![] };
        for place in [BUCKET.to_owned(), format!("{BUCKET}/{}", KEYS[0])] {
            let acl = world.acl(dice);
            ok(&world.owner.put(&format!("{place}?acl"), acl.clone()).await.unwrap());
            world.acls.push((place, acl));
        }
        let principals = ["\"*\"".to_owned(), format!("{{\"AWS\":\"{}\"}}", guest.account_id)];
        if dice.roll(4) > 0 {
            // Some are none: an action that no resource of its statement takes.
            let text = policy(dice, Some(&principals));
            world.policy = Some(text);
            if world.put_policy().await.status != 204 {
                world.policy = None;
            }
        }
        world.keys.push(("guest", guest.key));
        world.keys.push(("guest's restricted", world.restricted(GUEST, dice).await));
        world.keys.push(("owner's restricted", world.restricted(testkit::OWNER, dice).await));
        let preset = ["read", "write", "read-write", "drop-box", "restic"][dice.roll(5)].to_owned();
        let bucket = [BUCKET.to_owned(), format!("{BUCKET}/a/")][dice.roll(2)].clone();
        let networks = networks(dice);
        let with = "vendor@example.com".to_owned();
        let order = ShareOrder { bucket, with, preset: Some(preset), networks, ..ShareOrder::default() };
        let Outcome::Shared(share) = world.server.ask(Command::Share(order)).await else { panic!("no share") };
        world.keys.push(("share's", Credentials::new(share.access_key_id, share.secret_access_key)));
        world
    }

    fn acl(&self, dice: &mut Dice) -> String {
        let permissions = ["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"];
        let mut grants = vec![];
        for _ in 0..dice.roll(3) {
            let grantee = [by_email(GUEST), by_id(&self.owner_id), by_group(ALL_USERS), by_group(AUTHENTICATED)];
            grants.push((dice.pick(&grantee).clone(), *dice.pick(&permissions)));
        }
        acl_document(&self.owner_id, &grants)
    }

    async fn put_policy(&self) -> Answer {
        self.owner.put(&format!("{BUCKET}?policy"), self.policy.clone().unwrap_or_default()).await.unwrap()
    }

    async fn restricted(&self, account: &str, dice: &mut Dice) -> Credentials {
        let policy = (dice.roll(2) == 0).then(|| policy(dice, None));
        let prefixes = [vec![], vec![], vec!["a/".to_owned()]][dice.roll(3)].clone();
        let buckets = [vec![], vec![BUCKET.to_owned()]][dice.roll(2)].clone();
        let networks = networks(dice);
        let order = KeyOrder { account: account.into(), policy, prefixes, buckets, networks, ..KeyOrder::default() };
        let Outcome::KeyCreated(key) = self.server.ask(Command::KeyCreate(order)).await else { panic!("no key") };
        Credentials::new(key.access_key_id, key.secret_access_key)
    }

    /// Puts everything back as it was, by the owner, whom no policy keeps from it meanwhile; and then what is to be found under
    /// `key`, if that is something else.
    async fn set_up(&self, found: Found, key: &str) {
        for setting in ["policy", "ownershipControls", "publicAccessBlock", "tagging"] {
            ok(&self.owner.delete(&format!("{BUCKET}?{setting}")).await.unwrap());
        }
        for key in KEYS {
            ok(&self.owner.put(&format!("{BUCKET}/{key}"), "bytes").await.unwrap());
        }
        for (place, acl) in &self.acls {
            ok(&self.owner.put(&format!("{place}?acl"), acl.clone()).await.unwrap());
        }
        let place = format!("{BUCKET}/{key}");
        match found {
            Found::Nothing => ok(&self.owner.delete(&place).await.unwrap()),
            Found::Owners => ok(&self.owner.put(&place, "bytes").await.unwrap()),
            Found::Itself | Found::Others => {}
        }
        if self.policy.is_some() {
            ok(&self.put_policy().await);
        }
    }
}

fn networks(dice: &mut Dice) -> Vec<String> {
    [vec![], vec![], vec!["127.0.0.0/8".to_owned()], vec!["10.0.0.0/8".to_owned()]][dice.roll(4)].clone()
}

/// The row of the router's table that asks for `action`: one that is carried out, if there is one.
fn row_of(action: Action) -> Option<&'static Operation> {
    let asks = |row: &&Operation| row.action == action && row.op != Op::PostObject && row.op != Op::DeleteObjects;
    let done = OPERATIONS.iter().filter(asks).find(|row| row.support == Support::Implemented);
    done.or_else(|| OPERATIONS.iter().find(asks))
}

/// The request for `action`, with what conditions may ask of it; `None` where it cannot be sent from here so.
fn sent(world: &World, action: Action, bucket: &str, key: &str, values: &[(Box<str>, Box<str>)]) -> Option<Request> {
    let row = row_of(action)?;
    let (upload, part, source) = ("0".repeat(32), "\"0\"".to_owned(), format!("{bucket}/{}", KEYS[3]));
    let owner = world.owner_id.clone();
    let aim = Aim { bucket: bucket.to_owned(), key: client::encode_key(key), owner, upload, part, source };
    let mut sent = request(row, &aim);
    for (name, value) in values {
        sent = match &**name {
            "s3:prefix" if matches!(row.op, Op::ListObjects | Op::ListObjectVersions | Op::ListMultipartUploads) => {
                sent.query("prefix", value)
            }
            "aws:referer" => sent.header("referer", &**value),
            "aws:useragent" => sent.header("user-agent", &**value),
            _ => return None,
        };
    }
    Some(sent)
}

fn is_refused(answer: &Answer) -> bool {
    matches!(answer.status, 403 | 405)
}

/// An answer from behind the authoriser.
fn is_accepted(answer: &Answer) -> bool {
    matches!(answer.status, 200..=299 | 404 | 409 | 501)
}

fn holds(rows: &[Row], action: Action, key: Option<&str>) -> bool {
    rows.iter().any(|row| {
        let keys = match (&row.keys, key) {
            (None, None) => true,
            (Some(keys), Some(key)) => keys.contains(key),
            _ => false,
        };
        keys && row.actions.contains(&action) && row.bucket.as_ref().is_none_or(|bucket| bucket.as_str() == BUCKET)
    })
}

/// Whether a witness can be put to the server by a request from this machine.
fn is_of_here(witness: &Witness) -> bool {
    let here = witness.request.source.is_none_or(|source| source.is_loopback());
    let bucket = witness.bucket.as_ref().is_none_or(|bucket| bucket.as_str() == BUCKET);
    here && bucket && witness.request.tags.is_empty() && witness.found != Found::Others
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reach_says_is_what_the_server_does() {
    let (mut accepted, mut refused, mut elsewhere) = (0, 0, 0);
    for seed in 0..WORLDS {
        let (mut dice, mut as_it_was) = (Dice(seed), true);
        let world = World::new(&mut dice).await;
        for (whose, key) in &world.keys {
            let s3 = world.server.s3(key);
            let rows = world.server.store().reach_rows(&key.access_key_id).await.unwrap();
            for witness in rows.iter().flat_map(|row| &row.witnesses) {
                let object = witness.key.as_ref().map_or(KEYS[0], |key| key.as_str());
                let prepared = sent(&world, witness.action, BUCKET, object, &witness.request.values);
                let Some(prepared) = prepared.filter(|_| is_of_here(witness)) else {
                    elsewhere += 1;
                    continue;
                };
                let found = if witness.key.is_some() { witness.found } else { Found::Itself };
                if !as_it_was || found != Found::Itself {
                    world.set_up(found, object).await;
                }
                let reads = row_of(witness.action).is_some_and(Operation::reads_only);
                as_it_was = reads && found == Found::Itself;
                let answer = s3.send(&prepared).await.unwrap();
                let told = format!("world {seed}, {whose} key: {witness:?}: {} {}", answer.status, answer.text());
                assert!(is_accepted(&answer), "{told}\npolicy {:?}", world.policy);
                accepted += 1;
            }
            // Everything is there again, so that it is the right that is missing.
            world.set_up(Found::Itself, "").await;
            as_it_was = true;
            let rows = world.server.store().reach_rows(&key.access_key_id).await.unwrap();
            for _ in 0..TRIES {
                let action = *dice.pick(Action::ALL);
                let object = *dice.pick(&KEYS);
                let asked = action.on_object().then_some(object);
                if matches!(action, Action::CreateBucket | Action::TagResource) || holds(&rows, action, asked) {
                    continue;
                }
                let values = [("aws:referer", "good"), ("aws:useragent", "curl/8"), ("s3:prefix", "a/")];
                let values: Vec<(Box<str>, Box<str>)> = values
                    .iter()
                    .filter(|(name, _)| dice.roll(2) == 0 && (*name != "s3:prefix" || action == Action::ListBucket))
                    .map(|(name, value)| ((*name).into(), (*value).into()))
                    .collect();
                let Some(prepared) = sent(&world, action, BUCKET, object, &values) else { continue };
                let answer = s3.send(&prepared).await.unwrap();
                let told =
                    format!("world {seed}, {whose} key: {action:?} {asked:?}: {} {}", answer.status, answer.text());
                assert!(is_refused(&answer), "{told}\npolicy {:?}\n{rows:#?}", world.policy);
                refused += 1;
            }
        }
    }
    assert!(accepted > 500 && refused > 500, "{accepted} accepted, {refused} refused, {elsewhere} not sent");
}
