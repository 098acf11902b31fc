//! What the system knows of a process: memory, time on the processor, on which cores it may run.

use std::time::Duration;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use crate::Outcome;

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident now (VmRSS).
    pub resident: u64,
    /// Most that was resident (VmHWM) since the start or [`forget_peak`].
    pub peak: u64,
}

/// The memory of the process `pid`.
pub(crate) fn memory(pid: u32) -> Outcome<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Outcome<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(|| format!("no {name}"))?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024)
    };
    Ok(Memory { resident: field("VmRSS:")?, peak: field("VmHWM:")? })
}

/// Makes the peak of `pid` what is resident now.
pub(crate) fn forget_peak(pid: u32) -> Outcome<()> {
    Ok(std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// Time that all threads of `pid`, those that ended included, were on a processor, in user space and in the kernel.
pub(crate) fn processor_time(pid: u32) -> Outcome<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the program's name in parentheses, and may hold anything.
    let (_, rest) = stat.rsplit_once(')').ok_or("no stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().map(|at| fields.get(*at).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0)).sum();
    Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
}

/// `pid` and the processes that it started, and that those started.
pub(crate) fn family(pid: u32) -> Vec<u32> {
    let number = |text: &std::ffi::OsStr| text.to_str()?.parse::<u32>().ok();
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let parents: Vec<(u32, u32)> = all
        .filter_map(|entry| {
            let child = number(&entry.file_name())?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((child, parent))
        })
        .collect();
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| child));
        at += 1;
    }
    found
}

/// Time that this thread was on a processor, since it began.
pub(crate) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The cores that this process may use, in two halves: for servers and for the load. `None` with one core only.
pub(crate) fn halves() -> Option<(Vec<usize>, Vec<usize>)> {
    let set = sched_getaffinity(None::<Pid>).ok()?;
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect();
    let (servers, load) = cores.split_at(cores.len() / 2);
    (!servers.is_empty()).then(|| (servers.to_vec(), load.to_vec()))
}

/// From now on this thread, and the threads that it starts, run on these cores only.
pub(crate) fn stay_on(cores: &[usize]) -> Outcome<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    Ok(sched_setaffinity(None::<Pid>, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_memory_and_time_of_this_very_process() {
        let kept = std::hint::black_box(vec![1_u8; 32 << 20]);
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.resident > 32 << 20 && memory.peak >= memory.resident, "{memory:?}");
        drop(kept);
        let before = processor_time(std::process::id()).unwrap();
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(100) {
            std::hint::spin_loop();
        }
        assert!(processor_time(std::process::id()).unwrap() > before);
    }
}
