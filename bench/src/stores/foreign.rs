//! A process that is not ours: where its program is, its log, its end.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::PATIENCE;
use crate::Outcome;
use crate::options::Options;

/// How long a process may take to end once it was asked to.
const END: Duration = Duration::from_secs(15);
/// How much of a log an error shows, in lines.
const SHOWN_LINES: usize = 5;

/// A process that is asked to end, and then made to, when this is dropped.
pub(crate) struct Foreign {
    child: Child,
    log: PathBuf,
}

impl Foreign {
    /// Starts it; what it says goes into `log`. It sees no environment but the search path and `HOME`, which is the
    /// directory of the log.
    pub fn start(command: &mut Command, log: &Path) -> Outcome<Foreign> {
        let file = File::create(log)?;
        bare(command, log.parent().unwrap_or(Path::new("/")));
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()?;
        Ok(Foreign { child, log: log.to_owned() })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tries `attempt` until it succeeds, the process ends, or it took too long.
    pub fn await_ready<T>(&mut self, mut attempt: impl FnMut() -> Outcome<T>) -> Outcome<T> {
        let begun = Instant::now();
        loop {
            let error = match attempt() {
                Ok(ready) => return Ok(ready),
                Err(error) => error,
            };
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("it ended with {status}: {}", self.last_words()).into());
            }
            if begun.elapsed() > PATIENCE {
                let patience = PATIENCE.as_secs();
                return Err(format!("not ready after {patience} s: {error}: {}", self.last_words()).into());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join(" / ")
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let begun = Instant::now();
        while begun.elapsed() < END {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                _ => return,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes from a command what this process's environment would tell it.
pub(super) fn bare(command: &mut Command, home: &Path) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", home);
}

/// Runs a program to its end; what it said on its standard output.
pub(super) fn told(command: &mut Command) -> Outcome<String> {
    let ran = command.stdin(Stdio::null()).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !ran.status.success() {
        return Err(format!("{command:?} ended with {}: {}", ran.status, text(&ran.stderr).trim()).into());
    }
    Ok(text(&ran.stdout))
}

/// The program of that name: of those that were installed for this, or of the system.
pub(crate) fn found(options: &Options, name: &str) -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = ["bin", "venv/bin"].map(|dir| options.peers.join(dir));
    // Servers of the system are not on everybody's path.
    let dirs = installed.into_iter().chain(std::env::split_paths(&path)).chain(["/usr/sbin".into()]);
    let program = dirs.map(|dir| dir.join(name)).find(|path| path.is_file());
    Ok(program.ok_or_else(|| format!("there is no program `{name}`; `cargo xtask bench` installs it"))?)
}
