//! A stream of 1 GiB beside unary calls on the same connection: neither may starve the other.

use crate::{
    child::Child,
    load::{Call, Loops, connect},
    pb::{Amount, ExperimentsClient},
    verdict::{Verdict, median},
};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
const SIZE: usize = 1 << 30;

/// Reads the whole stream; MiB per second.
async fn stream(client: &ExperimentsClient) -> Result<f64> {
    let start = Instant::now();
    let amount = SIZE as u64;
    let mut chunks = client.flood(Amount { amount }).await?;
    let mut received = 0;
    while let Some(chunk) = chunks.message().await? {
        received += chunk.data.len();
    }
    ensure!(received == SIZE, "the stream ended after {received} bytes");
    Ok((SIZE >> 20) as f64 / start.elapsed().as_secs_f64())
}

/// In a task, as the calls are: not on the thread of `block_on`, which each message would have to wake.
async fn spawned(client: &ExperimentsClient) -> Result<f64> {
    let client = client.clone();
    tokio::spawn(async move { stream(&client).await }).await?
}

pub(crate) async fn run(verdict: &mut Verdict) -> Result<()> {
    let (mut p99_ratio, mut speed_ratio) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (_server, address) = Child::server(1).await?;
        let client = connect(&address).await?;
        Loops::run(&client, 1, Call::Short, Duration::from_millis(200)).await?;
        let mut calls = Loops::run(&client, 1, Call::Short, Duration::from_secs(1)).await?;
        let p99_alone = calls.quantile_ms(0.99);
        spawned(&client).await?; // The windows grow.
        let speed_alone = spawned(&client).await?;
        let loops = Loops::start(&client, 1, Call::Short);
        let speed = spawned(&client).await?;
        let mut calls = loops.stop().await?;
        let p99 = calls.quantile_ms(0.99);
        println!(
            "  alone: p99 {p99_alone:.3} ms, {speed_alone:.0} MiB/s; together: p50 {:.3} p99 {p99:.3} ms of {} calls, {speed:.0} MiB/s",
            calls.quantile_ms(0.5),
            calls.len(),
        );
        p99_ratio.push(p99 / p99_alone);
        speed_ratio.push(speed / speed_alone);
    }
    verdict.at_most(
        "p99 of calls beside the stream",
        median(p99_ratio),
        3.0,
        "× alone",
    );
    verdict.at_least(
        "speed of the stream beside calls",
        median(speed_ratio),
        0.7,
        "× alone",
    );
    Ok(())
}
