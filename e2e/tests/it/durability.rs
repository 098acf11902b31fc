//! Nothing acknowledged is lost, and nothing half-done is seen: after SIGKILL, with syncs that hang, with syncs that fail,
//! and after clients that stop half-way.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use client::{Answer, Body, Chunked, Error, Generated, Method, Request, S3};
use testkit::{Gate, InProcess, Launch, Options, Place, Program, Storage, count_files};

use crate::BINARY;

const BUCKET: &str = "bucket";
/// Bodies longer than this have a file of their own, as in the program.
const INLINE_BYTES: u64 = 256 * 1024;
/// Of the parts that are uploaded.
const PART_BYTES: u64 = 270_000;

fn ok(answer: &Answer) {
    assert_eq!(answer.status / 100, 2, "{}: {}", answer.status, answer.text());
}

fn text(answer: &Answer, root: &str, name: &str) -> String {
    ok(answer);
    answer.elements(&[root, name]).into_iter().next().unwrap_or_default()
}

/// What is known of a key when the process is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// A write of these bytes was acknowledged, and nothing was begun since.
    Holds(u64),
    /// A write was begun and never answered: it happened or it did not.
    MayHold(u64),
    /// A delete was acknowledged.
    Gone,
    /// A delete of an acknowledged write was begun and never answered.
    MayBeGone(u64),
    /// One write was acknowledged, and another begun.
    Either(u64, u64),
}

/// The bytes of write number `seed`; of any length from a few bytes to a few hundred thousand.
fn bytes_of(seed: u64) -> Bytes {
    let length = match seed % 4 {
        0 => 100 + seed % 1000,
        1 => INLINE_BYTES + seed % 3,
        2 => 20_000 + seed % 7000,
        _ => 300_000 + seed % 99_991,
    };
    bytes(seed, length)
}

/// That many bytes, others for each seed; cheap, so that the test's own work does not slow down what it tests.
fn bytes(seed: u64, length: u64) -> Bytes {
    static ALL: LazyLock<Generated> = LazyLock::new(|| Generated::new(1, 1 << 40));
    ALL.at(seed * 7919, length as usize)
}

type Book = BTreeMap<String, Known>;

/// Writes new keys, deletes some of them, and overwrites one key again and again, until nothing answers any more.
async fn write_until_killed(s3: S3, name: String, base: u64) -> Book {
    let mut book = Book::new();
    let hot = format!("{name}/hot");
    let mut last: Option<u64> = None;
    for seed in base.. {
        let key = format!("{name}/{seed}");
        book.insert(key.clone(), Known::MayHold(seed));
        let Ok(answer) = s3.put(&format!("{BUCKET}/{key}"), bytes_of(seed)).await else { break };
        ok(&answer);
        book.insert(key.clone(), Known::Holds(seed));

        book.insert(hot.clone(), last.map_or(Known::MayHold(seed), |last| Known::Either(last, seed)));
        let Ok(answer) = s3.put(&format!("{BUCKET}/{hot}"), bytes_of(seed)).await else { break };
        ok(&answer);
        last = Some(seed);
        book.insert(hot.clone(), Known::Holds(seed));

        if seed % 5 == 0 {
            book.insert(key.clone(), Known::MayBeGone(seed));
            let Ok(answer) = s3.delete(&format!("{BUCKET}/{key}")).await else { break };
            ok(&answer);
            book.insert(key, Known::Gone);
        }
    }
    book
}

/// Uploads by parts, until nothing answers any more.
async fn upload_until_killed(s3: S3, name: String, base: u64) -> Book {
    let mut book = Book::new();
    for seed in base.. {
        let key = format!("{name}/{seed}");
        let done = async {
            let place = format!("{BUCKET}/{key}");
            let begun = s3.post(&format!("{place}?uploads"), "").await?;
            let id = text(&begun, "InitiateMultipartUploadResult", "UploadId");
            // Always a file of its own: one part, which is the last and so may be of any size.
            let part = bytes(seed, PART_BYTES);
            let part = s3.put(&format!("{place}?partNumber=1&uploadId={id}"), part).await?;
            ok(&part);
            let etag = part.header("etag").unwrap();
            let parts = format!("<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>");
            let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
            book.insert(key.clone(), Known::MayHold(seed));
            ok(&s3.post(&format!("{place}?uploadId={id}"), document).await?);
            Ok::<_, Error>(())
        };
        if done.await.is_err() {
            break;
        }
        book.insert(key, Known::Holds(seed));
    }
    book
}

/// What a key holds now.
async fn found(s3: &S3, key: &str) -> Option<Bytes> {
    let answer = s3.get(&format!("{BUCKET}/{key}")).await.unwrap();
    match answer.status {
        200 => Some(answer.body),
        404 => None,
        other => panic!("{key}: {other} {}", answer.text()),
    }
}

async fn check(s3: &S3, book: &Book, whole: impl Fn(u64) -> Bytes) {
    for (key, known) in book {
        let now = found(s3, key).await;
        let is = |seed: u64| now.as_ref() == Some(&whole(seed));
        let right = match *known {
            Known::Holds(seed) => is(seed),
            Known::MayHold(seed) | Known::MayBeGone(seed) => now.is_none() || is(seed),
            Known::Gone => now.is_none(),
            Known::Either(one, other) => is(one) || is(other),
        };
        assert!(right, "{key} is known as {known:?}, and there are {:?} bytes", now.map(|bytes| bytes.len()));
    }
}

/// How many bodies the records name that have a file, by what a listing says: long objects, and parts not yet completed.
async fn bodies_named(s3: &S3) -> usize {
    let mut named = 0;
    let mut token = String::new();
    loop {
        let page = s3.get(&format!("{BUCKET}?list-type=2{token}")).await.unwrap();
        ok(&page);
        let sizes = page.elements(&["ListBucketResult", "Contents", "Size"]);
        named += sizes.iter().filter(|size| size.parse::<u64>().unwrap() > INLINE_BYTES).count();
        match page.elements(&["ListBucketResult", "NextContinuationToken"]).first() {
            Some(next) => token = format!("&continuation-token={}", client::encode_component(next)),
            None => break,
        }
    }
    let uploads = s3.get(&format!("{BUCKET}?uploads")).await.unwrap();
    let of = |name| uploads.elements(&["ListMultipartUploadsResult", "Upload", name]);
    for (key, id) in of("Key").iter().zip(of("UploadId")) {
        let parts = s3.get(&format!("{BUCKET}/{key}?uploadId={id}")).await.unwrap();
        named += parts.elements(&["ListPartsResult", "Part", "Size"]).len();
    }
    named
}

/// What was written, deleted and uploaded by a program that is killed again and again.
#[derive(Default)]
struct Killing {
    written: Book,
    uploaded: Book,
}

impl Killing {
    /// Loads `program` for a while, kills it, starts it again, and looks whether all is there that was acknowledged.
    async fn round(&mut self, program: &mut Program, round: u64) {
        let s3 = program.owner();
        let base = |task: u64| (round * 10 + task) * 100_000;
        let writers: Vec<_> = (0..8)
            .map(|task| tokio::spawn(write_until_killed(s3.clone(), format!("r{round}-w{task}"), base(task))))
            .collect();
        let uploader = tokio::spawn(upload_until_killed(s3, format!("r{round}-m"), base(9)));
        tokio::time::sleep(Duration::from_millis(80 + round * 37 % 300)).await;
        program.kill();
        let mut written = Book::new();
        for writer in writers {
            written.extend(writer.await.unwrap());
        }
        let uploaded = uploader.await.unwrap();

        program.start_again();
        let s3 = program.owner();
        check(&s3, &written, bytes_of).await;
        check(&s3, &uploaded, |seed| bytes(seed, PART_BYTES)).await;
        assert_eq!(count_files(&program.data().join("bodies/staging")), 0, "round {round}");
        let files = count_files(&program.data().join("bodies/published"));
        assert_eq!(files, bodies_named(&s3).await, "round {round}: files against bodies that a record names");
        self.written.extend(written);
        self.uploaded.extend(uploaded);
    }

    /// What an earlier round left is still there after all the later ones; how many writes were acknowledged.
    async fn check_all(&self, program: &Program) -> usize {
        let s3 = program.owner();
        check(&s3, &self.written, bytes_of).await;
        check(&s3, &self.uploaded, |seed| bytes(seed, PART_BYTES)).await;
        self.written.values().chain(self.uploaded.values()).filter(|known| matches!(known, Known::Holds(_))).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_twenty_kills_during_uploads() {
    let mut program = Program::start(BINARY, Launch::default());
    program.bucket(BUCKET);
    let mut killing = Killing::default();
    for round in 0..20 {
        killing.round(&mut program, round).await;
    }
    let acknowledged = killing.check_all(&program).await;
    assert!(acknowledged > 100, "too little was written to prove anything: {acknowledged}");
    assert!(killing.uploaded.values().any(|known| matches!(known, Known::Holds(_))));
}

/// Not part of the suite: `cargo xtask soak --minutes N`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes as long as it is told to; cargo xtask soak runs it"]
async fn soak() {
    let minutes: f64 = std::env::var("BAILIWICK_SOAK_MINUTES").map_or(1.0, |text| text.parse().expect("a number"));
    let until = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let (mut kills, mut acknowledged) = (0, 0);
    while Instant::now() < until {
        // A store of its own for each few rounds, so that looking at all of it stays a matter of seconds.
        let mut program = Program::start(BINARY, Launch::default());
        program.bucket(BUCKET);
        let mut killing = Killing::default();
        for _ in 0..20 {
            killing.round(&mut program, kills).await;
            kills += 1;
            if Instant::now() >= until {
                break;
            }
        }
        acknowledged += killing.check_all(&program).await;
        println!("{kills} kills, {acknowledged} acknowledged writes, 0 lost");
    }
}

/// A server on disk, and a hand on its two kinds of syncs.
struct Frozen {
    server: InProcess,
    records: Arc<Gate>,
    bodies: Arc<Gate>,
    _place: Place,
}

impl Frozen {
    async fn new() -> Frozen {
        let place = Place::new();
        let (records, bodies) = (Gate::new(), Gate::new());
        let storage = Storage::Disk { dir: place.data.clone(), records: records.clone(), bodies: bodies.clone() };
        let server = InProcess::start(Options { storage, ..Options::default() }).await;
        ok(&server.owner().put(BUCKET, "").await.unwrap());
        Frozen { server, records, bodies, _place: place }
    }

    /// Sends `request` while `gate` lets `syncs` pass and then none: it must not be answered before the gate opens.
    async fn unanswered(&self, gate: &Gate, syncs: usize, request: Request, what: &str) {
        let s3 = self.server.owner();
        gate.freeze_after(syncs);
        let answered = Arc::new(AtomicBool::new(false));
        let sent = tokio::spawn({
            let answered = answered.clone();
            async move {
                let answer = s3.send(&request).await;
                answered.store(true, Ordering::SeqCst);
                answer
            }
        });
        assert!(gate.holds(1, Duration::from_secs(10)).await, "{what} was answered without the sync");
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(!answered.load(Ordering::SeqCst), "{what} was answered before the sync returned");
        gate.thaw();
        ok(&sent.await.unwrap().unwrap());
    }
}

fn put(key: &str, length: usize) -> Request {
    Request::at_place(Method::PUT, &format!("{BUCKET}/{key}")).bytes(vec![7; length])
}

const SMALL: usize = 100;
const LARGE: usize = 300_000;

#[tokio::test(flavor = "multi_thread")]
async fn no_write_is_answered_before_the_sync_that_covers_it_has_returned() {
    let frozen = Frozen::new().await;
    let owner = frozen.server.owner();
    let place = |key: &str| format!("{BUCKET}/{key}");
    ok(&owner.put(&place("old"), "bytes").await.unwrap());
    ok(&owner.put(&place("old-large"), vec![1; LARGE]).await.unwrap());
    let begun = owner.post(&place("parts?uploads"), "").await.unwrap();
    let id = text(&begun, "InitiateMultipartUploadResult", "UploadId");
    let part = |number: u32| {
        Request::at_place(Method::PUT, &place(&format!("parts?partNumber={number}&uploadId={id}")))
            .bytes(vec![9; LARGE])
    };

    // A body's content, its name, and its record: each in its turn.
    frozen.unanswered(&frozen.bodies, 0, put("large", LARGE), "a large PUT, its content not synced,").await;
    frozen.unanswered(&frozen.bodies, 1, put("large", LARGE), "a large PUT, its name not synced,").await;
    frozen.unanswered(&frozen.records, 0, put("large", LARGE), "a large PUT, its record not synced,").await;
    frozen.unanswered(&frozen.records, 0, put("small", SMALL), "a small PUT").await;
    frozen.unanswered(&frozen.records, 0, put("old", SMALL), "an overwriting PUT").await;
    frozen.unanswered(&frozen.bodies, 0, part(1), "a part, its content not synced,").await;
    frozen.unanswered(&frozen.records, 0, part(1), "a part, its record not synced,").await;
    for (method, at, body, what) in [
        (Method::PUT, "another".to_owned(), "".to_owned(), "CreateBucket"),
        (Method::DELETE, place("old"), "".into(), "DELETE"),
        (Method::DELETE, place("old-large"), "".into(), "DELETE of a large object"),
        (Method::POST, place("more?uploads"), "".into(), "CreateMultipartUpload"),
        (Method::PUT, format!("{BUCKET}?acl"), acl(&owner).await, "PutBucketAcl"),
    ] {
        frozen.unanswered(&frozen.records, 0, Request::at_place(method, &at).bytes(body), what).await;
    }
    let copy = Request::at_place(Method::PUT, &place("copy")).header("x-amz-copy-source", format!("/{BUCKET}/large"));
    frozen.unanswered(&frozen.bodies, 0, copy.clone(), "a copy, its content not synced,").await;
    frozen.unanswered(&frozen.records, 0, copy, "a copy, its record not synced,").await;
    let listed = owner.get(&place(&format!("parts?uploadId={id}"))).await.unwrap();
    let etag = listed.elements(&["ListPartsResult", "Part", "ETag"])[0].clone();
    let document = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let complete = Request::at_place(Method::POST, &place(&format!("parts?uploadId={id}"))).bytes(document);
    frozen.unanswered(&frozen.records, 0, complete, "CompleteMultipartUpload").await;
    frozen.unanswered(&frozen.records, 0, Request::new(Method::DELETE, "/another"), "DeleteBucket").await;
    assert_eq!(owner.get(&place("parts")).await.unwrap().body.len(), LARGE);
    frozen.server.stop().await;
}

async fn acl(owner: &S3) -> String {
    let id = owner.get("").await.unwrap().elements(&["ListAllMyBucketsResult", "Owner", "ID"])[0].clone();
    testkit::acl_document(&id, &[(testkit::by_id(&id), "FULL_CONTROL")])
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_go_on_while_syncs_hang_and_show_nothing_that_is_not_durable() {
    let frozen = Frozen::new().await;
    let owner = frozen.server.owner();
    ok(&owner.put(&format!("{BUCKET}/old"), "old").await.unwrap());
    frozen.records.freeze();
    let writing = {
        let owner = owner.clone();
        tokio::spawn(async move { owner.put(&format!("{BUCKET}/old"), "new").await })
    };
    assert!(frozen.records.holds(1, Duration::from_secs(10)).await);
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(owner.get(&format!("{BUCKET}/old")).await.unwrap().text(), "old");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "reads wait for the sync of a write");
    frozen.records.thaw();
    ok(&writing.await.unwrap().unwrap());
    assert_eq!(owner.get(&format!("{BUCKET}/old")).await.unwrap().text(), "new");
    frozen.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_is_told_stops_writing_and_loses_nothing_acknowledged() {
    let frozen = Frozen::new().await;
    let owner = frozen.server.owner();
    let place = |key: &str| format!("{BUCKET}/{key}");
    ok(&owner.put(&place("small"), vec![1; SMALL]).await.unwrap());
    ok(&owner.put(&place("large"), vec![2; LARGE]).await.unwrap());

    // A body that cannot be synced costs its own upload and nothing else.
    frozen.bodies.fail();
    let answer = owner.send(&put("lost-large", LARGE)).await.unwrap();
    assert_eq!(answer.status / 100, 5, "{}", answer.text());
    ok(&owner.send(&put("small-meanwhile", SMALL)).await.unwrap());
    assert_eq!(found(&owner, "lost-large").await, None);
    frozen.bodies.mend();
    ok(&owner.send(&put("large-again", LARGE)).await.unwrap());

    // Records that cannot be synced stop all writing: what is on disk is not known.
    frozen.records.fail();
    for (key, length) in [("doubtful", SMALL), ("doubtful-large", LARGE)] {
        let answer = owner.send(&put(key, length)).await.unwrap();
        assert_eq!(answer.status / 100, 5, "{}", answer.text());
        assert!(answer.code().is_some(), "{}", answer.text());
        assert!(!answer.text().contains("records/"), "no internal text reaches a client: {}", answer.text());
    }
    frozen.records.mend();
    let still = owner.send(&put("after", SMALL)).await.unwrap();
    assert_eq!(still.status / 100, 5, "after a failed sync nothing is written until the store is opened again");
    assert_eq!(owner.get(&place("small")).await.unwrap().body.len(), SMALL, "reads go on");

    let server = frozen.server.restart().await;
    let owner = server.owner();
    for (key, byte, length) in
        [("small", 1, SMALL), ("large", 2, LARGE), ("small-meanwhile", 7, SMALL), ("large-again", 7, LARGE)]
    {
        assert_eq!(found(&owner, key).await, Some(vec![byte; length].into()), "{key}");
    }
    for (key, length) in [("doubtful", SMALL), ("doubtful-large", LARGE), ("lost-large", LARGE)] {
        let now = found(&owner, key).await;
        assert!(now.is_none() || now == Some(vec![7; length].into()), "{key} is half there");
    }
    ok(&owner.send(&put("after", SMALL)).await.unwrap());
    let Storage::Disk { dir, .. } = &server.options().storage else { panic!("it is on disk") };
    let files = count_files(&dir.join("bodies/published"));
    assert_eq!(files, bodies_named(&owner).await, "bodies that no record names are gone");
    server.stop().await;
}

/// Tries again for a while: a connection that broke is noticed a moment later.
async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_half_way_leaves_nothing_visible_and_no_file() {
    let mut program = Program::start(BINARY, Launch::default());
    program.bucket(BUCKET);
    let s3 = program.owner();
    ok(&s3.put(&format!("{BUCKET}/kept"), vec![5; LARGE]).await.unwrap());
    let begun = s3.post(&format!("{BUCKET}/cut-part?uploads"), "").await.unwrap();
    let id = text(&begun, "InitiateMultipartUploadResult", "UploadId");
    let bodies = program.data().join("bodies");
    let before = count_files(&bodies);

    let chunked = || Body::Chunked(Chunked::unsigned(vec![6; LARGE]).crc32c());
    let signed = || Body::Chunked(Chunked::signed(vec![6; LARGE]));
    let part = format!("{BUCKET}/cut-part?partNumber=1&uploadId={id}");
    let uploads = [
        put("cut-plain", LARGE),
        put("cut-small", SMALL),
        Request::at_place(Method::PUT, &format!("{BUCKET}/cut-unsigned")).body(Body::Unsigned(vec![6; LARGE].into())),
        Request::at_place(Method::PUT, &format!("{BUCKET}/cut-chunks")).body(chunked()),
        Request::at_place(Method::PUT, &format!("{BUCKET}/cut-signed-chunks")).body(signed()),
        Request::at_place(Method::PUT, &part).bytes(vec![6; LARGE]),
        Request::at_place(Method::PUT, &format!("{BUCKET}/kept")).bytes(vec![6; LARGE]),
    ];
    for upload in &uploads {
        let whole = s3.prepare(upload).unwrap().into_bytes();
        let head = whole.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        for cut in [head, head + 1, head + (whole.len() - head) / 2, whole.len() - 1] {
            // It may answer 400 or say nothing; it may not say that it was stored.
            if let Ok(answer) = s3.with_stall(Duration::from_secs(5)).exchange_and_hang_up(&whole[..cut]).await {
                let answer = String::from_utf8_lossy(&answer).into_owned();
                let fine = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
                assert!(fine, "{upload:?} cut at {cut} of {}: {answer}", whole.len());
            }
        }
    }
    let listed = s3.list(BUCKET, "").await.unwrap();
    assert_eq!(listed.elements(&["ListBucketResult", "Contents", "Key"]), ["kept"], "{}", listed.text());
    assert_eq!(found(&s3, "kept").await, Some(vec![5; LARGE].into()));
    let parts = s3.get(&format!("{BUCKET}/cut-part?uploadId={id}")).await.unwrap();
    assert!(parts.elements(&["ListPartsResult", "Part"]).is_empty(), "{}", parts.text());
    eventually("files of uploads that were cut stay", || async { count_files(&bodies) == before }).await;

    // And one that still hangs when the process dies is collected by the next start.
    let whole = s3.prepare(&uploads[0]).unwrap().into_bytes();
    let hanging = tokio::spawn({
        let s3 = s3.with_stall(Duration::from_secs(2));
        async move { s3.exchange(&whole[..whole.len() / 2]).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    program.kill();
    let _ = hanging.await.unwrap();
    program.start_again();
    assert_eq!(count_files(&bodies), before);
    assert_eq!(found(&program.owner(), "cut-plain").await, None);
}
