//! Where a data directory's store is to be had: from the server that has it open, or by opening it.
//!
//! The store's lock decides. Between two processes there are moments when one has the lock and nobody answers (a server
//! that starts or drains, a command that runs without a server), so a store in use is asked for again for a while.

use std::pin::pin;
use std::time::{Duration, Instant};

use operations::Teller;
use tokio::sync::watch;

use crate::admin::{Command, Failure, FailureKind, Outcome, Progress};
use crate::cli::{Common, ServeFlags};
use crate::complaint::{Cause, Complaint};
use crate::engine::{self, Engine};
use crate::socket::{self, Connection, Execute};

/// How long another process may have the store without answering.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);
/// How often it is shown how far something is.
const SHOW: Duration = Duration::from_millis(200);

/// The store, or who has it.
pub(crate) enum Place {
    /// A server runs.
    Server(Connection),
    /// None did; it is ours now. With whether it was made just now.
    Store(Engine, bool),
}

/// Opens the store of `common.data`, unless a server has it.
pub(crate) async fn open(common: &Common, flags: &ServeFlags) -> Result<Place, Complaint> {
    let begun = Instant::now();
    loop {
        match Engine::open(common, flags).await {
            Ok((engine, fresh)) => return Ok(Place::Store(engine, fresh)),
            Err(complaint) if complaint.cause == Cause::StoreInUse => {
                if let Some(server) = socket::connect(&common.data).await? {
                    return Ok(Place::Server(server));
                }
                if begun.elapsed() > PATIENCE {
                    return Err(complaint);
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(complaint) => return Err(complaint),
        }
    }
}

/// Finds a store that exists: a command never makes one in a directory that was typed wrongly.
pub(crate) async fn find(
    common: &Common,
    flags: impl FnOnce() -> Result<ServeFlags, Complaint>,
) -> Result<Place, Complaint> {
    if let Some(server) = socket::connect(&common.data).await? {
        return Ok(Place::Server(server));
    }
    if !engine::holds_store(&common.data) {
        return Err(Complaint::failed(
            format!("there is no store in {}", common.data.display()),
            "Name the data directory with --data, or make a store there with `bailiwick serve`.",
        ));
    }
    open(common, &flags()?).await
}

impl Place {
    /// Has `command` executed there, as this process's user; how far it is goes to `show`, now and then.
    pub(crate) async fn ask(self, command: Command, mut show: impl FnMut(&Progress)) -> Result<Outcome, Complaint> {
        let answer = match self {
            Place::Server(server) => server.ask(&command, show).await?,
            Place::Store(engine, _) => {
                let (sender, progress) = watch::channel(Progress::default());
                let uid = rustix::process::geteuid().as_raw();
                let answer = {
                    let mut work = pin!(engine.execute(uid, command, Teller::new(sender)));
                    loop {
                        tokio::select! {
                            answer = &mut work => break answer,
                            () = tokio::time::sleep(SHOW) => show(&progress.borrow()),
                        }
                    }
                };
                engine.drain().await;
                answer
            }
        };
        answer.map_err(complaint)
    }
}

/// What a person is told of a failure.
pub(crate) fn complaint(failure: Failure) -> Complaint {
    match failure.kind {
        FailureKind::Invalid => Complaint::usage(failure.message, failure.remedy),
        FailureKind::NotFound | FailureKind::Conflict | FailureKind::Unavailable => {
            Complaint::failed(failure.message, failure.remedy)
        }
    }
}
