//! What processes take of the processor, by `/proc`.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

use std::fs;

/// Returns the processor time that these processes have taken, in microseconds.
pub(crate) fn cpu_micros(pids: &[u32]) -> f64 {
    // `/proc` counts in hundredths of a second, on every Linux.
    let ticks = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit(") ").next().unwrap_or_default().to_owned();
        after_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>()
    };
    pids.iter().map(ticks).sum::<u64>() as f64 * 1.0e4
}

/// Returns the numbers of all processes with this name.
pub(crate) fn processes_called(name: &str) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name)).collect()
}
