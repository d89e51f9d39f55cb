//! Calls in loops, and how long they take.

use crate::pb::{Amount, ExperimentsClient};
use anyhow::Result;
use farcall::Channel;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

pub(crate) async fn connect(address: &str) -> Result<ExperimentsClient> {
    let channel = Channel::builder(format!("ipv4:{address}"))
        .insecure()
        .build()?;
    channel.connect().await?;
    Ok(ExperimentsClient::new(channel))
}

/// What a loop of calls does again and again.
#[derive(Clone, Copy)]
pub(crate) enum Call {
    Short,
    /// For so many microseconds of work.
    Burn(u64),
}

/// Latencies, in order once sorted.
#[derive(Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// In milliseconds.
    pub(crate) fn quantile_ms(&mut self, q: f64) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        let at = (last as f64 * q).round() as usize;
        self.0.get(at).map_or(f64::NAN, |d| d.as_secs_f64() * 1e3)
    }
}

/// Loops of calls that run until they are stopped.
pub(crate) struct Loops {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Result<Vec<Duration>>>,
}

impl Loops {
    /// `outstanding` calls at a time on the client's connection.
    pub(crate) fn start(client: &ExperimentsClient, outstanding: usize, call: Call) -> Loops {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..outstanding {
            tasks.spawn(repeat(client.clone(), call, Arc::clone(&stop)));
        }
        Loops { stop, tasks }
    }

    /// Lets the last calls finish; the latencies of all.
    pub(crate) async fn stop(mut self) -> Result<Latencies> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Latencies::default();
        while let Some(latencies) = self.tasks.join_next().await {
            all.0.append(&mut latencies??);
        }
        Ok(all)
    }

    /// Runs for a time.
    pub(crate) async fn run(
        client: &ExperimentsClient,
        outstanding: usize,
        call: Call,
        time: Duration,
    ) -> Result<Latencies> {
        let loops = Loops::start(client, outstanding, call);
        tokio::time::sleep(time).await;
        loops.stop().await
    }
}

async fn repeat(
    client: ExperimentsClient,
    call: Call,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        match call {
            Call::Short => client.short(Amount { amount: 0 }).await?,
            Call::Burn(amount) => client.burn(Amount { amount }).await?,
        };
        latencies.push(start.elapsed());
    }
    Ok(latencies)
}
