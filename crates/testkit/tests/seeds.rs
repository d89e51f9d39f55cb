//! Random but repeatable lives of an HTTP/2 connection, over a simulated network.
//!
//! Each seed chooses two configurations, a network, and a sequence of opens, messages, half-closes, trailers, resets, slow
//! readers, stalls, drains and losses. After each step the events are compared with what was sent; at the end all streams
//! have ended once, all windows add up and nothing is left over.
//!
//! `FARCALL_SEED=n` replays one seed and tells what happens, `FARCALL_SEEDS=n` runs so many (default 1,000).

#[path = "seeds/events.rs"]
mod events;
#[path = "seeds/operate.rs"]
mod operate;
#[path = "seeds/plan.rs"]
mod plan;
#[path = "seeds/reader.rs"]
mod reader;
#[path = "seeds/settle.rs"]
mod settle;
#[path = "seeds/world.rs"]
mod world;

use std::{
    env, panic,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use world::{Tally, World};

fn live(seed: u64, loud: bool) -> Tally {
    let mut world = World::new(seed, loud);
    world.begin();
    for _ in 0..world.plan.operations {
        operate::one(&mut world);
        world.pass_some_time();
        if world.rng.chance(5) {
            settle::pause(&mut world);
        }
    }
    settle::finish(&mut world);
    world.tally
}

fn variable(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
    )
}

#[test]
fn every_stream_of_every_seed_ends_once_and_rightly_and_all_windows_add_up() {
    if let Some(seed) = variable("FARCALL_SEED") {
        live(seed, true);
        return;
    }
    let count = variable("FARCALL_SEEDS").unwrap_or(1000);
    let (next, failed, start) = (AtomicU64::new(0), Mutex::new(Vec::new()), Instant::now());
    let total = Mutex::new(Tally::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count {
                return;
            }
            match panic::catch_unwind(|| live(seed, false)) {
                Ok(tally) => total.lock().unwrap().add(&tally),
                Err(_) => failed.lock().unwrap().push(seed),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_unstable();
    if let Some(seed) = failed.first() {
        let replay = format!(
            "FARCALL_SEED={seed} cargo test -p farcall-testkit --test seeds -- --nocapture"
        );
        panic!(
            "{} of {count} seeds failed: {:?}; replay: {replay}",
            failed.len(),
            &failed[..failed.len().min(20)]
        );
    }
    let total = total.into_inner().unwrap();
    println!("{count} seeds in {:.1?}: {total:?}", start.elapsed());
    if count >= 1000 {
        // The seeds are worth something only if everything does happen in them.
        assert!(total.is_rich(), "{total:?}");
    }
}
