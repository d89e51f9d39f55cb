//! What a run is judged by: calls, latency, CPU time of both processes, writes and sleeps.

use crate::{Failure, io::COUNTS};
use std::{
    fmt::Write,
    fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Instant,
};

/// Counts calls and sorts their latencies into buckets of 1/16 of a power of two.
pub(crate) struct Meter {
    calls: AtomicU64,
    running: AtomicBool,
    buckets: [AtomicU64; 1024],
}

impl Default for Meter {
    fn default() -> Meter {
        Meter {
            calls: AtomicU64::new(0),
            running: AtomicBool::new(false),
            buckets: [const { AtomicU64::new(0) }; 1024],
        }
    }
}

impl Meter {
    /// A call that began at `start` is done.
    pub(crate) fn done(&self, start: Instant) {
        self.calls.fetch_add(1, Relaxed);
        if self.running.load(Relaxed) {
            let nanos = start.elapsed().as_nanos() as u64;
            self.buckets[bucket(nanos)].fetch_add(1, Relaxed);
        }
    }

    /// The warm-up is over.
    pub(crate) fn start(&self) {
        self.running.store(true, Relaxed);
    }

    fn quantile(&self, q: f64) -> u64 {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Relaxed));
        let total: u64 = counts.clone().sum();
        let rank = (total as f64 * q) as u64;
        let mut seen = 0;
        let reached = |count: u64| {
            seen += count;
            seen > rank
        };
        counts.map(reached).position(|hit| hit).map_or(0, floor)
    }

    /// `key=value` pairs for the orchestrator.
    pub(crate) fn report(&self, before: &Sample, after: &Sample) -> String {
        let mut line = String::new();
        let differences = [
            ("calls", after.calls - before.calls),
            ("nanos", (after.at - before.at).as_nanos() as u64),
            ("client", after.client - before.client),
            ("server", after.server - before.server),
            ("writes", after.writes - before.writes),
            ("reads", after.reads - before.reads),
            ("sleeps", after.sleeps.saturating_sub(before.sleeps)),
            ("p50", self.quantile(0.5)),
            ("p99", self.quantile(0.99)),
        ];
        for (key, value) in differences {
            let _ = write!(line, "{key}={value} ");
        }
        line
    }
}

fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(16);
    let power = nanos.ilog2() as usize;
    power * 16 + ((nanos >> (power - 4)) & 15) as usize
}

/// The smallest value of a bucket.
fn floor(bucket: usize) -> u64 {
    (16 + bucket as u64 % 16) << (bucket / 16 - 4)
}

/// Everything that is counted, at one moment.
pub(crate) struct Sample {
    at: Instant,
    calls: u64,
    /// CPU nanoseconds of each process.
    client: u64,
    server: u64,
    /// The client's.
    writes: u64,
    reads: u64,
    sleeps: u64,
}

impl Sample {
    /// Of this process, and of the CPU time of the one with `server`'s id.
    ///
    /// # Errors
    /// `/proc` does not tell.
    pub(crate) fn take(meter: &Meter, server: u32) -> Result<Sample, Failure> {
        let own = std::process::id();
        Ok(Sample {
            at: Instant::now(),
            calls: meter.calls.load(Relaxed),
            client: cpu_nanos(own)?,
            server: cpu_nanos(server)?,
            writes: COUNTS.writes.load(Relaxed),
            reads: COUNTS.reads.load(Relaxed),
            sleeps: sleeps(own)?,
        })
    }
}

/// Nanoseconds that the threads of a process have run.
fn cpu_nanos(pid: u32) -> Result<u64, Failure> {
    let of_thread = |text: &str| text.split_whitespace().next()?.parse().ok();
    sum(pid, "schedstat", of_thread)
}

/// How often the threads of a process have gone to sleep.
fn sleeps(pid: u32) -> Result<u64, Failure> {
    sum(pid, "status", |text| {
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse().ok()
    })
}

fn sum(pid: u32, file: &str, value: impl Fn(&str) -> Option<u64>) -> Result<u64, Failure> {
    let mut total = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(thread?.path().join(file))?;
        total += value(&text).ok_or_else(|| format!("cannot read {file} of {pid}"))?;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_a_sixteenth_wide_at_most() {
        for nanos in [16, 17, 100, 1000, 65_000, 1_000_000, 123_456_789] {
            let low = floor(bucket(nanos));
            assert!(
                low <= nanos && (nanos - low) * 16 <= nanos,
                "{low} for {nanos}"
            );
        }
    }

    #[test]
    fn the_median_of_two_thirds_fast_calls_is_fast() {
        let meter = Meter::default();
        for nanos in [100, 100, 5000] {
            meter.buckets[bucket(nanos)].fetch_add(1, Relaxed);
        }
        assert_eq!((meter.quantile(0.5), meter.quantile(0.99)), (100, 4864));
    }
}
