//! How time, memory and disk grow with the number of objects.
//!
//! Our store is loaded through its engine and copied at each size, so that the sizes are measured in turns like everything
//! else: what has a target is a ratio between two sizes of the same rounds. Peers are loaded by requests, as far as they
//! come within a time, and measured as they grow.

mod asked;
mod footprint;
mod loader;
mod ours;
mod theirs;

use std::path::Path;

pub(crate) use self::footprint::Footprint;
pub(crate) use self::ours::Level;
pub(crate) use self::theirs::PeerLevel;
use crate::Outcome;
use crate::options::Options;

/// The bucket that is filled.
const BUCKET: &str = "scale";
/// Objects of a folder: so few that the fewest objects still make more than a page of common prefixes.
const IN_FOLDER: u64 = 5;
/// Numbers of objects.
const LEVELS: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

/// What was found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scale {
    /// Ours, the least first.
    pub levels: Vec<Level>,
    /// Peers', each from its least on.
    pub peers: Vec<PeerLevel>,
    /// Who was left out, and what was not reached, and why.
    pub missing: Vec<String>,
    /// Disk that objects of 64 KiB take.
    pub footprint: Option<Footprint>,
}

/// Operations of the table, each a rate or, for the page of prefixes, a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// GET of any object, 16 clients.
    Get,
    /// HEAD of any object, 16 clients.
    Head,
    /// PUT of a new object of 100 bytes, 16 clients.
    Put,
    /// DELETE of those, 16 clients.
    Delete,
    /// A page of 1000 keys from anywhere, 4 clients.
    List,
    /// A page of 1000 common prefixes from anywhere, one client.
    Prefixes,
}

impl Operation {
    /// All of them, as they are measured: what is deleted was put just before.
    pub const ALL: [Operation; 6] =
        [Operation::Get, Operation::Head, Operation::Put, Operation::Delete, Operation::List, Operation::Prefixes];

    /// As tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Get => "GET × 16",
            Operation::Head => "HEAD × 16",
            Operation::Put => "PUT × 16",
            Operation::Delete => "DELETE × 16",
            Operation::List => "LIST 1000 keys × 4",
            Operation::Prefixes => "LIST 1000 prefixes × 1",
        }
    }

    fn clients(self) -> usize {
        match self {
            Operation::Prefixes => 1,
            Operation::List => 4,
            _ => 16,
        }
    }
}

/// The key of an object.
fn key(number: u64) -> String {
    format!("tree/{:07}/{:02}", number / IN_FOLDER, number % IN_FOLDER)
}

/// The numbers of objects that this run is to reach.
fn levels(options: &Options, most: u64) -> Vec<u64> {
    let most = if options.quick { most.min(LEVELS[1]) } else { most };
    LEVELS.into_iter().filter(|count| *count <= most).collect()
}

pub(super) fn measure(options: &Options, dir: &Path) -> Outcome<Scale> {
    let mut found = Scale::default();
    ours::measure(options, dir, &mut found)?;
    theirs::measure(options, dir, &mut found)?;
    found.footprint = Some(footprint::measure(options, dir)?);
    Ok(found)
}
