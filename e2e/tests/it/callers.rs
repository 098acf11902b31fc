//! The golden table of operations and callers: what every row of the router's table answers to everybody who should get
//! nothing, and beside them to one who should.
//!
//! A row of the router's table without its line here, a line without its row, and an answer that is another one than last
//! time each fail the test: whoever changes what a caller gets says so in the same commit.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use client::{Answer, Credentials, S3};
use operations::admin::{Command, Outcome, ShareOrder};
use s3::table::{OPERATIONS, Op, Operation};

use crate::examples::{Aim, SOURCE, prepare, request, snapshot};
use crate::field_rig::{Rig, ok};
use crate::golden;

/// The bucket that the refused are aimed at.
const MINE: &str = "mine";
/// The bucket that some of them have a share of.
const ELSEWHERE: &str = "elsewhere";
/// Longer than a share lives unless it is told otherwise.
const HUNDRED_DAYS: u64 = 100 * 24 * 60 * 60;

const HEAD: &str = "\
What each operation of `s3::table` answers to whom, asked of a bucket of the owner's that nobody was granted anything on.
Made by the test `what_each_operation_answers_to_whom_is_written_down`; a change of it is a change of who gets what.

nobody          without a key
guest           a key of its own, nothing granted
share elsewhere the key of a read-write share of another bucket of the same owner
revoked         the key of a read-write share of this bucket that was revoked
expired         the key of a read-write share of this bucket whose time is over
wrong address   the key of a read-write share of this bucket, from an address that it does not name
read-write      the key of a read-write share of this bucket
owner           the bucket's owner: the last two show that the requests are good ones, and who is meant to get something

An answer to HEAD has no body, and so no code. After a 200: the buckets listed, or what became of each key.

";

/// A caller of a column.
struct Column {
    name: &'static str,
    s3: S3,
    /// What its copies read: something that it may read, where there is such a thing.
    source: String,
}

/// A share that reads and writes, by its key.
async fn share(rig: &Rig, bucket: &str, with: &str, networks: &[&str]) -> (String, S3) {
    let networks = networks.iter().map(|network| (*network).to_owned()).collect();
    let preset = Some("read-write".to_owned());
    let order = ShareOrder { bucket: bucket.into(), with: with.into(), preset, networks, ..ShareOrder::default() };
    let Outcome::Shared(new) = rig.server.ask(Command::Share(order)).await else { panic!("no share was made") };
    (new.share_id, rig.server.s3(&Credentials::new(new.access_key_id, new.secret_access_key)))
}

/// Everybody who gets nothing.
async fn refused(rig: &Rig) -> Vec<Column> {
    let own = format!("{MINE}/{SOURCE}");
    let (_, elsewhere) = share(rig, ELSEWHERE, "elsewhere@example.com", &[]).await;
    let (revoked_id, revoked) = share(rig, MINE, "revoked@example.com", &[]).await;
    rig.server.ask(Command::SharesRevoke { share_id: revoked_id }).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    rig.stop_clock((now - HUNDRED_DAYS) * 1000);
    let (_, expired) = share(rig, MINE, "expired@example.com", &[]).await;
    rig.run_clock();
    // Requests come from this machine.
    let (_, wrong_address) = share(rig, MINE, "far@example.com", &["192.0.2.0/24"]).await;
    let column = |name, s3, source: &str| Column { name, s3, source: source.to_owned() };
    vec![
        column("nobody", rig.server.anonymous(), &own),
        column("guest", rig.server.guest("nothing@example.com").await.s3, &own),
        column("share elsewhere", elsewhere, &format!("{ELSEWHERE}/{SOURCE}")),
        column("revoked", revoked, &own),
        column("expired", expired, &own),
        column("wrong address", wrong_address, &own),
    ]
}

/// What came back, in a few words.
fn told(row: &Operation, answer: &Answer) -> String {
    let code = answer.code().map_or(String::new(), |code| format!(" {code}"));
    let more = match row.op {
        Op::ListBuckets => answer.elements(&["ListAllMyBucketsResult", "Buckets", "Bucket", "Name"]),
        Op::DeleteObjects => {
            let mut each = answer.elements(&["DeleteResult", "Error", "Code"]);
            each.extend(answer.elements(&["DeleteResult", "Deleted", "Key"]).iter().map(|_| "Deleted".to_owned()));
            each
        }
        _ => return format!("{}{code}", answer.status),
    };
    let more = if answer.status == 200 { format!(": {}", more.join(", ")) } else { String::new() };
    format!("{}{code}{more}", answer.status)
}

/// A row of the table: what it is called, and what everybody was told.
fn line(cells: impl Iterator<Item = String>) -> String {
    let mut line = String::from("|");
    for (at, cell) in cells.enumerate() {
        let width = if at == 0 { 47 } else { 22 };
        write!(line, " {cell:width$} |").unwrap();
    }
    line + "\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn what_each_operation_answers_to_whom_is_written_down() {
    let rig = Rig::with(testkit::Options::default()).await;
    let mine = prepare(&rig.owner, MINE, &rig.owner_id).await;
    prepare(&rig.owner, ELSEWHERE, &rig.owner_id).await;
    let columns = refused(&rig).await;
    let before = snapshot(&rig.owner, &mine).await;

    let names = columns.iter().map(|column| column.name).chain(["read-write", "owner"]);
    let mut table = HEAD.to_owned() + &line(std::iter::once("operation").chain(names).map(str::to_owned));
    for (number, row) in OPERATIONS.iter().enumerate() {
        let mut cells = vec![row.name.to_owned()];
        for Column { name, s3, source } in &columns {
            let aim = Aim { source: source.clone(), ..mine.clone() };
            let answer = s3.send(&request(row, &aim)).await.unwrap_or_else(|e| panic!("{name}, {}: {e}", row.name));
            cells.push(told(row, &answer));
        }
        // It changes what it is aimed at, so that each row has a bucket of its own.
        let aim = prepare(&rig.owner, &format!("shared-{number}"), &rig.owner_id).await;
        let (id, s3) = share(&rig, &aim.bucket, "good@example.com", &["127.0.0.0/8"]).await;
        let answer = s3.send(&request(row, &aim)).await.unwrap();
        cells.push(told(row, &answer).replace(&aim.bucket, "(its bucket)"));
        rig.server.ask(Command::SharesRevoke { share_id: id }).await;
        let aim = prepare(&rig.owner, &format!("own-{number}"), &rig.owner_id).await;
        let answer = rig.owner.send(&request(row, &aim)).await.unwrap();
        cells.push(if row.op == Op::ListBuckets { "200: all".to_owned() } else { told(row, &answer) });
        table += &line(cells.into_iter());
    }

    assert_eq!(snapshot(&rig.owner, &mine).await, before, "somebody who gets nothing changed something");
    ok(&rig.owner.get(MINE).await.unwrap());
    golden::hold("callers.txt", &table);
}
