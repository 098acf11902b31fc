//! The program under test: run to its end, or run as a server until it is dropped.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, with no configuration from the environment of the test run.
pub fn bailiwick() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bailiwick"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BAILIWICK_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// What a run that ended left behind.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The answer of a run with `--json`.
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.status, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that it ended with `status` and one line on stderr that names each of `named`.
    pub fn complains(&self, status: i32, named: &[&str]) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        for name in named {
            assert!(self.stderr.contains(name), "{name} is not named: {self:?}");
        }
    }
}

/// Runs it to its end on a data directory.
pub fn run(data: &Path, words: &[&str]) -> Ran {
    finish(bailiwick().args(words).arg("--data").arg(data))
}

/// Runs any command to its end; one that does not end is killed, and the test fails.
pub fn finish(command: &mut Command) -> Ran {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = read(child.stdout.take().unwrap());
    let stderr = read(child.stderr.take().unwrap());
    let status = wait(&mut child).unwrap_or_else(|| {
        child.kill().unwrap();
        panic!("it did not end: {command:?}");
    });
    let text = |receiver: mpsc::Receiver<String>| receiver.recv().unwrap();
    Ran { status: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}

fn read(mut from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = from.read_to_string(&mut text);
        let _ = sender.send(text);
    });
    receiver
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// A server that runs on a port of its own.
pub struct Server {
    child: Child,
    pub said: String,
    /// Host and port of S3.
    pub address: String,
    stderr: Option<mpsc::Receiver<String>>,
}

impl Server {
    pub fn start(data: &Path, words: &[&str]) -> Server {
        let mut command = bailiwick();
        command.arg("serve").arg("--data").arg(data);
        if !words.contains(&"--s3") {
            command.args(["--s3", "127.0.0.1:0"]);
        }
        Server::spawn(command.args(words))
    }

    /// Starts `command`, and waits until it has said where its data is: then it listens.
    pub fn spawn(command: &mut Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = read(child.stderr.take().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        loop {
            let Some(Ok(line)) = lines.next() else {
                let _ = child.wait();
                panic!("it did not start: {said}{}", stderr.recv().unwrap());
            };
            said.push_str(&line);
            said.push('\n');
            if line.starts_with("data ") {
                break;
            }
        }
        // What it says later is read, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        let after = said.split("://").nth(1).unwrap();
        let address = after.split_whitespace().next().unwrap().to_owned();
        Server { child, said, address, stderr: Some(stderr) }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends the signal of that name.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the end; the exit status and what was on stderr.
    pub fn ended(mut self) -> (i32, String) {
        let status = wait(&mut self.child).expect("it did not end");
        (status.code().unwrap_or(-1), self.stderr.take().unwrap().recv().unwrap())
    }

    pub fn stop(self) -> (i32, String) {
        self.signal("TERM");
        self.ended()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory that is removed at the end, and a path in it that does not exist yet.
pub struct Place {
    pub dir: tempfile::TempDir,
    pub data: PathBuf,
}

pub fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    Place { dir, data }
}

/// All files below `dir` with their bytes, in order; a socket has none.
pub fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                left.push(entry.path());
            } else {
                found.push((entry.path(), std::fs::read(entry.path()).unwrap_or_default()));
            }
        }
    }
    found.sort();
    found
}

pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.starts_with(b"0\n")
}
