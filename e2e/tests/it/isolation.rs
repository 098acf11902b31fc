//! A key reaches what was granted and nothing else: every operation of the table, by every kind of caller, against every
//! kind of bucket that is not the caller's.

use client::{Answer, Method, Request, S3};
use s3::table::{OPERATIONS, Op, Operation, Support};
use testkit::{Account, InProcess, Options, Share, acl_document, by_email, by_id};

use crate::examples::{Aim, SOURCE, prepare, request, snapshot};
use crate::field_rig::ok;

const SHARED: &str = "shared";
const MINE: &str = "shared/mine.txt";
const OWNERS: &str = "shared/owners.txt";

/// The owner's bucket `shared`, which is granted in every way, and buckets that are granted in none.
struct World {
    server: InProcess,
    owner_id: String,
    guest: Account,
    share: Share,
    other: Account,
}

impl World {
    async fn new() -> World {
        // Thousands of bad signatures follow: they are not to be throttled, but judged.
        let server = InProcess::start(Options { throttled: false, ..Options::default() }).await;
        let owner_id = server.owner().get("").await.unwrap().elements(&["ListAllMyBucketsResult", "Owner", "ID"]);
        let guest = server.guest("guest@example.com").await;
        let other = server.account("other@example.com").await;
        ok(&server.owner().put(SHARED, "").await.unwrap());
        let share = server.share(SHARED, "vendor@example.com", "read-write").await;
        let world = World { server, owner_id: owner_id[0].clone(), guest, share, other };
        world.grant(SHARED, &[(by_email(&world.guest.email), "WRITE"), (by_email(&world.guest.email), "READ")]).await;
        ok(&world.guest.s3.put(MINE, "mine").await.unwrap());
        ok(&world.server.owner().put(OWNERS, "the owner's").await.unwrap());
        world
    }

    async fn grant(&self, bucket: &str, grants: &[(String, &str)]) {
        let mut all = vec![(by_id(&self.owner_id), "FULL_CONTROL")];
        all.extend_from_slice(grants);
        let body = acl_document(&self.owner_id, &all);
        ok(&self.server.owner().put(&format!("{bucket}?acl"), body).await.unwrap());
    }

    async fn bucket(&self, name: &str, whose: &S3, owner_id: &str) -> Aim {
        Aim { source: MINE.to_owned(), ..prepare(whose, name, owner_id).await }
    }

    async fn owners(&self, name: &str) -> Aim {
        self.bucket(name, &self.server.owner(), &self.owner_id).await
    }

    async fn snapshot(&self, aim: &Aim) -> Vec<(String, u16, String)> {
        let whose = if aim.owner == self.owner_id { self.server.owner() } else { self.other.s3.clone() };
        snapshot(&whose, aim).await
    }
}

/// Whether that is a refusal that does nothing: 403, or for DeleteObjects one for each key.
fn refused(row: &Operation, answer: &Answer) -> bool {
    if row.op == Op::DeleteObjects && answer.status == 200 {
        let codes = answer.elements(&["DeleteResult", "Error", "Code"]);
        return !codes.is_empty()
            && codes.iter().all(|code| code == "AccessDenied")
            && answer.elements(&["DeleteResult", "Deleted", "Key"]).is_empty();
    }
    let told = row.method == "HEAD" || answer.code().is_some();
    answer.status == 403 && told
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Guest,
    Share,
    OtherOwner,
    Anonymous,
    /// A key that does not work, for whatever reason.
    Nobody(&'static str),
}

async fn callers(world: &World) -> Vec<(Who, S3)> {
    use operations::admin::Command;
    let server = &world.server;
    let revoked = server.share(SHARED, "former@example.com", "read-write").await;
    server.ask(Command::SharesRevoke { share_id: revoked.share_id.clone() }).await;
    let disabled = server.key(&world.guest.email, false).await;
    server.ask(Command::KeyDisable { access_key_id: disabled.access_key_id.clone() }).await;
    let suspended = server.guest("suspended@example.com").await;
    server.ask(Command::AccountSuspend { account: suspended.email.clone(), resume: false }).await;
    vec![
        (Who::Guest, world.guest.s3.clone()),
        (Who::Share, world.share.s3.clone()),
        (Who::OtherOwner, world.other.s3.clone()),
        (Who::Anonymous, server.anonymous()),
        (Who::Nobody("revoked share"), revoked.s3),
        (Who::Nobody("disabled key"), server.s3(&disabled)),
        (Who::Nobody("suspended account"), suspended.s3),
        (Who::Nobody("wrong secret"), world.guest.s3.with_wrong_secret()),
        (Who::Nobody("wrong secret of the owner's key"), server.owner().with_wrong_secret()),
    ]
}

/// Which bucket is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The owner's, or the other owner's where the other owner asks.
    AnotherOnes,
    Nobodys,
}

/// What is to come back: what S3 says, which is the same for all operations but two.
fn as_expected(who: Who, whose: Whose, row: &Operation, answer: &Answer) -> bool {
    match (who, row.op, whose) {
        // Its own list, whoever has one; nothing of anybody else's is in it.
        (Who::Guest | Who::Share, Op::ListBuckets, _) => {
            answer.status == 200
                && answer.elements(&["ListAllMyBucketsResult", "Buckets", "Bucket", "Name"]) == [SHARED]
        }
        (Who::OtherOwner, Op::ListBuckets, _) => {
            let names = answer.elements(&["ListAllMyBucketsResult", "Buckets", "Bucket", "Name"]);
            answer.status == 200 && names == ["others"]
        }
        // Who may own buckets learns that the name is taken, as in S3; it may take one that is free.
        (Who::OtherOwner, Op::CreateBucket, Whose::AnotherOnes) => {
            answer.status == 409 && answer.code().as_deref() == Some("BucketAlreadyExists")
        }
        (Who::OtherOwner, Op::CreateBucket, Whose::Nobodys) => true,
        (Who::Guest | Who::Share, Op::CreateBucket, _) => refused(row, answer),
        // A copy's source is looked at first.
        (Who::Anonymous | Who::OtherOwner, Op::CopyObject | Op::UploadPartCopy, Whose::Nobodys) => {
            refused(row, answer) || answer.code().as_deref() == Some("NoSuchBucket")
        }
        (Who::Anonymous, Op::ListBuckets | Op::CreateBucket, _) => refused(row, answer),
        (Who::Guest | Who::Share | Who::OtherOwner | Who::Anonymous, _, Whose::Nobodys) => {
            answer.status == 404 && (row.method == "HEAD" || answer.code().as_deref() == Some("NoSuchBucket"))
        }
        (Who::Nobody(_), _, _) | (_, _, Whose::AnotherOnes) => refused(row, answer),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_operation_of_the_table_reaches_a_bucket_that_was_not_granted() {
    let world = World::new().await;
    let owners = world.owners("second").await;
    let others = world.bucket("others", &world.other.s3, &world.other.canonical_id).await;
    // The same bucket, and a key in it that nobody wrote: refused just so.
    let no_key = Aim { key: "no-such-key".into(), ..owners.clone() };
    let nobodys = Aim { bucket: "no-such-bucket".into(), ..owners.clone() };
    let mut wrong = vec![];
    for (who, s3) in callers(&world).await {
        let mut targets = vec![(Whose::AnotherOnes, &owners), (Whose::AnotherOnes, &no_key)];
        if who != Who::OtherOwner {
            targets.push((Whose::AnotherOnes, &others));
        }
        for (whose, aim) in targets {
            let before = world.snapshot(aim).await;
            wrong.extend(ask_for_everything(who, &s3, whose, aim).await);
            let after = world.snapshot(aim).await;
            if before != after {
                wrong.push(format!("{who:?} changed {}: {before:#?} became {after:#?}", aim.bucket));
            }
        }
        wrong.extend(ask_for_everything(who, &s3, Whose::Nobodys, &nobodys).await);
    }
    assert!(wrong.is_empty(), "{} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

async fn ask_for_everything(who: Who, s3: &S3, whose: Whose, aim: &Aim) -> Vec<String> {
    let mut wrong = vec![];
    for row in OPERATIONS {
        if (who, row.op, whose) == (Who::OtherOwner, Op::CreateBucket, Whose::Nobodys) {
            // It would succeed, and then the bucket would be somebody's.
            continue;
        }
        let answer = s3.send(&request(row, aim)).await.unwrap_or_else(|e| panic!("{who:?} {}: {e}", row.name));
        if !as_expected(who, whose, row, &answer) {
            let text = answer.text();
            let Aim { bucket, key, .. } = aim;
            wrong.push(format!("{who:?} {} on {bucket}/{key}: {} {text}", row.name, answer.status));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_requests_by_the_owner_are_answered_so_they_are_well_formed() {
    let world = World::new().await;
    let mut wrong = vec![];
    for (number, row) in OPERATIONS.iter().enumerate() {
        let aim = world.owners(&format!("own-{number}")).await;
        let answer = world.server.owner().send(&request(row, &aim)).await.unwrap();
        let fine = match row.support {
            Support::Implemented if row.op == Op::DeleteBucket => answer.status == 409,
            // Nobody set them.
            Support::Implemented if unset(row.op) => answer.status == 404,
            Support::Implemented => answer.status / 100 == 2,
            // Whatever S3 says of what is not set: nothing, a default, or that there is none.
            Support::NotSet => matches!(answer.status, 200 | 204 | 404),
            Support::NotImplemented => matches!(answer.status, 501 | 200 | 204 | 404),
        };
        let refused_some = !answer.elements(&["DeleteResult", "Error"]).is_empty();
        if !fine || refused_some {
            wrong.push(format!("{}: {} {}", row.name, answer.status, answer.text()));
        }
    }
    assert!(wrong.is_empty(), "{} examples are not answered:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whether `op` reads a setting that nobody set.
fn unset(op: Op) -> bool {
    matches!(
        op,
        Op::GetBucketOwnershipControls | Op::GetBucketTagging | Op::GetBucketPolicy | Op::GetBucketPolicyStatus
    )
}

/// What somebody has on a bucket that is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Has {
    ReadAndWrite,
    FullControl,
    Share,
}

/// Whether `op` is allowed on the owner's bucket, its private object and its upload: written from acl-semantics, and what is
/// not named is not allowed, so that a new operation that reaches further is noticed here.
fn allowed(has: Has, op: Op) -> bool {
    match op {
        Op::ListBuckets | Op::CreateBucket => true,
        Op::HeadBucket
        | Op::GetBucketLocation
        | Op::ListObjects
        | Op::ListObjectsV2
        | Op::ListObjectVersions
        | Op::ListMultipartUploads => true,
        Op::PutObject
        | Op::CopyObject
        | Op::PostObject
        | Op::RenameObject
        | Op::CreateMultipartUpload
        | Op::DeleteObject
        | Op::DeleteObjects => true,
        Op::GetBucketAcl | Op::PutBucketAcl => has == Has::FullControl,
        // A bucket's grants give no object's content; a share gives what its giver owns.
        Op::GetObject | Op::HeadObject | Op::GetObjectAttributes | Op::SelectObjectContent => has == Has::Share,
        // What clients ask a bucket that they were handed, before they begin.
        Op::GetBucketVersioning => has == Has::Share,
        // Everything else is the owner's: settings, the bucket itself, ACLs of its objects, an upload that it began.
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_granted_bucket_what_is_the_owners_alone_stays_so_even_with_full_control() {
    let world = World::new().await;
    let mut wrong = vec![];
    for has in [Has::ReadAndWrite, Has::FullControl, Has::Share] {
        for (number, row) in OPERATIONS.iter().enumerate() {
            let aim = world.owners(&format!("granted-{number}-{}", format!("{has:?}").to_lowercase())).await;
            let email = by_email(&world.guest.email);
            let caller = match has {
                Has::ReadAndWrite => {
                    world.grant(&aim.bucket, &[(email.clone(), "READ"), (email, "WRITE")]).await;
                    world.guest.s3.clone()
                }
                Has::FullControl => {
                    world.grant(&aim.bucket, &[(email, "FULL_CONTROL")]).await;
                    world.guest.s3.clone()
                }
                Has::Share => world.server.share(&aim.bucket, "vendor@example.com", "read-write").await.s3,
            };
            // A share's key reads nothing but its own bucket, copies included.
            let source = if has == Has::Share { format!("{}/{SOURCE}", aim.bucket) } else { MINE.into() };
            let aim = Aim { source, ..aim };
            let before = world.snapshot(&aim).await;
            let answer = caller.send(&request(row, &aim)).await.unwrap();
            let told = || format!("{has:?} {}: {} {}", row.name, answer.status, answer.text());
            match allowed(has, row.op) {
                true if refused(row, &answer) || answer.status == 400 => wrong.push(told()),
                true => {}
                false if !refused(row, &answer) => wrong.push(told()),
                false if before != world.snapshot(&aim).await => {
                    wrong.push(format!("{} (it changed something)", told()))
                }
                false => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_copied_out_of_a_place_that_the_caller_may_not_read() {
    let world = World::new().await;
    let owners = world.owners("second").await;
    let others = world.bucket("others", &world.other.s3, &world.other.canonical_id).await;
    let closed = |aim: &Aim| [format!("{}/{}", aim.bucket, aim.key), format!("{}/no-such-key", aim.bucket)];
    let closed: Vec<String> = closed(&owners).into_iter().chain(closed(&others)).collect();
    for (who, s3) in [("guest", &world.guest.s3), ("share", &world.share.s3)] {
        let to = format!("{SHARED}/copied-by-{who}");
        let begun = s3.post(&format!("{to}?uploads"), "").await.unwrap();
        let upload = begun.elements(&["InitiateMultipartUploadResult", "UploadId"])[0].clone();
        let copy = |from: &str, raw_query: &str| {
            Request::at_place(Method::PUT, &to).raw_query(raw_query).header("x-amz-copy-source", format!("/{from}"))
        };
        let part = format!("partNumber=1&uploadId={upload}");
        let mut sources = closed.clone();
        if who == "guest" {
            // Bucket READ gives no object's content, not in the granted bucket either.
            sources.push(OWNERS.into());
        }
        // The same places by other spellings, as they are sent.
        sources.extend(["shared/../second/victim.txt", "shared/%2e%2e/second/victim.txt"].map(String::from));
        sources.push("shared%2f..%2f..%2fsecond/victim.txt".into());
        for from in &sources {
            for query in ["", part.as_str()] {
                let answer = s3.send(&copy(from, query)).await.unwrap();
                let names_nothing = (from.contains("..") || from.contains('%')) && matches!(answer.status, 400 | 404);
                assert!(answer.status == 403 || names_nothing, "{who} {from} {query}: {}", answer.text());
            }
        }
        let missing = s3.send(&copy("no-such-bucket/key", "")).await.unwrap();
        assert_eq!(missing.code().as_deref(), Some("NoSuchBucket"), "{who}: {}", missing.text());
        // The requests were right: what may be read can be copied.
        let readable = if who == "guest" { MINE } else { OWNERS };
        ok(&s3.send(&copy(readable, "")).await.unwrap());
        ok(&s3.send(&copy(readable, &part)).await.unwrap());
        ok(&s3.delete(&format!("{to}?uploadId={upload}")).await.unwrap());
    }
}
