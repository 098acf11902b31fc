//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Measures, and writes docs/performance.md.
#[derive(Debug, Clone, Parser)]
#[command(name = "bench")]
pub(crate) struct Options {
    /// Measure only these, and print the document instead of writing it.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Part>,
    /// Short rounds and a small upload: whether it works, not how fast it is. Prints the document.
    #[arg(long)]
    pub quick: bool,
    /// Write the document all the same, with as short rounds as were asked for; parts that were measured alone are put into
    /// the one that is there.
    #[arg(long)]
    pub write: bool,
    /// How many interleaved rounds.
    #[arg(long, default_value_t = 7)]
    pub rounds: usize,
    /// Wait at most that many seconds for the load of the machine to fall below three quarters of its cores.
    #[arg(long, default_value_t = 600)]
    pub wait: u64,
    /// How far `scale` goes: to 10,000,000 objects, which takes an hour and 40 GB, in place of 1,000,000.
    #[arg(long)]
    pub full: bool,
    /// Where the programs of other stores were installed, if they are not the system's.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers"))]
    pub peers: PathBuf,
    /// Where data directories are made: on the disk that is to be measured.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench"))]
    pub scratch: PathBuf,
    /// The directory in which performance.md and performance/ are written.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"))]
    pub docs: PathBuf,
}

/// What there is to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Presigned GET of 4 KiB against plain hyper.
    Reads,
    /// Allocations of such a GET.
    Allocations,
    /// Start, idle memory.
    Start,
    /// Memory during an upload of 5 GiB.
    Upload,
    /// PUT, GET of 1 MiB and LIST beside the latency of a sync.
    Writes,
    /// Decisions, and requests on buckets with hundreds of grants.
    Grants,
    /// What every key reaches, of many.
    Reach,
    /// All operations, beside other stores.
    Peers,
    /// How all of it grows with the number of objects.
    Scale,
}

impl Options {
    /// Whether that is to be measured.
    pub fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// Whether the outcome is the project's document.
    pub fn for_the_record(&self) -> bool {
        self.write || self.only.is_empty() && !self.quick
    }

    /// How many rounds; at least one.
    pub fn rounds(&self) -> usize {
        if self.quick { 2 } else { self.rounds.max(1) }
    }

    /// How long one side of a round reads.
    pub fn spell(&self) -> Duration {
        if self.quick { Duration::from_millis(300) } else { Duration::from_secs(2) }
    }

    /// How many rounds with other stores: each takes minutes.
    pub fn peer_rounds(&self) -> usize {
        if self.quick { 3 } else { self.rounds.clamp(1, 5) }
    }

    /// How long one store is asked for one thing in one round of those.
    pub fn peer_spell(&self) -> Duration {
        if self.quick { Duration::from_millis(700) } else { Duration::from_secs(1) }
    }

    /// How long the upload is, in bytes: the longest that one PUT may be.
    pub fn upload_bytes(&self) -> u64 {
        if self.quick { 64 << 20 } else { 5 << 30 }
    }
}
