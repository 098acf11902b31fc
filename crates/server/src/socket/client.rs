//! The command's side of the operator's socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::{About, Hello, PROTOCOL, Said, file, read_line, to_line};
use crate::admin::{Command, Failure, Outcome, Progress};
use crate::complaint::Complaint;

/// The longest answer: all keys of some hundred thousand accounts.
const ANSWER_BYTES: u64 = 256 * 1024 * 1024;
/// For the server to say who it is.
const GREETING: Duration = Duration::from_secs(10);
/// For the server to answer; more than its slowest report should ever take.
const ANSWER: Duration = Duration::from_secs(600);

/// A server that listens to us.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<UnixStream>,
    dir: PathBuf,
    about: About,
}

/// Reaches the server of the data directory `dir`; `None` where none runs.
pub(crate) async fn connect(dir: &Path) -> Result<Option<Connection>, Complaint> {
    let stream = match file::connect(dir).await {
        Ok(stream) => stream,
        Err(error) => {
            return match error.kind() {
                // Never made; or left behind by a server that was killed.
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::ConnectionRefused => Ok(None),
                io::ErrorKind::PermissionDenied => Err(Complaint::failed(
                    format!("the data directory {} belongs to another user", dir.display()),
                    "Run this as the user that the server runs as, or as root.",
                )),
                _ => Err(unreachable(dir, &error)),
            };
        }
    };
    let mut stream = BufReader::new(stream);
    let greeting = tokio::time::timeout(GREETING, read_line(&mut stream, ANSWER_BYTES)).await;
    let hello = match greeting.map_err(io::Error::from).and_then(|line| line) {
        // It takes its socket away when it stops; who was still in the queue is not served.
        Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
            return Ok(None);
        }
        line => line.and_then(|line| Ok(serde_json::from_slice(&line)?)).map_err(|error| unreachable(dir, &error))?,
    };
    match hello {
        Hello::Refused(reason) => Err(Complaint::failed(reason, "Run this as one of them.")),
        Hello::Welcome(about) if about.protocol != PROTOCOL => Err(Complaint::failed(
            format!("the server of {} is bailiwick {}, another version", dir.display(), about.version),
            "Use the bailiwick of that version, or restart the server with this one.",
        )),
        Hello::Welcome(about) => Ok(Some(Connection { stream, dir: dir.into(), about })),
    }
}

impl Connection {
    /// Who answers.
    pub(crate) fn about(&self) -> &About {
        &self.about
    }

    /// Sends `command` and waits for what the store says to it; what it says before goes to `show`.
    pub(crate) async fn ask(
        mut self,
        command: &Command,
        mut show: impl FnMut(&Progress),
    ) -> Result<Result<Outcome, Failure>, Complaint> {
        let begun = async {
            self.stream.write_all(&to_line(command)?).await?;
            self.stream.flush().await
        };
        let mut told = tokio::time::timeout(ANSWER, begun).await.map_err(io::Error::from).and_then(|begun| begun);
        loop {
            let said = match told {
                Ok(()) => {
                    let line = tokio::time::timeout(ANSWER, read_line(&mut self.stream, ANSWER_BYTES)).await;
                    line.map_err(io::Error::from).and_then(|line| Ok(serde_json::from_slice(&line?)?))
                }
                Err(error) => Err(error),
            };
            match said {
                Ok(Said::Progress(progress)) => show(&progress),
                Ok(Said::Ok(outcome)) => return Ok(Ok(*outcome)),
                Ok(Said::Err(failure)) => return Ok(Err(failure)),
                Err(error) => {
                    return Err(Complaint::failed(
                        format!("the server of {} gave no answer: {error}", self.dir.display()),
                        "It may have done what was asked: look before you ask again.",
                    ));
                }
            }
            told = Ok(());
        }
    }
}

fn unreachable(dir: &Path, error: &io::Error) -> Complaint {
    Complaint::failed(
        format!("the server of {} cannot be reached at its operator's socket: {error}", dir.display()),
        "See that the server is well, or restart it.",
    )
}
