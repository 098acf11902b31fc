//! The server's side of the operator's socket.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use operations::Teller;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::{About, Execute, Hello, Said, SocketFile, read_line, to_line};
use crate::admin::{Command, Failure, FailureKind, Progress};

/// Operators at a time; the next one waits.
const CONNECTIONS: usize = 32;
/// The longest command; the longest honest one has an e-mail address and a display name in it.
const COMMAND_BYTES: u64 = 64 * 1024;
/// How often it is said how far something is; by that it is noticed, too, that nobody waits for it any more.
const TELL: Duration = Duration::from_millis(500);
/// For the client to send its command, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers operators until `stop` is ready; then takes the socket away and finishes what was begun.
pub(crate) async fn run(socket: SocketFile, about: About, store: impl Execute, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut talks = JoinSet::new();
    let (ends, ending) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (socket.accept().await, place)
        };
        tokio::select! {
            () = &mut stop => break,
            Some(_) = talks.join_next() => {}
            (accepted, place) = next => match accepted {
                Ok(stream) => {
                    let (about, store, ending) = (about.clone(), store.clone(), ending.clone());
                    talks.spawn(async move {
                        let _place = place;
                        if let Err(error) = talk(stream, about, store, ending).await {
                            tracing::debug!(%error, "a talk at the operator's socket ended early");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the operator's socket could not accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
    drop(socket);
    let _ = ends.send(true);
    while talks.join_next().await.is_some() {}
}

async fn talk(stream: UnixStream, about: About, store: impl Execute, ending: watch::Receiver<bool>) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let mut stream = BufReader::new(stream);
    if let Some(reason) = refusal(uid, rustix::process::geteuid().as_raw()) {
        tracing::warn!(uid, "another user was refused at the operator's socket");
        return send(&mut stream, &Hello::Refused(reason)).await;
    }
    send(&mut stream, &Hello::Welcome(about)).await?;
    let line = tokio::time::timeout(PATIENCE, read_line(&mut stream, COMMAND_BYTES)).await??;
    let answer = match serde_json::from_slice::<Command>(&line) {
        Ok(command) if command.is_long() => return long(&mut stream, store, (uid, command), ending).await,
        Ok(command) => store.execute(uid, command, Teller::default()).await,
        Err(error) => Err(Failure {
            kind: FailureKind::Invalid,
            message: format!("the server does not know this command ({error})"),
            remedy: "Use the bailiwick of the server's version.".to_owned(),
        }),
    };
    send(&mut stream, &answer).await
}

/// Does what may take long, for as long as somebody waits for it and the server goes on.
async fn long(
    stream: &mut BufReader<UnixStream>,
    store: impl Execute,
    (uid, command): (u32, Command),
    mut ending: watch::Receiver<bool>,
) -> io::Result<()> {
    let (sender, progress) = watch::channel(Progress::default());
    let mut work = pin!(store.execute(uid, command, Teller::new(sender)));
    let answer = loop {
        tokio::select! {
            answer = &mut work => break answer,
            () = told(&mut ending) => break Err(Failure {
                kind: FailureKind::Unavailable,
                message: "the server is stopping".to_owned(),
                remedy: "Ask again when it runs: what was done so far is of use then.".to_owned(),
            }),
            () = tokio::time::sleep(TELL) => {
                let now = progress.borrow().clone();
                send(stream, &Said::Progress(now)).await?;
            }
        }
    };
    let said = match answer {
        Ok(outcome) => Said::Ok(outcome.into()),
        Err(failure) => Said::Err(failure),
    };
    send(stream, &said).await
}

async fn told(ending: &mut watch::Receiver<bool>) {
    // An error means that nobody can say it any more, which is the same.
    let _ = ending.wait_for(|ending| *ending).await;
}

/// Why the user with that id may not command a server that runs as `ours`.
pub(super) fn refusal(uid: u32, ours: u32) -> Option<String> {
    let may = uid == ours || uid == 0;
    (!may).then(|| format!("the server runs as user id {ours} and takes commands from that user and root only"))
}

async fn send(stream: &mut BufReader<UnixStream>, value: &impl serde::Serialize) -> io::Result<()> {
    let line = to_line(value)?;
    tokio::time::timeout(PATIENCE, async {
        stream.write_all(&line).await?;
        stream.flush().await
    })
    .await?
}
