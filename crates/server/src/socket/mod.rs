//! The operator's socket: `operator.sock` in the data directory, by which the commands on the server's own machine reach
//! the running server.
//!
//! Who may open it has full authority, so three things must agree before a byte is read: the directory is its owner's
//! alone (0700), so is the socket (0600), and the operating system says that the peer is the server's user or root.
//!
//! The talk: the server says who it is (or why it will not talk), the client sends one command, the server sends one
//! answer; each is one line of JSON. One command a connection, of bounded size, within a bounded time. To a command that
//! may take long the server says twice a second how far it is, and gives it up when nobody listens any more.
//!
//! Absent on purpose: a way to reach it over the network, passwords, a session.

mod client;
mod file;
mod server;

use std::future::Future;
use std::io;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use operations::Teller;

use crate::admin::{Command, Failure, Outcome, Progress};

pub(crate) use client::{Connection, connect};
pub(crate) use file::SocketFile;
pub(crate) use server::run;

/// Rises when an older client would misread what is said.
const PROTOCOL: u32 = 1;

/// Who executes what comes in.
pub(crate) trait Execute: Clone + Send + Sync + 'static {
    /// Does what the operator with that user id asks, and tells how far it is.
    fn execute(
        &self,
        uid: u32,
        command: Command,
        teller: Teller,
    ) -> impl Future<Output = Result<Outcome, Failure>> + Send;
}

/// What the server says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Hello {
    /// Send a command.
    Welcome(About),
    /// It will not talk; why, as one sentence.
    Refused(String),
}

/// What the server says to a command.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    /// It is not done yet.
    Progress(Progress),
    /// It is done.
    Ok(Box<Outcome>),
    /// It cannot be done.
    Err(Failure),
}

/// The server at the other end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    protocol: u32,
    /// Of the program.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// The S3 endpoint that clients are told: scheme, host and port.
    pub endpoint: String,
    pub region: String,
}

impl About {
    /// This process, which serves S3 at `endpoint`.
    pub(crate) fn this(endpoint: String, region: String) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        About { protocol: PROTOCOL, version, pid: std::process::id(), endpoint, region }
    }
}

/// Reads one line of at most `limit` bytes; an end before the line's is an error.
async fn read_line(stream: &mut (impl AsyncBufRead + Unpin), limit: u64) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    stream.take(limit).read_until(b'\n', &mut line).await?;
    match line.pop() {
        Some(b'\n') => Ok(line),
        Some(_) if line.len() as u64 + 1 == limit => Err(io::Error::new(io::ErrorKind::InvalidData, "line too long")),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn to_line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests;
