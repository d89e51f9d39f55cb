//! Three times as many calls as a server can answer, whether or not it answers: an open loop, with deadlines. Handlers burn 1 ms; the
//! server has one worker thread. Beside it grpc-go, if the environment names its program (`benches/peers/grpc-go/grpc-go-burn`).

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

/// Names the program of grpc-go.
const GRPC_GO: &str = "GRPC_GO_BURN";
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

/// What a server can do that is asked for no more than that: the best of several numbers of calls that are open at a time.
async fn capacity(client: &ExperimentsClient) -> Result<f64> {
    let mut best = 0.0_f64;
    for outstanding in [4, 16, 64] {
        let call = Call::Burn(WORK);
        Loops::run(client, outstanding, call, TIME / 16).await?;
        let start = Instant::now();
        let done = Loops::run(client, outstanding, call, TIME / 4).await?;
        best = best.max(done.len() as f64 / start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// Good, refused and late calls per second, and the first as a share of the capacity.
type Found = [Vec<f64>; 4];

/// Offers three times its capacity to a server.
async fn flood(address: &str, capacity: f64, found: &mut Found) -> Result<()> {
    let client = connect(address).await?;
    offer(&client, 3.0 * capacity, WARM_UP).await?;
    let ends = offer(&client, 3.0 * capacity, TIME).await?;
    for (value, values) in ends.into_iter().zip(&mut found[..]) {
        values.push(value);
    }
    found[3].push(ends[0] / capacity);
    Ok(())
}

pub(crate) async fn run(verdict: &mut Verdict) -> Result<()> {
    let limits = ["none", "fixed", "adaptive"];
    let mut capacities = [Vec::new(), Vec::new()];
    let mut found = limits.map(|_| Found::default());
    let (go, mut of_go) = (std::env::var(GRPC_GO).ok(), Found::default());
    for _ in 0..ROUNDS {
        let capacity = {
            let (_server, address) = Child::server(1).await?;
            capacity(&connect(&address).await?).await?
        };
        capacities[0].push(capacity);
        for (limit, found) in limits.into_iter().zip(&mut found) {
            let (_server, address) = Child::server_with(1, limit).await?;
            flood(&address, capacity, found).await?;
        }
        if let Some(go) = &go {
            let (_server, address) = Child::foreign(go).await?;
            let its = self::capacity(&connect(&address).await?).await?;
            capacities[1].push(its);
            flood(&address, its, &mut of_go).await?;
        }
    }
    let [ours, its] = capacities.map(median);
    verdict.note("capacity", ours, "calls/s of 1 ms");
    for (limit, found) in limits.into_iter().zip(found) {
        let share = note(verdict, &format!("limit {limit}"), found);
        let what = format!("limit {limit}: good against capacity");
        if limit == "none" {
            verdict.note(&what, share, "×");
        } else {
            verdict.at_least(&what, share, 0.9, "×");
        }
    }
    if go.is_some() {
        verdict.note("capacity of grpc-go", its, "calls/s of 1 ms");
        let share = note(verdict, "grpc-go", of_go);
        verdict.note("grpc-go: good against capacity", share, "×");
    }
    Ok(())
}

/// Says how calls ended; the share of the capacity that was good.
fn note(verdict: &Verdict, what: &str, found: Found) -> f64 {
    let [good, refused, late, share] = found.map(median);
    verdict.note(&format!("{what}: good"), good, "calls/s");
    verdict.note(&format!("{what}: refused"), refused, "calls/s");
    verdict.note(&format!("{what}: late"), late, "calls/s");
    share
}
