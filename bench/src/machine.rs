//! What the figures were measured on.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Outcome;

/// Facts for whoever reads the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Machine {
    /// The processor's name and how many of its cores there are to use.
    pub processor: String,
    /// Memory, in bytes.
    pub memory: u64,
    /// The kernel's name and release.
    pub kernel: String,
    /// The file system of the data directories.
    pub file_system: String,
    /// The revision that was built, if git knows it.
    pub revision: Option<String>,
}

impl Machine {
    /// This one, with data directories in `scratch`.
    pub fn look(scratch: &Path) -> Machine {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let name = after(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
        let memory = after(&read("/proc/meminfo"), "MemTotal");
        let memory = memory.and_then(|text| text.trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) * 1024;
        Machine {
            processor: format!("{name}, {} cores", cores()),
            memory,
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            file_system: file_system(scratch).unwrap_or_else(|| "unknown".to_owned()),
            revision: revision(),
        }
    }
}

/// How many cores this process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The type of the file system that holds `path`: of the mounts above it, the nearest.
fn file_system(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let above = mounts.filter(|(point, _)| path.starts_with(point));
    above.max_by_key(|(point, _)| point.len()).map(|(_, kind)| kind.to_owned())
}

fn revision() -> Option<String> {
    let git = |words: &[&str]| {
        let ran = Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR")]).args(words).output().ok()?;
        ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).trim().to_owned())
    };
    let revision = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(if changed { format!("{revision} with changes that are not committed") } else { revision })
}

/// The load average of the last minute.
pub(crate) fn load_average() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().ok_or("no load average")?.parse()?)
}

/// Waits until the load average is below three quarters of the cores, or `patience` is over; what it is then.
pub(crate) fn wait_for_quiet(patience: Duration) -> Outcome<f64> {
    let begun = Instant::now();
    loop {
        let load = load_average()?;
        if load < 0.75 * cores() as f64 || begun.elapsed() >= patience {
            return Ok(load);
        }
        eprintln!("· waiting for the machine to become quiet: the load is {load}");
        std::thread::sleep(Duration::from_secs(15).min(patience.saturating_sub(begun.elapsed())));
    }
}
