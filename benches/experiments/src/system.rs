//! What Linux says of processes.

use anyhow::{Context, Result, ensure};
use std::fs;

/// Resident memory of a process, in KiB.
pub(crate) fn rss_kib(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.context("no VmRSS")?.parse()?)
}

/// User and system time of a process, in seconds.
pub(crate) fn cpu_secs(pid: u32) -> Result<f64> {
    /// What `/proc/PID/stat` counts in, on every Linux that Rust runs on.
    const TICKS_PER_SEC: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The command's name stands in parentheses; utime and stime are fields 14 and 15.
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after.split_whitespace().skip(11).take(2);
    Ok(ticks.filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SEC)
}

/// An error that says what to do if processes may not open so many files.
pub(crate) fn need_files(count: u64) -> Result<()> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next());
    let soft = soft.and_then(|soft| soft.parse().ok()).unwrap_or(u64::MAX);
    ensure!(
        soft >= count,
        "only {soft} open files are allowed: say `ulimit -n {count}` first"
    );
    Ok(())
}
