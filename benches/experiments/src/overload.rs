//! Three times as many calls as a server can answer, whether or not it answers: an open loop, with deadlines. Handlers burn 1 ms; the
//! server has one worker thread.

use crate::{
    child::Child,
    load::{Call, Loops, connect},
    pb::{Amount, ExperimentsClient},
    verdict::{Verdict, median},
};
use anyhow::Result;
use farcall::Code;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const ROUNDS: usize = 3;
const WORK: u64 = 1000;
const DEADLINE: Duration = Duration::from_millis(100);
const WARM_UP: Duration = Duration::from_secs(2);
const TIME: Duration = Duration::from_secs(4);

/// How calls ended.
#[derive(Default)]
struct Ends {
    good: AtomicU64,
    refused: AtomicU64,
    late: AtomicU64,
}

/// Starts calls at a rate for a time; what became of them, per second.
async fn offer(client: &ExperimentsClient, rate: f64, time: Duration) -> Result<[f64; 3]> {
    let ends = Arc::new(Ends::default());
    let (start, mut started) = (Instant::now(), 0);
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    while start.elapsed() < time {
        tick.tick().await;
        let due = (start.elapsed().as_secs_f64() * rate) as u64;
        for _ in started..due {
            let (client, ends) = (client.clone(), Arc::clone(&ends));
            tokio::spawn(async move {
                let call = client.burn(Amount { amount: WORK }).timeout(DEADLINE);
                let end = match call.await.map_err(|status| status.code()) {
                    Ok(_) => &ends.good,
                    Err(Code::DeadlineExceeded) => &ends.late,
                    Err(_) => &ends.refused,
                };
                end.fetch_add(1, Ordering::Relaxed);
            });
        }
        started = due;
    }
    tokio::time::sleep(2 * DEADLINE).await;
    let per_second = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / time.as_secs_f64();
    Ok([&ends.good, &ends.refused, &ends.late].map(per_second))
}

/// What a server can do that is asked for no more than that.
async fn capacity() -> Result<f64> {
    let (_server, address) = Child::server(1).await?;
    let client = connect(&address).await?;
    Loops::run(&client, 4, Call::Burn(WORK), TIME / 4).await?;
    let done = Loops::run(&client, 4, Call::Burn(WORK), TIME / 2).await?;
    Ok(done.len() as f64 / (TIME / 2).as_secs_f64())
}

pub(crate) async fn run(verdict: &mut Verdict) -> Result<()> {
    let mut capacities = Vec::new();
    let limits = ["none", "fixed", "adaptive"];
    let mut found = limits.map(|_| [Vec::new(), Vec::new(), Vec::new(), Vec::new()]);
    for _ in 0..ROUNDS {
        let capacity = capacity().await?;
        capacities.push(capacity);
        for (limit, found) in limits.into_iter().zip(&mut found) {
            let (_server, address) = Child::server_with(1, limit).await?;
            let client = connect(&address).await?;
            offer(&client, 3.0 * capacity, WARM_UP).await?;
            let ends = offer(&client, 3.0 * capacity, TIME).await?;
            for (value, values) in ends.into_iter().zip(&mut found[..]) {
                values.push(value);
            }
            found[3].push(ends[0] / capacity);
        }
    }
    verdict.note("capacity", median(capacities), "calls/s of 1 ms");
    for (limit, found) in limits.into_iter().zip(found) {
        let [good, refused, late, share] = found.map(median);
        verdict.note(&format!("limit {limit}: good"), good, "calls/s");
        verdict.note(&format!("limit {limit}: refused"), refused, "calls/s");
        verdict.note(&format!("limit {limit}: late"), late, "calls/s");
        let what = format!("limit {limit}: good against capacity");
        if limit == "none" {
            verdict.note(&what, share, "×");
        } else {
            verdict.at_least(&what, share, 0.9, "×");
        }
    }
    Ok(())
}
