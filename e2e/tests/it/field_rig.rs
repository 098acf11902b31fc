//! What the tests of the protocol and of the field's failures share: a server whose clock can be stopped, an owner with a
//! closed bucket, a guest to whom another one is granted, bodies in every form, and a look at everything that could change.
//!
//! Of the field's failures, 14 is held in `network`, 15, 16 and 23 in `secrets`, and the whole of 8 and 26 once more, over every
//! operation, in `isolation`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use client::{Answer, Body, Chunked, Credentials, Error, Method, Prepared, Request, S3, Signature, Source, Timestamp};
use operations::admin::{Command, Outcome};
use testkit::{Account, InProcess, OWNER, Options, acl_document, by_email, by_id};

/// The owner's bucket that nobody else may touch.
pub const CLOSED: &str = "closed";
/// The owner's bucket that the guest may read and write.
pub const GRANTED: &str = "granted";
/// An object in [`CLOSED`].
pub const VICTIM: &str = "closed/victim.txt";
/// What it says.
pub const SECRET: &str = "the victim's bytes, which nobody else may see";
/// The place of an unfinished upload in [`CLOSED`].
pub const UPLOAD: &str = "closed/upload.bin";
/// What is sent where it does not matter what.
pub const TEXT: &str = "what is stored is what was sent, and nothing that was around it";
/// Everybody, as a grantee.
pub const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";

pub const V4_QUERY: Signature = Signature::QueryV4 { seconds: 600 };
pub const V2_QUERY: Signature = Signature::QueryV2 { seconds: 600 };

/// The server with everybody on it.
pub struct Rig {
    pub server: InProcess,
    pub owner: S3,
    pub owner_id: String,
    pub owner_account: String,
    pub guest: Account,
    /// Who may own buckets, and has nothing here.
    pub other: Account,
    /// The id of the upload of [`UPLOAD`], and the tag of its part 1.
    pub upload: String,
    pub part: String,
    clock: Arc<AtomicU64>,
}

impl Rig {
    /// With the program's defaults, but that no number of failures is throttled.
    pub async fn new() -> Rig {
        Rig::with(Options { throttled: false, ..Options::default() }).await
    }

    /// The same, where every key may sign by SigV2 and buckets may be public.
    pub async fn lenient() -> Rig {
        let options = Options { throttled: false, ..Options::default() }.public();
        let wire = s3::wire::Config { allow_sigv2: true, ..options.wire.clone() };
        Rig::with(Options { wire, ..options }).await
    }

    pub async fn with(options: Options) -> Rig {
        let clock = Arc::new(AtomicU64::new(0));
        let (told, real) = (clock.clone(), options.clock.clone());
        let told = Arc::new(move || match told.load(Ordering::Relaxed) {
            0 => real(),
            millis => model::Timestamp::from_millis(millis),
        });
        let server = InProcess::start(Options { clock: told, ..options }).await;
        let owner = server.owner();
        let Outcome::Account(shown) = server.ask(Command::AccountShow { account: OWNER.into() }).await else {
            panic!("the owner has an account")
        };
        let (guest, other) = (server.guest("guest@example.com").await, server.account("other@example.com").await);
        for bucket in [CLOSED, GRANTED] {
            ok(&owner.put(bucket, "").await.unwrap());
        }
        ok(&owner.put(VICTIM, SECRET).await.unwrap());
        let begun = owner.post(&format!("{UPLOAD}?uploads"), "").await.unwrap();
        let upload = begun.elements(&["InitiateMultipartUploadResult", "UploadId"])[0].clone();
        let part = owner.put(&format!("{UPLOAD}?partNumber=1&uploadId={upload}"), "part").await.unwrap();
        let part = part.header("etag").unwrap().to_owned();
        let (owner_id, owner_account) = (shown.account.canonical_id, shown.account.account_id);
        let rig = Rig { server, owner, owner_id, owner_account, guest, other, upload, part, clock };
        let email = by_email(&rig.guest.email);
        rig.grant(GRANTED, &[(email.clone(), "READ"), (email, "WRITE")]).await;
        rig
    }

    /// Grants these beside the owner's own access.
    pub async fn grant(&self, place: &str, grants: &[(String, &str)]) {
        let mut all = vec![(by_id(&self.owner_id), "FULL_CONTROL")];
        all.extend_from_slice(grants);
        ok(&self.owner.put(&format!("{place}?acl"), acl_document(&self.owner_id, &all)).await.unwrap());
    }

    /// Stops the server's clock there.
    pub fn stop_clock(&self, millis: u64) {
        self.clock.store(millis, Ordering::Relaxed);
    }

    /// Lets the server's clock run again.
    pub fn run_clock(&self) {
        self.clock.store(0, Ordering::Relaxed);
    }

    /// Everything that somebody could have changed, as the owner sees it.
    pub async fn snapshot(&self) -> Vec<String> {
        self.run_clock();
        let mut seen = vec![];
        let buckets = self.owner.get("").await.unwrap();
        seen.push(format!("{:?}", buckets.elements(&["ListAllMyBucketsResult", "Buckets", "Bucket", "Name"])));
        let mut places = vec![VICTIM.into(), format!("{VICTIM}?acl"), format!("{UPLOAD}?uploadId={}", self.upload)];
        for bucket in [CLOSED, GRANTED] {
            for query in ["list-type=2&fetch-owner=true&encoding-type=url", "acl", "uploads", "ownershipControls"] {
                places.push(format!("{bucket}?{query}"));
            }
            places.push(format!("{bucket}?publicAccessBlock"));
        }
        for place in places {
            let answer = self.owner.get(&place).await.unwrap();
            // An error's body names the request.
            let text = if answer.status == 200 { answer.text() } else { answer.code().unwrap_or_default() };
            seen.push(format!("{place}: {} {text}", answer.status));
        }
        seen
    }

    /// Whether that key is there.
    pub async fn stored(&self, place: &str) -> bool {
        self.owner.head(place).await.unwrap().status == 200
    }
}

pub fn ok(answer: &Answer) {
    assert_eq!(answer.status / 100, 2, "{}: {}", answer.status, answer.text());
}

/// That this is an S3 error with that status and code, with everything that an error has.
pub fn refused(answer: &Answer, status: u16, code: &str, what: &str) {
    let told = format!("{what}: {} {}", answer.status, answer.text());
    assert_eq!((answer.status, answer.code().as_deref()), (status, Some(code)), "{told}");
    let id = answer.header("x-amz-request-id").unwrap_or_else(|| panic!("{told}"));
    assert_eq!(answer.elements(&["Error", "RequestId"]), [id], "{told}");
}

/// A status of 4xx with S3's error, or 501.
pub fn is_refusal(answer: &Answer) -> bool {
    matches!(answer.status, 400..=499 | 501) && answer.code().is_some()
}

/// Sends what was prepared, after `alter` had its way with it.
pub async fn send_altered(s3: &S3, request: &Request, alter: impl FnOnce(&mut Prepared)) -> Answer {
    let mut prepared = s3.prepare(request).unwrap();
    alter(&mut prepared);
    s3.send_prepared(prepared).await.unwrap()
}

/// A form in which a body can come.
pub struct Form {
    pub name: &'static str,
    pub body: Body,
    /// What `x-amz-content-sha256` says where the body alone would not make it.
    hash: Option<String>,
    /// Its chunks need a signature in the header to begin with.
    pub signs_chunks: bool,
}

impl Form {
    pub fn on(&self, request: Request) -> Request {
        let request = request.body(self.body.clone());
        match &self.hash {
            Some(hash) => request.header("x-amz-content-sha256", hash.as_str()),
            None => request,
        }
    }
}

/// Every form in which these bytes can come.
pub fn forms(bytes: impl Into<Source>) -> Vec<Form> {
    let bytes = bytes.into();
    let form = |name, body| Form { name, body, hash: None, signs_chunks: false };
    let signed = |name, chunked: Chunked| Form { signs_chunks: true, ..form(name, Body::Chunked(chunked)) };
    let chunks = |chunked: Chunked| chunked.chunk_size(20);
    vec![
        form("unsigned", Body::Unsigned(bytes.clone())),
        Form { hash: Some(bytes.sha256_hex()), ..form("hash", Body::Signed(bytes.clone())) },
        signed("signed chunks", chunks(Chunked::signed(bytes.clone()))),
        signed("signed chunks and trailer", chunks(Chunked::signed(bytes.clone())).crc32c()),
        form("unsigned chunks", Body::Chunked(chunks(Chunked::unsigned(bytes.clone())))),
        form("unsigned chunks and trailer", Body::Chunked(chunks(Chunked::unsigned(bytes)).crc32c())),
    ]
}

/// That key with another secret.
pub fn wrong(key: &Credentials) -> Credentials {
    Credentials::new(key.access_key_id.clone(), "x".repeat(40))
}

pub fn seconds(at: i64) -> Timestamp {
    Timestamp::from_second(at).unwrap()
}

pub fn now() -> i64 {
    Timestamp::now().as_second()
}

pub fn put(place: &str) -> Request {
    Request::at_place(Method::PUT, place)
}

pub fn get(place: &str) -> Request {
    Request::at_place(Method::GET, place)
}

/// The status line's code in what came back on a raw connection; none if the server closed it without a word.
pub fn raw_status(answer: &Result<Vec<u8>, Error>) -> Option<u16> {
    let bytes = answer.as_ref().ok()?;
    std::str::from_utf8(bytes.get(9..12)?).ok()?.parse().ok()
}

/// Pseudo-random numbers that are the same in every run (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}
