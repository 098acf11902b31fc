//! Both sides of the operator's socket, talking to each other.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::admin::{FailureKind, StatusView};

/// How often something that takes long was given up.
static GIVEN_UP: AtomicUsize = AtomicUsize::new(0);

struct GivenUp;

impl Drop for GivenUp {
    fn drop(&mut self) {
        GIVEN_UP.fetch_add(1, Ordering::SeqCst);
    }
}

/// Knows two answers, and says by which uid it was asked.
#[derive(Clone)]
struct Oracle;

impl Execute for Oracle {
    async fn execute(&self, uid: u32, command: Command, teller: Teller) -> Result<Outcome, Failure> {
        match command {
            Command::Status => {
                let version = format!("asked by {uid}");
                Ok(Outcome::Status(StatusView { version, ..StatusView::default() }))
            }
            // Never done: only given up.
            Command::Compact => {
                let _given_up = GivenUp;
                teller.begin("turning", "turns", Some(7));
                std::future::pending().await
            }
            Command::BucketList => {
                tokio::time::sleep(Duration::from_millis(200)).await;
                Ok(Outcome::Buckets(Vec::new()))
            }
            _ => {
                Err(Failure { kind: FailureKind::NotFound, message: "no such thing".into(), remedy: "Make it.".into() })
            }
        }
    }
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn start(dir: &Path) -> Running {
    let socket = SocketFile::bind(dir).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let about = About::this("http://127.0.0.1:9000".into(), "us-east-1".into());
    let task = tokio::spawn(run(socket, about, Oracle, async {
        let _ = stopped.await;
    }));
    Running { stop, task }
}

async fn ask(dir: &Path, command: Command) -> Result<Outcome, Failure> {
    connect(dir).await.unwrap().expect("a server").ask(&command, |_| {}).await.unwrap()
}

#[tokio::test]
async fn a_command_goes_in_and_its_outcome_or_failure_comes_out() {
    let dir = tempfile::tempdir().unwrap();
    let _running = start(dir.path());
    let uid = rustix::process::geteuid().as_raw();
    match ask(dir.path(), Command::Status).await {
        Ok(Outcome::Status(status)) => assert_eq!(status.version, format!("asked by {uid}")),
        other => panic!("{other:?}"),
    }
    assert_eq!(ask(dir.path(), Command::AccountList).await.unwrap_err().kind, FailureKind::NotFound);
    let about = connect(dir.path()).await.unwrap().unwrap().about().clone();
    assert_eq!((about.pid, about.region.as_str()), (std::process::id(), "us-east-1"));
}

#[tokio::test]
async fn directory_and_socket_are_their_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let _running = start(dir.path());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(dir.path()), 0o700);
    assert_eq!(mode(&dir.path().join("operator.sock")), 0o600);
}

#[test]
fn only_the_servers_user_and_root_may_command_it() {
    assert!(server::refusal(1000, 1000).is_none());
    assert!(server::refusal(0, 1000).is_none());
    assert!(server::refusal(1001, 1000).unwrap().contains("1000"));
    assert!(server::refusal(1000, 0).is_some());
}

#[tokio::test]
async fn a_long_data_path_works() {
    let dir = tempfile::tempdir().unwrap();
    let long = dir.path().join("d".repeat(120)).join("e".repeat(120));
    std::fs::create_dir_all(&long).unwrap();
    let _running = start(&long);
    assert!(ask(&long, Command::Status).await.is_ok());
}

#[tokio::test]
async fn where_no_server_runs_nobody_answers_even_if_a_killed_one_left_its_socket() {
    let dir = tempfile::tempdir().unwrap();
    assert!(connect(dir.path()).await.unwrap().is_none());
    assert!(connect(&dir.path().join("missing")).await.unwrap().is_none());
    drop(std::os::unix::net::UnixListener::bind(dir.path().join("operator.sock")).unwrap());
    assert!(connect(dir.path()).await.unwrap().is_none());
    let _running = start(dir.path());
    assert!(ask(dir.path(), Command::Status).await.is_ok());
}

#[tokio::test]
async fn stopping_takes_the_socket_away_and_finishes_what_was_begun() {
    let dir = tempfile::tempdir().unwrap();
    let running = start(dir.path());
    let path = dir.path().to_owned();
    let slow = tokio::spawn(async move { ask(&path, Command::BucketList).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    running.stop.send(()).unwrap();
    assert!(slow.await.unwrap().is_ok());
    running.task.await.unwrap();
    assert!(!dir.path().join("operator.sock").exists());
}

#[tokio::test]
async fn what_is_no_command_is_an_answerable_mistake_and_too_long_a_line_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let _running = start(dir.path());
    let socket = dir.path().join("operator.sock");
    let mut stream = UnixStream::connect(&socket).await.unwrap();
    stream.write_all(b"{\"command\":\"fly\"}\n").await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.contains("does not know this command"), "{said}");

    let mut stream = UnixStream::connect(&socket).await.unwrap();
    let _ = stream.write_all(&vec![b' '; 100_000]).await;
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    assert!(said.iter().filter(|b| **b == b'\n').count() <= 1);
    assert!(ask(dir.path(), Command::Status).await.is_ok());
}

#[tokio::test]
async fn what_takes_long_says_how_far_it_is_and_is_given_up_when_nobody_waits_or_the_server_stops() {
    let dir = tempfile::tempdir().unwrap();
    let running = start(dir.path());
    let connection = connect(dir.path()).await.unwrap().unwrap();
    let told = std::sync::Mutex::new(vec![]);
    let asked = connection.ask(&Command::Compact, |progress| told.lock().unwrap().push(progress.clone()));
    assert!(tokio::time::timeout(Duration::from_millis(1200), asked).await.is_err());
    let told = told.into_inner().unwrap();
    assert!(told.iter().any(|progress| progress.doing == "turning" && progress.of == Some(7)), "{told:?}");
    let begun = std::time::Instant::now();
    while GIVEN_UP.load(Ordering::SeqCst) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let path = dir.path().to_owned();
    let waits = tokio::spawn(async move { ask(&path, Command::Compact).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop.send(()).unwrap();
    let failure = waits.await.unwrap().unwrap_err();
    assert!(failure.message.contains("stopping"), "{failure:?}");
    running.task.await.unwrap();
    assert_eq!(GIVEN_UP.load(Ordering::SeqCst), 2);
}
