//! Looking after what is stored: whether it is as it was written, now ([`verify`]) and all the time ([`scrub`]); and
//! copies of it elsewhere ([`backups`]).
//!
//! Two kinds of looking. The *structure* is read at one moment, from a snapshot of the rows: every row can be read, what
//! belongs together agrees, nothing is named twice, and the counters are the sums. The *bodies* are read while others go on
//! writing; a body that is not there, whose record has changed meanwhile, is no damage but a deletion.
//!
//! Nothing is ever repaired here. What is damaged is named, with what can be done.

mod backups;
mod bodies;
mod compact;
mod findings;
mod pace;
mod pairs;
mod scrub;
mod structure;
mod verify;

use tokio::sync::watch;

pub use backups::{bodies_named, open_shelf};
pub(crate) use findings::Findings;
pub(crate) use scrub::Scrub;
pub use scrub::Scrubbing;

use crate::admin::Progress;

/// What looking after a store takes, where its engine can show a moment.
pub struct Care {
    /// The rows as they are now.
    pub snapshot: Box<dyn Fn() -> Result<kv::Snapshot, kv::Error> + Send + Sync>,
    /// Gives back the room of what is there no more; tells how far it is, and of how much. Blocks.
    #[allow(clippy::type_complexity)]
    pub compact: Box<dyn Fn(&dyn Fn(u64, u64)) -> Result<kv::Compacted, kv::Error> + Send + Sync>,
    /// What the ledger's log is chained with.
    pub log_key: [u8; 32],
    /// What manifests of backups are held to.
    pub backup_key: [u8; 32],
}

/// Who is told how far something is; nobody, by default.
#[derive(Debug, Clone, Default)]
pub struct Teller(Option<watch::Sender<Progress>>);

impl Teller {
    /// Tells whoever holds the other end of `sender`.
    pub fn new(sender: watch::Sender<Progress>) -> Self {
        Teller(Some(sender))
    }

    /// Something else is done now.
    pub fn begin(&self, doing: &str, unit: &str, of: Option<u64>) {
        self.tell(Progress { doing: doing.into(), done: 0, of, unit: unit.into() });
    }

    /// That much of it is done, of so much.
    pub(crate) fn reach(&self, done: u64, of: u64) {
        if let Some(sender) = &self.0 {
            sender.send_modify(|progress| (progress.done, progress.of) = (done, Some(of)));
        }
    }

    /// More of it is done.
    pub(crate) fn add(&self, done: u64) {
        if let Some(sender) = &self.0 {
            sender.send_modify(|progress| progress.done += done);
        }
    }

    fn tell(&self, progress: Progress) {
        if let Some(sender) = &self.0 {
            sender.send_replace(progress);
        }
    }
}
