//! Bailiwick as what is measured: a process on a data directory, and requests signed with its owner's key.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use client::{Credentials, Method, Request, S3, Signature};
use serde_json::Value;

use crate::Outcome;
use crate::child::{Child, Setting};
use crate::counting::Count;
use crate::load::{Load, Shot, Until, once};
use crate::roles::Role;

/// How long a presigned URL here is valid, in seconds.
const VALID: i64 = 3600;

/// A server that runs.
pub(crate) struct Subject {
    /// Its process.
    pub child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its service, as the owner sees it.
    pub s3: S3,
    data: PathBuf,
}

impl Subject {
    /// Starts it on `data`, which need not exist, and waits until it listens.
    pub fn start(data: &Path, setting: Setting<'_>) -> Outcome<Subject> {
        Subject::start_with(data, &[], setting)
    }

    /// The same, with more words for its command line.
    pub fn start_with(data: &Path, more: &[&str], setting: Setting<'_>) -> Outcome<Subject> {
        let address = free_address()?;
        let child = Subject::spawn_with(data, more, address, setting)?;
        child.hear("data ")?;
        let s3 = S3::new(&format!("http://{address}"), "us-east-1", Some(owner_key(data)?))?;
        Ok(Subject { child, address, s3, data: data.to_owned() })
    }

    /// Starts it and waits for nothing.
    pub fn spawn(data: &Path, address: SocketAddr, setting: Setting<'_>) -> Outcome<Child> {
        Subject::spawn_with(data, &[], address, setting)
    }

    fn spawn_with(data: &Path, more: &[&str], address: SocketAddr, setting: Setting<'_>) -> Outcome<Child> {
        let address = address.to_string();
        let words = ["serve", "--owner-email", "owner@example.com", "--s3", &address];
        let words = words.iter().chain(more).chain(&["--data"]).map(|word| word.as_ref());
        let words: Vec<_> = words.chain([data.as_os_str()]).collect();
        Child::start(Role::Server, &words, setting)
    }

    /// A presigned GET of a place.
    pub fn presigned_get(&self, place: &str) -> Outcome<Shot> {
        self.presigned_get_by(&self.s3, place)
    }

    /// The same, by somebody else than the owner.
    pub fn presigned_get_by(&self, who: &S3, place: &str) -> Outcome<Shot> {
        self.presigned_get_for(who, place, VALID)
    }

    /// The same, good for so many seconds: another number makes another URL.
    pub fn presigned_get_for(&self, who: &S3, place: &str, seconds: i64) -> Outcome<Shot> {
        let request = Request::at_place(Method::GET, place).signature(Signature::QueryV4 { seconds });
        shot(who, &request, Bytes::new())
    }

    /// A GET signed in its header.
    pub fn get(&self, place: &str) -> Outcome<Shot> {
        shot(&self.s3, &Request::at_place(Method::GET, place), Bytes::new())
    }

    /// A PUT with the SHA-256 of its body signed, as clients send it over plain HTTP.
    pub fn put(&self, place: &str, body: &Bytes) -> Outcome<Shot> {
        shot(&self.s3, &Request::at_place(Method::PUT, place).bytes(body.clone()), body.clone())
    }

    /// Makes a bucket.
    pub fn make_bucket(&self, bucket: &str) -> Outcome<()> {
        once(self.address, &self.put(bucket, &Bytes::new())?).map(drop)
    }

    /// Puts the same body under many keys; no body makes buckets.
    pub fn fill(&self, places: impl IntoIterator<Item = String>, body: &Bytes) -> Outcome<()> {
        self.send(places.into_iter().map(|place| self.put(&place, body)).collect::<Outcome<Vec<_>>>()?)
    }

    /// Gives each bucket an ACL: READ for these accounts, by their canonical ids.
    pub fn grant<'a>(&self, buckets: impl IntoIterator<Item = (String, Vec<&'a str>)>) -> Outcome<()> {
        let accounts = self.ask(&["account", "list"])?;
        let is_owner = |account: &&Value| account["guest"] == false;
        let owner =
            accounts.as_array().and_then(|accounts| accounts.iter().find(is_owner)).ok_or("there is no owner")?;
        let owner = owner["canonical_id"].as_str().ok_or("the owner has no canonical id")?;
        let acl = |(bucket, readers): (String, Vec<&str>)| {
            let grant = |id: &str| {
                format!(
                    "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">\
                     <ID>{id}</ID></Grantee><Permission>READ</Permission></Grant>"
                )
            };
            let grants: String = readers.into_iter().map(grant).collect();
            let acl = format!(
                "<AccessControlPolicy><Owner><ID>{owner}</ID></Owner>\
                 <AccessControlList>{grants}</AccessControlList></AccessControlPolicy>"
            );
            self.put(&format!("{bucket}?acl"), &acl.into())
        };
        self.send(buckets.into_iter().map(acl).collect::<Outcome<Vec<_>>>()?)
    }

    /// A command of the operator's, and its answer in JSON.
    pub fn ask(&self, words: &[&str]) -> Outcome<Value> {
        let mut command = Command::new(std::env::current_exe()?);
        let ran = command.arg(Role::Server.word()).args(words).args(["--json", "--data"]).arg(&self.data).output()?;
        if !ran.status.success() {
            return Err(format!("`{}`: {}", words.join(" "), String::from_utf8_lossy(&ran.stderr)).into());
        }
        Ok(serde_json::from_slice(&ran.stdout)?)
    }

    /// The key in an answer that shows one.
    pub fn key_of(answer: &Value) -> Outcome<Credentials> {
        let text = |name: &str| answer[name].as_str().ok_or_else(|| format!("the answer has no {name}"));
        Ok(Credentials::new(text("access_key_id")?, text("secret_access_key")?))
    }

    /// What it has allocated, if it counts.
    pub fn count(&mut self) -> Outcome<Count> {
        self.child.say(b"count\n")?;
        let line = self.child.hear("count ")?;
        let (allocations, bytes) = line.split_once(' ').ok_or("a count without bytes")?;
        Ok(Count { allocations: allocations.parse()?, bytes: bytes.parse()? })
    }

    fn send(&self, shots: Vec<Shot>) -> Outcome<()> {
        let to = self.address;
        // A connection without a request would wait until the server closes it.
        let clients = shots.len().min(32);
        Load { to, shots: &shots, connections: clients, threads: clients, cores: &[], until: Until::Spent }
            .run()
            .map(drop)
    }
}

fn shot(who: &S3, request: &Request, body: Bytes) -> Outcome<Shot> {
    // HTTP/1.1 keeps a connection anyway; it is said so that the client's writer does not say the opposite.
    let prepared = who.prepare(&request.clone().unsigned_header("connection", "keep-alive"))?;
    let mut head = prepared.into_bytes();
    let end = head.windows(4).position(|four| four == b"\r\n\r\n").ok_or("a request without end of its head")?;
    head.truncate(end + 4);
    Ok(Shot { head, body, rest: Vec::new() })
}

/// An address of this machine on which nobody listens at the moment.
pub(crate) fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The owner's key, as the first start wrote it down.
fn owner_key(data: &Path) -> Outcome<Credentials> {
    let path: PathBuf = data.join("owner.credentials");
    let text = std::fs::read_to_string(&path)?;
    let value = |name: &str| -> Outcome<String> {
        let found = text.lines().filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == name);
        Ok(found.ok_or_else(|| format!("no {name} in {}", path.display()))?.1.trim().to_owned())
    };
    Ok(Credentials::new(value("aws_access_key_id")?, value("aws_secret_access_key")?))
}
