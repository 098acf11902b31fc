//! What is measured, each in a file of its own, and the run over all of it.

pub(crate) mod allocations;
pub(crate) mod decisions;
pub(crate) mod grants;
pub(crate) mod operations;
pub(crate) mod peers;
pub(crate) mod reach;
pub(crate) mod reads;
pub(crate) mod scale;
pub(crate) mod start;
pub(crate) mod upload;

use std::path::Path;
use std::time::Duration;

use crate::machine::{self, Machine};
use crate::options::{Options, Part};
use crate::{Outcome, report};

/// The size of the small object, in bytes.
pub(crate) const SMALL: usize = 4096;
/// The bucket in which everything happens.
pub(crate) const BUCKET: &str = "bench";

/// Everything that was found. What was not asked for is `None`.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub machine: Option<Machine>,
    /// The load average before and after.
    pub load: [f64; 2],
    /// How many rounds.
    pub rounds: usize,
    pub reads: Option<reads::Reads>,
    pub allocations: Option<allocations::Allocations>,
    pub start: Option<start::Start>,
    pub uploads: Option<Vec<upload::Upload>>,
    pub operations: Option<operations::Operations>,
    pub decisions: Option<decisions::Decisions>,
    pub grants: Option<Vec<grants::Pair>>,
    pub reach: Option<reach::Reach>,
    pub peers: Option<peers::Peers>,
    pub scale: Option<scale::Scale>,
}

/// Measures what is asked for and writes it down; whether all targets are met.
pub(crate) fn all(options: &Options) -> Outcome<bool> {
    std::fs::create_dir_all(&options.scratch)?;
    let scratch = tempfile::Builder::new().prefix("run-").tempdir_in(&options.scratch)?;
    let mut found = Findings { rounds: options.rounds(), ..Findings::default() };
    found.machine = Some(Machine::look(scratch.path()));
    found.load[0] = match options.for_the_record() {
        true => machine::wait_for_quiet(Duration::from_secs(options.wait))?,
        false => machine::load_average()?,
    };
    let step = |name: &str| scratch.path().join(name);
    if options.wants(Part::Reads) {
        found.reads = Some(clean(&step("reads"), |data| reads::measure(options, data))?);
    }
    if options.wants(Part::Allocations) {
        found.allocations = Some(clean(&step("allocations"), |data| allocations::measure(options, data))?);
    }
    if options.wants(Part::Start) {
        found.start = Some(clean(&step("start"), |data| start::measure(options, data))?);
    }
    if options.wants(Part::Writes) {
        found.operations = Some(clean(&step("operations"), |data| operations::measure(options, data))?);
    }
    if options.wants(Part::Upload) {
        found.uploads = Some(clean(&step("upload"), |data| upload::measure(options, data))?);
    }
    if options.wants(Part::Grants) {
        found.decisions = Some(decisions::measure(options)?);
        found.grants = Some(clean(&step("grants"), |data| grants::measure(options, data))?);
    }
    if options.wants(Part::Reach) {
        found.reach = Some(clean(&step("reach"), |data| reach::measure(options, data))?);
    }
    if options.wants(Part::Peers) {
        found.peers = Some(clean(&step("peers"), |data| peers::measure(options, data))?);
    }
    if options.wants(Part::Scale) {
        found.scale = Some(clean(&step("scale"), |data| scale::measure(options, data))?);
    }
    found.load[1] = machine::load_average()?;
    report::publish(options, &found)
}

/// Runs a measurement in a directory that is there for it alone.
fn clean<T>(dir: &Path, measure: impl FnOnce(&Path) -> Outcome<T>) -> Outcome<T> {
    std::fs::create_dir(dir)?;
    let measured = measure(dir);
    std::fs::remove_dir_all(dir)?;
    measured
}

/// Says where the run stands.
pub(crate) fn progress(what: &str, done: usize, of: usize) {
    eprintln!("· {what}: {} of {of}", done + 1);
}
