//! The stores that are compared: ours, and the peers that this machine has.
//!
//! Each is a process on a directory of its own on the same disk, in its documented default configuration for one machine.
//! To the load they are an address, a key pair and nothing else: what is sent to one is sent to all.
//!
//! Absent on purpose: installing them, which is `cargo xtask bench`'s work.

mod foreign;
mod garage;
mod nginx;
mod seaweed;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use client::{Credentials, Method, Request, S3};

use self::foreign::Foreign;
pub(crate) use self::foreign::found;
pub(crate) use self::nginx::FILES;
use crate::child::Setting;
use crate::load::{Answer, Shot, ask};
use crate::options::Options;
use crate::subject::Subject;
use crate::{Outcome, process};

/// How long a store may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which store, and how it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Ours: what it acknowledged is on disk.
    Ours,
    /// Ours, `--durability relaxed`.
    OursRelaxed,
    /// SeaweedFS.
    Seaweed,
    /// Garage.
    Garage,
    /// Garage, told to sync before it answers.
    GarageSynced,
    /// nginx over plain files: no store, but the limit for reads.
    Nginx,
}

impl Kind {
    /// All of them, in the order of the tables.
    pub const ALL: [Kind; 6] =
        [Kind::Ours, Kind::OursRelaxed, Kind::Seaweed, Kind::Garage, Kind::GarageSynced, Kind::Nginx];

    /// As it is called in tables.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ours => "Bailiwick",
            Kind::OursRelaxed => "Bailiwick, relaxed",
            Kind::Seaweed => "SeaweedFS",
            Kind::Garage => "Garage",
            Kind::GarageSynced => "Garage, with fsync",
            Kind::Nginx => "nginx",
        }
    }

    /// Whether it is a peer as it comes: what our figures are put in relation to.
    pub fn is_peer(self) -> bool {
        matches!(self, Kind::Seaweed | Kind::Garage)
    }
}

/// A store that runs.
pub(crate) struct Store {
    /// Which.
    pub kind: Kind,
    /// What it says its version is.
    pub version: String,
    /// How it is set, for people.
    pub setting: String,
    /// Where it is spoken to.
    pub door: Door,
    /// Where everything of it lies.
    pub data: PathBuf,
    process: Process,
}

enum Process {
    Ours(Box<Subject>),
    Foreign(Foreign),
}

impl Store {
    /// Starts it in `data`, and waits until it answers. The error says why there is none.
    pub fn start(kind: Kind, options: &Options, data: &Path) -> Outcome<Store> {
        match kind {
            Kind::Ours => Store::ours(kind, data, &[]),
            Kind::OursRelaxed => Store::ours(kind, data, &["--durability", "relaxed"]),
            Kind::Seaweed => seaweed::start(&found(options, "weed")?, data),
            Kind::Garage | Kind::GarageSynced => garage::start(&found(options, "garage")?, data, kind),
            Kind::Nginx => nginx::start(&found(options, "nginx")?, data),
        }
    }

    fn ours(kind: Kind, data: &Path, words: &[&str]) -> Outcome<Store> {
        let subject = Subject::start_with(data, words, Setting::default())?;
        let setting = if words.is_empty() { "as it comes".to_owned() } else { format!("`{}`", words.join(" ")) };
        Ok(Store {
            kind,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            setting,
            door: Door { to: subject.address, s3: subject.s3.clone() },
            data: data.to_owned(),
            process: Process::Ours(Box::new(subject)),
        })
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(self) -> Outcome<()> {
        match self.process {
            Process::Ours(subject) => subject.child.stop(),
            // It ends so when it is dropped.
            Process::Foreign(_) => Ok(()),
        }
    }

    /// Ours, if it is.
    pub fn subject(&self) -> Option<&Subject> {
        match &self.process {
            Process::Ours(subject) => Some(subject),
            Process::Foreign(_) => None,
        }
    }

    /// The processes that it consists of.
    pub fn pids(&self) -> Vec<u32> {
        let first = match &self.process {
            Process::Ours(subject) => subject.child.pid(),
            Process::Foreign(foreign) => foreign.pid(),
        };
        process::family(first)
    }
}

/// Where a store is spoken to, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// Where it listens.
    pub to: SocketAddr,
    /// As its owner sees it; without a key where it takes none.
    s3: S3,
}

impl Door {
    fn new(to: SocketAddr, key: Option<Credentials>) -> Outcome<Door> {
        Ok(Door { to, s3: S3::new(&format!("http://{to}"), "us-east-1", key)? })
    }

    /// A request without a body, signed.
    pub fn shot(&self, method: Method, place: &str) -> Outcome<Shot> {
        self.shot_with(method, place, 0)
    }

    /// The head of a request whose body, of that many bytes, the caller puts behind it. The body is not signed.
    pub fn shot_with(&self, method: Method, place: &str, length: u64) -> Outcome<Shot> {
        let takes_body = method == Method::PUT || method == Method::POST;
        let mut request = Request::at_place(method, place).unsigned_header("connection", "keep-alive");
        if takes_body {
            request = request.header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
            request = request.override_header("content-length", Some(&length.to_string()));
        }
        Ok(Shot { head: self.s3.prepare(&request)?.into_bytes(), ..Shot::default() })
    }

    /// A request with a body that is there.
    pub fn shot_of(&self, method: Method, place: &str, body: Bytes) -> Outcome<Shot> {
        Ok(Shot { body: body.clone(), ..self.shot_with(method, place, body.len() as u64)? })
    }

    /// Sends a request without a body on a connection of its own.
    pub fn ask(&self, method: Method, place: &str) -> Outcome<Answer> {
        ask(self.to, &self.shot(method, place)?)
    }

    /// So many bytes of an object from that one on.
    pub fn ask_part(&self, place: &str, from: u64, length: u64) -> Outcome<Answer> {
        let range = format!("bytes={from}-{}", from + length - 1);
        let request = Request::at_place(Method::GET, place).header("range", range);
        ask(self.to, &Shot { head: self.s3.prepare(&request)?.into_bytes(), ..Shot::default() })
    }
}
