//! The program as a process.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use client::{Credentials, S3};
use parking_lot::Mutex;
use serde_json::Value;

use crate::{Account, OWNER, Place, REGION, Share};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a run that ended left behind.
#[derive(Debug)]
pub struct Ran {
    /// The exit status; -1 if a signal ended it.
    pub status: i32,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

/// How a program is started.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// Flags of `serve`, beside `--data`, `--s3` and `--owner-email`.
    pub flags: Vec<String>,
    /// Environment variables; no other `BAILIWICK_…` is passed on.
    pub env: Vec<(String, String)>,
    /// The data directory; one of its own unless given.
    pub data: Option<PathBuf>,
}

impl Launch {
    /// With these flags.
    pub fn with(flags: &[&str]) -> Self {
        Launch { flags: flags.iter().map(|flag| (*flag).to_owned()).collect(), ..Launch::default() }
    }

    /// And this environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// And this data directory.
    pub fn data(self, data: &Path) -> Self {
        Launch { data: Some(data.to_owned()), ..self }
    }
}

/// A server that runs on a port and a data directory of its own, until it is dropped.
#[derive(Debug)]
pub struct Program {
    binary: PathBuf,
    launch: Launch,
    data: PathBuf,
    child: Option<Child>,
    address: String,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<mpsc::Receiver<()>>,
    // After the child, so that the directory outlives it.
    _place: Option<Place>,
}

impl Program {
    /// Starts `binary` and waits until it listens.
    pub fn start(binary: impl Into<PathBuf>, launch: Launch) -> Program {
        let (place, data) = match &launch.data {
            Some(data) => (None, data.clone()),
            None => {
                let place = Place::new();
                let data = place.data.clone();
                (Some(place), data)
            }
        };
        let mut program = Program {
            binary: binary.into(),
            launch,
            data,
            child: None,
            address: String::new(),
            stdout: Arc::default(),
            stderr: Arc::default(),
            readers: Vec::new(),
            _place: place,
        };
        program.start_again();
        program
    }

    /// Starts it on the same directory after it ended. It gets another port: handles must be asked for anew.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let mut command = self.command();
        command.args(["serve", "--s3", "127.0.0.1:0", "--owner-email", OWNER, "--data"]).arg(&self.data);
        command.args(&self.launch.flags).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stderr = child.stderr.take().expect("it is piped");
        let stdout = child.stdout.take().expect("it is piped");
        self.child = Some(child);
        let (listens, started) = mpsc::channel();
        self.readers = vec![
            keep(stderr, self.stderr.clone(), |_| {}),
            keep(stdout, self.stdout.clone(), move |line| {
                let _ = listens.send(line.to_owned());
            }),
        ];
        // It says where its data is when it listens; before, at which address.
        let begun = Instant::now();
        loop {
            match started.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
                Ok(line) if line.starts_with("S3 ") => {
                    let after = line.split("://").nth(1).expect("an address follows");
                    self.address = after.split_whitespace().next().expect("an address follows").to_owned();
                }
                Ok(line) if line.starts_with("data ") => return,
                Ok(_) => {}
                Err(_) => {
                    self.kill();
                    panic!("it did not start: {}{}", self.stdout(), self.stderr());
                }
            }
        }
    }

    /// The binary, with no configuration from the environment of the test run but what the launch gives.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BAILIWICK_")) {
            command.env_remove(name);
        }
        command.envs(self.launch.env.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        command
    }

    /// Runs one of its commands on the data directory, to its end.
    pub fn run(&self, words: &[&str]) -> Ran {
        let mut command = self.command();
        command.args(words).arg("--data").arg(&self.data).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = [
            keep(child.stdout.take().expect("it is piped"), Arc::clone(&stdout), |_| {}),
            keep(child.stderr.take().expect("it is piped"), Arc::clone(&stderr), |_| {}),
        ];
        let status = wait(&mut child).unwrap_or_else(|| {
            let _ = child.kill();
            panic!("it did not end: {words:?}");
        });
        readers.iter().for_each(finished);
        let text = |text: &Arc<Mutex<String>>| text.lock().clone();
        Ran { status: status.code().unwrap_or(-1), stdout: text(&stdout), stderr: text(&stderr) }
    }

    /// Runs one of its commands with `--json`; it must succeed.
    pub fn json(&self, words: &[&str]) -> Value {
        let ran = self.run(&[words, &["--json"]].concat());
        assert_eq!(ran.status, 0, "{words:?}: {}{}", ran.stderr, ran.stdout);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}: {}", ran.stdout))
    }

    /// Host and port of S3.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// All that it wrote to stdout until now, in all its runs.
    pub fn stdout(&self) -> String {
        self.stdout.lock().clone()
    }

    /// All that it wrote to stderr until now, in all its runs.
    pub fn stderr(&self) -> String {
        self.stderr.lock().clone()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|ended| ended.is_none()))
    }

    /// Sends it the signal of that name, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} could not be sent");
    }

    /// Ends it where it stands (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            self.readers.iter().for_each(finished);
        }
    }

    /// Lets it end in good order (SIGTERM); its exit status.
    pub fn stop(&mut self) -> i32 {
        self.signal("TERM");
        let mut child = self.child.take().expect("it runs");
        let status = wait(&mut child).unwrap_or_else(|| {
            let _ = child.kill();
            panic!("it did not end: {}", self.stderr());
        });
        self.readers.iter().for_each(finished);
        status.code().unwrap_or(-1)
    }

    /// The owner's key, as the first start wrote it down.
    pub fn owner_key(&self) -> Credentials {
        let path = self.data.join("owner.credentials");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='));
            line.unwrap_or_else(|| panic!("no {name} in {}", path.display())).trim().to_owned()
        };
        Credentials::new(value("aws_access_key_id"), value("aws_secret_access_key"))
    }

    /// The service as the owner sees it.
    pub fn owner(&self) -> S3 {
        self.s3(&self.owner_key())
    }

    /// The service as that key sees it.
    pub fn s3(&self, key: &Credentials) -> S3 {
        self.anonymous().with_key(key.clone())
    }

    /// The service as nobody sees it.
    pub fn anonymous(&self) -> S3 {
        S3::new(&format!("http://{}", self.address), REGION, None).expect("the endpoint of this server")
    }

    /// A new account that may own buckets.
    pub fn account(&self, email: &str) -> Account {
        self.new_account(&self.json(&["account", "create", email]))
    }

    /// A new account that may own nothing.
    pub fn guest(&self, email: &str) -> Account {
        self.new_account(&self.json(&["account", "create", email, "--guest"]))
    }

    fn new_account(&self, new: &Value) -> Account {
        let key = key_of(new);
        let s3 = self.s3(&key);
        let guest = new["guest"].as_bool().expect("guest is a truth value");
        let [email, account_id, canonical_id] = ["email", "account_id", "canonical_id"].map(|name| text(new, name));
        Account { email, account_id, canonical_id, guest, key, s3 }
    }

    /// One more key for an account.
    pub fn key(&self, account: &str) -> Credentials {
        key_of(&self.json(&["key", "create", account]))
    }

    /// A new bucket of the owner's.
    pub fn bucket(&self, name: &str) {
        self.json(&["bucket", "create", name]);
    }

    /// A new bucket of that account's.
    pub fn bucket_of(&self, name: &str, owner: &str) {
        self.json(&["bucket", "create", name, "--owner", owner]);
    }

    /// A new share of a bucket.
    pub fn share(&self, bucket: &str, with: &str, preset: &str) -> Share {
        let new = self.json(&["share", bucket, "--with", with, "--preset", preset]);
        let key = key_of(&new);
        let s3 = self.s3(&key);
        let [share_id, bucket, preset, email] = ["share_id", "bucket", "preset", "email"].map(|name| text(&new, name));
        Share { share_id, bucket, preset, email, key, s3 }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name}")).to_owned()
}

fn key_of(value: &Value) -> Credentials {
    Credentials::new(text(value, "access_key_id"), text(value, "secret_access_key"))
}

/// Appends what comes to `text`, line by line, and shows each line; says when there is no more.
fn keep(
    from: impl Read + Send + 'static,
    text: Arc<Mutex<String>>,
    mut show: impl FnMut(&str) + Send + 'static,
) -> mpsc::Receiver<()> {
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let said = String::from_utf8_lossy(&line).into_owned();
            text.lock().push_str(&said);
            show(&said);
            line.clear();
        }
        drop(done);
    });
    finished
}

/// Waits until all was read.
fn finished(reader: &mpsc::Receiver<()>) {
    let _ = reader.recv_timeout(PATIENCE);
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    None
}
