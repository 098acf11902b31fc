//! Bailiwick as what is measured: a process on a data directory, and requests signed with its owner's key.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use client::{Credentials, Method, Request, S3, Signature};

use crate::Outcome;
use crate::child::{Child, Setting};
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
}

impl Subject {
    /// Starts it on `data`, which need not exist, and waits until it listens.
    pub fn start(data: &Path, setting: Setting<'_>) -> Outcome<Subject> {
        let address = free_address()?;
        let child = Subject::spawn(data, address, setting)?;
        child.hear("data ")?;
        let s3 = S3::new(&format!("http://{address}"), "us-east-1", Some(owner_key(data)?))?;
        Ok(Subject { child, address, s3 })
    }

    /// Starts it and waits for nothing.
    pub fn spawn(data: &Path, address: SocketAddr, setting: Setting<'_>) -> Outcome<Child> {
        let address = address.to_string();
        let words = ["serve", "--owner-email", "owner@example.com", "--s3", &address, "--data"];
        let words: Vec<_> = words.iter().map(|word| word.as_ref()).chain([data.as_os_str()]).collect();
        Child::start(Role::Server, &words, setting)
    }

    /// A presigned GET of a place.
    pub fn presigned_get(&self, place: &str) -> Outcome<Shot> {
        let request = Request::at_place(Method::GET, place).signature(Signature::QueryV4 { seconds: VALID });
        self.shot(&request, Bytes::new())
    }

    /// A GET signed in its header.
    pub fn get(&self, place: &str) -> Outcome<Shot> {
        self.shot(&Request::at_place(Method::GET, place), Bytes::new())
    }

    /// A PUT with the SHA-256 of its body signed, as clients send it over plain HTTP.
    pub fn put(&self, place: &str, body: &Bytes) -> Outcome<Shot> {
        self.shot(&Request::at_place(Method::PUT, place).bytes(body.clone()), body.clone())
    }

    fn shot(&self, request: &Request, body: Bytes) -> Outcome<Shot> {
        // HTTP/1.1 keeps a connection anyway; it is said so that the client's writer does not say the opposite.
        let prepared = self.s3.prepare(&request.clone().unsigned_header("connection", "keep-alive"))?;
        let mut head = prepared.into_bytes();
        let end = head.windows(4).position(|four| four == b"\r\n\r\n").ok_or("a request without end of its head")?;
        head.truncate(end + 4);
        Ok(Shot { head, body })
    }

    /// Makes a bucket.
    pub fn make_bucket(&self, bucket: &str) -> Outcome<()> {
        once(self.address, &self.put(bucket, &Bytes::new())?).map(drop)
    }

    /// Puts the same body under many keys.
    pub fn fill(&self, places: impl IntoIterator<Item = String>, body: &Bytes) -> Outcome<()> {
        let shots = places.into_iter().map(|place| self.put(&place, body)).collect::<Outcome<Vec<_>>>()?;
        let to = self.address;
        Load { to, shots: &shots, connections: 32, threads: 32, cores: &[], until: Until::Spent }.run().map(drop)
    }
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
