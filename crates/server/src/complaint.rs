//! What a person is told when a command cannot do what it was asked: one line, and an exit status.

use std::fmt;

/// How a command ends. Documented in `--help`; scripts rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It was done, or the answer is yes.
    Done = 0,
    /// It could not be done, or the answer is no.
    Failed = 1,
    /// What was typed, or stands in the configuration, is not valid; nothing was tried.
    Usage = 2,
}

/// What lies behind a complaint, where somebody can do something about it before it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A port is taken: perhaps by a server of the same data directory, which is then worth saying instead.
    PortInUse,
    /// Another process has the store open: perhaps one that answers, or one that is about to end.
    StoreInUse,
    /// Nothing that matters further.
    Other,
}

/// What is wrong and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// How the process ends for it.
    pub exit: Exit,
    /// See [`Cause`].
    pub cause: Cause,
    /// Names the thing that is wrong; no full stop.
    message: String,
    /// One sentence; empty where the message says it.
    remedy: String,
}

impl Complaint {
    /// It cannot be done now.
    pub(crate) fn failed(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Complaint { exit: Exit::Failed, cause: Cause::Other, message: message.into(), remedy: remedy.into() }
    }

    /// It was asked for wrongly.
    pub(crate) fn usage(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Complaint { exit: Exit::Usage, ..Complaint::failed(message, remedy) }
    }

    /// The same, because of that.
    pub(crate) fn because(self, cause: Cause) -> Self {
        Complaint { cause, ..self }
    }
}

/// One line, whatever the parts hold.
impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = one_line(&self.message);
        f.write_str(message.trim_end_matches('.'))?;
        if !self.remedy.is_empty() {
            write!(f, ". {}", one_line(&self.remedy))?;
        }
        Ok(())
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_line_however_its_parts_were_written() {
        let complaint = Complaint::failed("a\n  b.", "Do\nthis.");
        assert_eq!(complaint.to_string(), "a b. Do this.");
        assert_eq!(Complaint::usage("a", "").to_string(), "a");
    }
}
