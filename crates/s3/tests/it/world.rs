//! A server in memory, an owner and a guest who sign by SigV4, and a bucket between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, Full};
use identity::{Directory, MasterKey};
use model::{ObjectOwnership, PublicAccessBlock, Timestamp};
use operations::admin::{Command, KeyOrder, NewAccount, NewKey, Outcome};
use operations::{Parts, Settings, Store};
use s3::wire::Config;
use s3::{Arrival, Service};
use sha2::{Digest as _, Sha256};

pub const BUCKET: &str = "myproject.example.com";
/// The owner's, and nobody else's.
pub const OTHER: &str = "other.example.com";
pub const GUEST: &str = "aws-myproject@example.com";
/// 2026-11-25T03:00:00Z.
pub const NOW: u64 = 1_795_575_600;
const DATE: &str = "20261125T030000Z";

pub struct World {
    pub store: Store,
    pub service: Service,
    pub owner: NewAccount,
    pub guest: NewAccount,
}

/// As `Content-MD5` has it.
pub fn md5(body: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(body))
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What the first element of that name says.
    pub fn element(&self, name: &str) -> &str {
        let start = self.body.find(&format!("<{name}>")).map(|at| at + name.len() + 2);
        let rest = &self.body[start.unwrap_or_else(|| panic!("no {name} in {self:?}"))..];
        &rest[..rest.find(&format!("</{name}>")).unwrap()]
    }

    pub fn code(&self) -> &str {
        self.element("Code")
    }

    pub fn is(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }
}

/// A request to be signed.
#[derive(Clone)]
pub struct Ask {
    method: &'static str,
    uri: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

pub fn ask(method: &'static str, uri: impl Into<String>) -> Ask {
    Ask { method, uri: uri.into(), headers: vec![], body: Bytes::new() }
}

impl Ask {
    pub fn header(mut self, name: &str, value: &str) -> Ask {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Bytes>) -> Ask {
        self.body = body.into();
        self
    }

    fn request(mut self, by: Option<&NewAccount>) -> http::Request<Full<Bytes>> {
        self.headers.push(("host".into(), "localhost".into()));
        if !self.body.is_empty() || matches!(self.method, "PUT" | "POST") {
            self.headers.push(("content-length".into(), self.body.len().to_string()));
        }
        if let Some(by) = by {
            self.sign(by);
        }
        let mut request = http::Request::builder().method(self.method).uri(self.uri);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(self.body)).unwrap()
    }

    fn sign(&mut self, by: &NewAccount) {
        let hash = hex::encode(Sha256::digest(&self.body));
        self.headers.push(("x-amz-content-sha256".into(), hash.clone()));
        self.headers.push(("x-amz-date".into(), DATE.into()));
        self.headers.sort();
        let names = self.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let (path, query) = self.uri.split_once('?').unwrap_or((&self.uri, ""));
        let mut pairs: Vec<String> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
            .collect();
        // By key, not by the text of the pair: `select` comes before `select-type`.
        pairs.sort_by(|a, b| a.split('=').cmp(b.split('=')));
        let canonical = format!("{}\n{path}\n{}\n{headers}\n{names}\n{hash}", self.method, pairs.join("&"));
        let scope = format!("{}/us-east-1/s3/aws4_request", &DATE[..8]);
        let to_sign = format!("AWS4-HMAC-SHA256\n{DATE}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
        let mut key = format!("AWS4{}", by.secret_access_key).into_bytes();
        for text in scope.split('/').chain([to_sign.as_str()]) {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.update(text.as_bytes());
            key = mac.finalize().into_bytes().to_vec();
        }
        let id = &by.access_key_id;
        let signature = hex::encode(key);
        let value = format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        self.headers.push(("authorization".into(), value));
    }
}

impl World {
    /// The owner's two buckets, one of them with WRITE and READ granted to the guest.
    pub async fn new() -> World {
        let engine = Arc::new(kv::Memory::new([7; 32]));
        let store = Store::new(Parts {
            directory: Directory::new(engine.clone(), MasterKey::from_bytes(std::array::from_fn(|i| i as u8))),
            engine,
            blobs: Arc::new(blobs::Memory::new()),
            settings: Settings {
                access: access::Settings {
                    public_access_block: PublicAccessBlock::NONE,
                    default_ownership: ObjectOwnership::OwnerOwns,
                    strict_signup: false,
                },
                new_bucket_block: None,
                inline_bytes: 1000,
                max_key_lifetime: None,
            },
            clock: Arc::new(|| Timestamp::from_seconds(NOW)),
            trouble: Box::new(|| None),
            care: None,
        });
        assert!(store.start().await.unwrap());
        let owner = account(&store, "owner@example.com", false).await;
        let guest = account(&store, GUEST, true).await;
        let config = Config { region: "us-east-1".into(), domains: vec![], allow_sigv2: false };
        let world = World { service: Service::new(store.clone(), config), store, owner, guest };
        world.owner(ask("PUT", format!("/{BUCKET}"))).await.is(200);
        world.owner(ask("PUT", format!("/{OTHER}"))).await.is(200);
        let grant = format!("emailAddress=\"{GUEST}\"");
        let acl = ask("PUT", format!("/{BUCKET}?acl")).header("x-amz-grant-write", &grant);
        world.owner(acl.header("x-amz-grant-read", &grant)).await.is(200);
        world
    }

    pub async fn owner(&self, ask: Ask) -> Answer {
        self.by(&self.owner, ask).await
    }

    /// As the holder of that account's key.
    pub async fn by(&self, account: &NewAccount, ask: Ask) -> Answer {
        self.send(ask.request(Some(account))).await
    }

    /// One more key of the owner's, held back by that policy.
    pub async fn owners_key(&self, policy: &str) -> NewAccount {
        self.one_more_key(&self.owner, Some(policy.into())).await
    }

    /// One more key of that account's.
    pub async fn one_more_key(&self, of: &NewAccount, policy: Option<String>) -> NewAccount {
        let order = KeyOrder { account: of.email.clone(), policy, ..KeyOrder::default() };
        let made = self.store.execute(0, "test".into(), Command::KeyCreate(order)).await.unwrap();
        let Outcome::KeyCreated(NewKey { access_key_id, secret_access_key, .. }) = made else { panic!("no key") };
        NewAccount { access_key_id, secret_access_key, ..of.clone() }
    }

    pub async fn guest(&self, ask: Ask) -> Answer {
        self.send(ask.request(Some(&self.guest))).await
    }

    pub async fn anonymous(&self, ask: Ask) -> Answer {
        self.send(ask.request(None)).await
    }

    /// Sends the guest's request with a body that tells whether it was asked for.
    pub async fn guest_watched(&self, ask: Ask) -> (Answer, bool) {
        let polled = Arc::new(AtomicBool::new(false));
        let (parts, body) = ask.request(Some(&self.guest)).into_parts();
        let seen = polled.clone();
        let body = body.map_frame(move |frame| {
            seen.store(true, Ordering::Relaxed);
            frame
        });
        let answer = self.send(http::Request::from_parts(parts, body)).await;
        (answer, polled.load(Ordering::Relaxed))
    }

    async fn send<B>(&self, request: http::Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::fmt::Display + Send,
    {
        let received = Timestamp::from_seconds(NOW);
        let arrival = Arrival { request_id: "R1".into(), source: None, received, tls: None };
        let (parts, body) = self.service.handle(arrival, request).await.into_parts();
        let announced = http_body::Body::size_hint(&body).exact().unwrap();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(body.len() as u64, announced);
        assert_eq!(parts.headers["x-amz-request-id"], "R1");
        assert!(parts.headers.contains_key("x-amz-id-2"));
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }
}

async fn account(store: &Store, email: &str, guest: bool) -> NewAccount {
    let command = Command::AccountCreate { email: email.into(), display_name: None, guest };
    match store.execute(0, "test".into(), command).await.unwrap() {
        Outcome::AccountCreated(account) => account,
        _ => panic!("no account"),
    }
}
