//! A server of one's own: on a free port, with a new data directory, stopped when it is no longer used.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Failure, Program, Ran, wait};

/// A first start makes a store; more than this is no start.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A drain waits for requests in flight, and there are none.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A server that runs.
pub(crate) struct Server {
    child: Child,
    binary: PathBuf,
    data: PathBuf,
    /// Scheme, host and port of S3.
    pub endpoint: String,
}

impl Server {
    /// Starts `binary` on a data directory in `dir`, with more of `serve`'s flags, and waits until it says where that is:
    /// then it listens.
    pub(crate) fn start(binary: &Path, dir: &Path, flags: &[&str]) -> Result<Server, Failure> {
        let data = dir.join("data");
        let log = dir.join("server.log");
        let stderr = File::create(&log).map_err(|error| format!("{} cannot be made: {error}", log.display()))?;
        let mut child = clean(&mut Command::new(binary))
            .args(["serve", "--s3", "127.0.0.1:0", "--data"])
            .arg(&data)
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", binary.display()))?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody listens any more once it runs; reading goes on, so that it can go on writing.
                let _ = sender.send(line);
            }
        });
        let mut endpoint = None;
        loop {
            let Ok(line) = lines.recv_timeout(START_LIMIT) else {
                let _ = child.kill();
                let _ = child.wait();
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("the server did not start within {} s\n{said}", START_LIMIT.as_secs()));
            };
            if let Some(rest) = line.strip_prefix("S3 ") {
                endpoint = rest.split_whitespace().next().map(str::to_owned);
            }
            if line.starts_with("data ") {
                break;
            }
        }
        let endpoint = endpoint.ok_or("the server does not say where S3 listens")?;
        Ok(Server { child, binary: binary.to_owned(), data, endpoint })
    }

    /// Another one beside it, on a data directory in `dir`.
    pub(crate) fn another(&self, dir: &Path, flags: &[&str]) -> Result<Server, Failure> {
        std::fs::create_dir_all(dir).map_err(|error| format!("{} cannot be made: {error}", dir.display()))?;
        Server::start(&self.binary, dir, flags)
    }

    /// A command of the operator's, on this server's data directory.
    pub(crate) fn ask(&self, words: &[&str]) -> Result<Ran, Failure> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Program::new(&self.binary).bare().env("PATH", path).args(words).arg("--data").arg(&self.data).run()?.done()
    }

    /// The same, for its answer in JSON.
    pub(crate) fn ask_json(&self, words: &[&str]) -> Result<Value, Failure> {
        let ran = self.ask(&[words, &["--json"]].concat())?;
        serde_json::from_str(&ran.stdout).map_err(|error| ran.but(&format!("answers what is not JSON: {error}")))
    }

    /// A file of the data directory.
    pub(crate) fn read(&self, name: &str) -> Result<String, Failure> {
        let path = self.data.join(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) -> Result<(), Failure> {
        // Every shell can; a program of that name is not everywhere.
        Program::new("sh").args(["-c", "kill \"$0\"", &self.child.id().to_string()]).run()?.done()?;
        let status = wait(&mut self.child, STOP_LIMIT).map_err(|failure| format!("the server {failure}"))?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Without configuration from the environment of this run.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BAILIWICK_")) {
        command.env_remove(name);
    }
    command
}
