//! Many seeds, on all cores.

use crate::{life, life::Tally, script::Script};
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
    let (next, outcome) = (AtomicU64::new(from), Mutex::new(Outcome::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + count {
                return;
            }
            let result = panic::catch_unwind(|| life::live(&Script::of_seed(seed), false));
            let mut outcome = outcome
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            match result {
                Ok(tally) => outcome.tally.add(&tally),
                Err(_) => outcome.failed.push(seed),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut outcome = outcome
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    outcome.failed.sort_unstable();
    outcome
}

/// Whether a script fails. What it says on the way is not shown.
pub fn fails(script: &Script) -> bool {
    panic::catch_unwind(|| life::live(script, false)).is_err()
}
