//! Handlers that compute: they must not stay on one core, nor hold up their connection.

use crate::{
    child::Child,
    load::{Call, Loops, connect},
    verdict::{Verdict, best, median},
};
use anyhow::Result;
use std::time::Duration;

const ROUNDS: usize = 3;

/// Handlers that burn 1 ms each, 100 calls outstanding on one connection: two worker threads against one.
pub(crate) async fn handlers(verdict: &mut Verdict) -> Result<()> {
    const TIME: Duration = Duration::from_secs(2);
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for threads in [1, 2] {
            let (_server, address) = Child::server(threads).await?;
            let client = connect(&address).await?;
            let call = Call::Burn(1000);
            Loops::run(&client, 100, call, TIME / 4).await?;
            let done = Loops::run(&client, 100, call, TIME).await?;
            rates[threads - 1].push(done.len() as f64 / TIME.as_secs_f64());
        }
    }
    // The work is fixed, so whatever disturbs the machine can only slow it down.
    let [one, two] = rates.map(best);
    verdict.note("one worker", one, "calls/s of 1 ms");
    verdict.note("two workers", two, "calls/s of 1 ms");
    verdict.at_least("two workers against one", two / one, 1.7, "×");
    Ok(())
}

/// Short calls beside a handler that burns 100 ms, one at a time, on the same connection; two worker threads.
pub(crate) async fn neighbour(verdict: &mut Verdict) -> Result<()> {
    const TIME: Duration = Duration::from_secs(3);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (_server, address) = Child::server(2).await?;
        let client = connect(&address).await?;
        let mut calls = Loops::run(&client, 8, Call::Short, TIME).await?;
        alone.push(calls.quantile_ms(0.99));
        let burning = Loops::start(&client, 1, Call::Burn(100_000));
        let mut calls = Loops::run(&client, 8, Call::Short, TIME).await?;
        burning.stop().await?;
        beside.push(calls.quantile_ms(0.99));
    }
    verdict.note("p99 of short calls alone", median(alone), "ms");
    verdict.at_most("p99 beside a handler of 100 ms", median(beside), 5.0, "ms");
    Ok(())
}
