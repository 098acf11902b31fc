//! Running other programs: with a limit in time, and with what they said kept for the one who must find out why.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// What went wrong, for a person.
pub(crate) type Failure = String;

/// Longer than any one command of a client takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// How much of an output a failure shows, in lines.
const SHOWN_LINES: usize = 30;

/// A program to be run once.
pub(crate) struct Program {
    command: Command,
    input: String,
    limit: Duration,
}

/// What a program left when it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The command line, without the directory of the program.
    line: String,
    status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Program { command: Command::new(program), input: String::new(), limit: PATIENCE }
    }

    /// Without the environment of this process, so that nobody's configuration takes part.
    pub(crate) fn bare(mut self) -> Self {
        self.command.env_clear();
        self
    }

    pub(crate) fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.command.arg(word);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.command.args(words);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// What it reads from its standard input: nothing, unless given.
    pub(crate) fn input(mut self, text: impl Into<String>) -> Self {
        self.input = text.into();
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end and keeps what it says. Only a program that cannot be started, or does not end, is a failure
    /// here.
    pub(crate) fn run(mut self) -> Result<Ran, Failure> {
        let line = shown(&self.command);
        let piped = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().map_err(|error| format!("{line} cannot be started: {error}"))?;
        let stdout = child.stdout.take().map(read);
        let stderr = child.stderr.take().map(read);
        if let Some(mut stdin) = child.stdin.take() {
            let input = std::mem::take(&mut self.input);
            // A program that ends without reading its input is judged by its status.
            std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        }
        let status = wait(&mut child, self.limit).map_err(|failure| format!("{line} {failure}"));
        // What it started may outlive it and hold the pipes.
        let text = |from: Option<Receiver<String>>| {
            from.and_then(|from| from.recv_timeout(Duration::from_secs(10)).ok()).unwrap_or_default()
        };
        let (stdout, stderr) = (text(stdout), text(stderr));
        let status = status.map_err(|failure| format!("{failure}\n{}", tail(&format!("{stdout}{stderr}"))))?;
        Ok(Ran { line, status, stdout, stderr })
    }

    /// Runs it to its end; what it says goes to where this process says things.
    pub(crate) fn show(mut self) -> Result<(), Failure> {
        let line = shown(&self.command);
        let mut child =
            self.command.stdin(Stdio::null()).spawn().map_err(|error| format!("{line} cannot be started: {error}"))?;
        match wait(&mut child, self.limit) {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{line} ended with {status}")),
            Err(failure) => Err(format!("{line} {failure}")),
        }
    }
}

impl Ran {
    pub(crate) fn succeeded(&self) -> bool {
        self.status.success()
    }

    /// All that was said.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// It must have done what it was asked for.
    pub(crate) fn done(self) -> Result<Ran, Failure> {
        if self.succeeded() { Ok(self) } else { Err(self.but(&format!("ended with {}", self.status))) }
    }

    /// It must have said this.
    pub(crate) fn says(self, text: &str) -> Result<Ran, Failure> {
        if self.said().contains(text) { Ok(self) } else { Err(self.but(&format!("does not say `{text}`"))) }
    }

    /// It must not have said this.
    pub(crate) fn says_nothing_of(self, text: &str) -> Result<Ran, Failure> {
        if self.said().contains(text) { Err(self.but(&format!("says `{text}`"))) } else { Ok(self) }
    }

    /// The store must have refused it as S3 does, and the client must have said so.
    pub(crate) fn refused(self) -> Result<(), Failure> {
        if self.succeeded() {
            return Err(self.but("was not refused"));
        }
        let said = self.said();
        if ["AccessDenied", "Access Denied", "403"].iter().any(|word| said.contains(word)) {
            return Ok(());
        }
        Err(self.but("failed, but not for want of access"))
    }

    /// A failure that shows what it said.
    pub(crate) fn but(&self, what: &str) -> Failure {
        format!("{} {what}\n{}", self.line, tail(&self.said()))
    }
}

fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(name).chain(command.get_args()).map(|word| word.to_string_lossy());
    format!("`{}`", words.collect::<Vec<_>>().join(" "))
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

fn read(mut from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error still says something.
        let _ = from.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// Waits for the end; a child that is still there at the limit is killed.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus, Failure> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(format!("did not end within {} s", limit.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Program {
        Program::new("/bin/sh").args(["-c", script])
    }

    #[test]
    fn a_refusal_is_a_failure_that_says_so() {
        assert!(sh("echo 'An error occurred (AccessDenied)' >&2; exit 1").run().unwrap().refused().is_ok());
        assert!(sh("echo AccessDenied").run().unwrap().refused().unwrap_err().contains("was not refused"));
        assert!(sh("echo KeyError; exit 1").run().unwrap().refused().unwrap_err().contains("KeyError"));
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let begun = Instant::now();
        let failure = sh("echo begun; exec sleep 60").limit(Duration::from_millis(300)).run().unwrap_err();
        assert!(failure.contains("did not end") && failure.contains("begun"), "{failure}");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_bare_program_reads_what_it_is_given_and_nothing_else() {
        let ran = sh("cat; echo $HOME").bare().input("typed\n").run().unwrap().done().unwrap();
        assert_eq!(ran.stdout, "typed\n\n");
    }
}
