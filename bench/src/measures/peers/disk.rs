//! What the disk itself does, by fio, at the start of each round: a store that syncs cannot be faster than its disk, and
//! the disks of virtual machines drift.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::cells::MIB;
use crate::Outcome;
use crate::measures::operations::sync_latencies;
use crate::median::quantile;

/// Writes of 4 KiB, each with its fdatasync.
const SYNCS: u64 = 256;
/// Bytes that are written one after another.
const SEQUENTIAL: u64 = 256 * MIB;

/// One look at the disk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Disk {
    /// An fdatasync after 4 KiB, in milliseconds: the median; 99 of 100 are faster.
    pub sync_ms: [f64; 2],
    /// Bytes a second of a long file written in pieces of 1 MiB and synced at its end; NaN without fio.
    pub sequential: f64,
}

/// Looks at it: by fio, or without it by a loop of our own, which writes nothing sequentially.
pub(super) fn look(fio: Option<&Path>, dir: &Path) -> Outcome<Disk> {
    let Some(fio) = fio else {
        let sync = sync_latencies(dir)?;
        let sync_ms = [0.5, 0.99].map(|part| quantile(sync.iter().copied(), part));
        return Ok(Disk { sync_ms, sequential: f64::NAN });
    };
    let sync = run(fio, dir, &["--bs=4k", &format!("--size={}", SYNCS * 4096), "--fdatasync=1"])?;
    let sequential = run(fio, dir, &["--bs=1m", &format!("--size={SEQUENTIAL}"), "--end_fsync=1"])?;
    Ok(Disk { sync_ms: sync_of(&sync)?, sequential: rate_of(&sequential)? })
}

fn run(fio: &Path, dir: &Path, words: &[&str]) -> Outcome<Value> {
    let file = dir.join("fio");
    let mut command = Command::new(fio);
    command.args(["--name=disk", "--rw=write", "--ioengine=psync", "--output-format=json"]).args(words);
    let ran = command.arg(format!("--filename={}", file.display())).output()?;
    std::fs::remove_file(&file)?;
    if !ran.status.success() {
        return Err(format!("fio ended with {}: {}", ran.status, String::from_utf8_lossy(&ran.stderr)).into());
    }
    // Notes may come before the document.
    let start = ran.stdout.iter().position(|byte| *byte == b'{').ok_or("fio said nothing")?;
    Ok(serde_json::from_slice(&ran.stdout[start..])?)
}

fn sync_of(said: &Value) -> Outcome<[f64; 2]> {
    let percentile = &said["jobs"][0]["sync"]["lat_ns"]["percentile"];
    let of = |name: &str| percentile[name].as_f64().map(|nanos| nanos / 1e6).ok_or("fio told no latency of syncs");
    Ok([of("50.000000")?, of("99.000000")?])
}

fn rate_of(said: &Value) -> Outcome<f64> {
    // The job's time holds the sync at its end; fio's own rate does not.
    let millis = said["jobs"][0]["job_runtime"].as_f64().filter(|millis| *millis > 0.0);
    Ok(SEQUENTIAL as f64 * 1e3 / millis.ok_or("fio told no time")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fio_says_is_understood() {
        let said = r#"{"jobs": [{"job_runtime": 512, "sync": {"lat_ns": {"percentile":
            {"50.000000": 130000, "99.000000": 2000000}}}}]}"#;
        let said = serde_json::from_str(said).unwrap();
        assert_eq!(sync_of(&said).unwrap(), [0.13, 2.0]);
        assert_eq!(rate_of(&said).unwrap(), 524_288_000.0);
        assert!(sync_of(&Value::Null).is_err() && rate_of(&Value::Null).is_err());
    }
}
