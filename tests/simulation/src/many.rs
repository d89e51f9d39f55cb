//! Many seeds, on all cores.

use crate::{fleet, life, life::Tally, script::Script};
use std::{
    panic,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// What came of a range of seeds.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What happened in those that are well.
    pub tally: Tally,
    /// The seeds that are not, in order.
    pub failed: Vec<u64>,
}

/// Lives through the scripts of `count` seeds from `from` on, on `threads` threads.
pub fn seeds(from: u64, count: u64, threads: usize) -> Outcome {
    let live = |seed| life::live(&Script::of_seed(seed), false);
    let (lived, failed) = all((from, count), threads, live);
    let mut tally = Tally::default();
    lived.iter().for_each(|one| tally.add(one));
    Outcome { tally, failed }
}

/// The same with several connections at a time: how many calls went out again, and the seeds that failed.
pub fn fleets(from: u64, count: u64, threads: usize) -> (usize, Vec<u64>) {
    let (retries, failed) = all((from, count), threads, fleet::live);
    (retries.iter().sum(), failed)
}

/// What `live` gives for the seeds that are well, and those that are not, in order.
fn all<T: Send>(
    (from, count): (u64, u64),
    threads: usize,
    live: impl Fn(u64) -> T + Sync + panic::RefUnwindSafe,
) -> (Vec<T>, Vec<u64>) {
    let (next, outcome) = (AtomicU64::new(from), Mutex::new((Vec::new(), Vec::new())));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + count {
                return;
            }
            let result = panic::catch_unwind(|| live(seed));
            let mut outcome = outcome
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            match result {
                Ok(lived) => outcome.0.push(lived),
                Err(_) => outcome.1.push(seed),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let (lived, mut failed) = outcome
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    failed.sort_unstable();
    (lived, failed)
}

/// Whether a script fails. What it says on the way is not shown.
pub fn fails(script: &Script) -> bool {
    panic::catch_unwind(|| life::live(script, false)).is_err()
}
