//! A process of ours: this program in another role, its lines, its end.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::roles::{CONTROL, CORES, Role};

/// Longer than any line takes to come on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends when this is dropped.
pub(crate) struct Child {
    process: std::process::Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// How a process is started.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setting<'a> {
    /// On which cores it runs; any, if empty.
    pub cores: &'a [usize],
    /// Whether it counts its allocations and takes commands on its stdin.
    pub control: bool,
}

impl Child {
    /// Starts this program as `role` with those words.
    pub fn start(role: Role, words: &[&OsStr], setting: Setting<'_>) -> Outcome<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(role.word()).args(words);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BAILIWICK_")) {
            command.env_remove(name);
        }
        let cores: Vec<String> = setting.cores.iter().map(usize::to_string).collect();
        command.env(CORES, cores.join(","));
        match setting.control {
            true => command.env(CONTROL, "1"),
            false => command.env_remove(CONTROL),
        };
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().ok_or("a process without stdout")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let said = BufReader::new(stdout).lines().map_while(Result::ok);
            // When nobody listens any more, the process is about to be ended.
            let _ = said.map(|line| sender.send(line)).find(Result::is_err);
        });
        Ok(Child { process, stdin, lines })
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> Outcome<()> {
        let pid = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.ok_or("no process")?, rustix::process::Signal::TERM)?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.process.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err("the process does not end".into())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Writes to its stdin.
    pub fn say(&mut self, bytes: &[u8]) -> Outcome<()> {
        let stdin = self.stdin.as_mut().ok_or("the process takes no more")?;
        stdin.write_all(bytes)?;
        Ok(stdin.flush()?)
    }

    /// Closes its stdin.
    pub fn say_no_more(&mut self) {
        self.stdin = None;
    }

    /// What follows `prefix` on the next line that begins with it.
    pub fn hear(&self, prefix: &str) -> Outcome<String> {
        let begun = Instant::now();
        loop {
            let line = self.lines.recv_timeout(PATIENCE.saturating_sub(begun.elapsed()));
            let line = line.map_err(|_| format!("the process did not say {prefix:?}"))?;
            if let Some(rest) = line.strip_prefix(prefix) {
                return Ok(rest.to_owned());
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
