//! What hedging does for calls when one of several backends is slow.

use crate::Error;
use bytes::Bytes;
use farcall::{Channel, lb::resolver::ResolverUpdate, resolver::ManualResolver};
use farcall_testkit::stub_server::{RunningStub, StubServer, calls};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

const BACKENDS: usize = 10;
const SLOW: Duration = Duration::from_millis(100);
/// Calls at a time, and calls of each.
const WORKERS: usize = 8;
const CALLS: usize = 250;

const PLAIN: &str = r#"{"loadBalancingConfig": [{"round_robin": {}}]}"#;
const HEDGED: &str = r#"{
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 2, "hedgingDelay": "0.01s"}}]
}"#;

/// Latencies of one way, sorted, and the attempts that they took.
struct Figures {
    latencies: Vec<Duration>,
    attempts: usize,
}

impl Figures {
    fn at(&self, part: f64) -> f64 {
        let index = (self.latencies.len() as f64 * part) as usize;
        let latency = self.latencies[index.min(self.latencies.len() - 1)];
        latency.as_secs_f64() * 1000.0
    }

    fn print(&self, name: &str) {
        let calls = self.latencies.len();
        println!(
            "| {name} | {calls} | {:.1} | {:.1} | {:.1} | {:.1} | {:.3} |",
            self.at(0.5),
            self.at(0.9),
            self.at(0.99),
            self.at(0.999),
            self.attempts as f64 / calls as f64
        );
    }
}

/// Measures both ways in turns; whether hedging halves the 99th percentile at least.
pub(crate) async fn run() -> Result<bool, Error> {
    let attempts = Arc::new(AtomicUsize::new(0));
    let mut backends = Vec::new();
    for index in 0..BACKENDS {
        backends.push(backend(index, &attempts).await);
    }
    let (plain, hedged) = (channel(&backends, PLAIN)?, channel(&backends, HEDGED)?);
    let ways = [&plain, &hedged];
    let mut figures = [(); 2].map(|()| Figures {
        latencies: Vec::new(),
        attempts: 0,
    });
    for channel in ways {
        measure(channel, 20).await?;
    }
    for _ in 0..3 {
        for (channel, figures) in ways.into_iter().zip(&mut figures) {
            let before = attempts.load(Ordering::Relaxed);
            figures.latencies.extend(measure(channel, CALLS).await?);
            figures.attempts += attempts.load(Ordering::Relaxed) - before;
        }
    }
    let [plain, hedged] = &mut figures;
    plain.latencies.sort();
    hedged.latencies.sort();
    println!(
        "{BACKENDS} backends, one slow by {} ms; unary calls, {WORKERS} at a time; hedging after 10 ms, two attempts at most",
        SLOW.as_millis()
    );
    println!("| | calls | p50 ms | p90 ms | p99 ms | p99.9 ms | attempts per call |");
    println!("|---|---|---|---|---|---|---|");
    plain.print("without hedging");
    hedged.print("with hedging");
    Ok(hedged.at(0.99) < plain.at(0.99) / 2.0)
}

async fn backend(index: usize, attempts: &Arc<AtomicUsize>) -> RunningStub {
    let attempts = Arc::clone(attempts);
    let stub = StubServer::unary("/retries.Any/Unary", move |_| {
        attempts.fetch_add(1, Ordering::Relaxed);
        async move {
            if index == 0 {
                tokio::time::sleep(SLOW).await;
            }
            Ok(Bytes::from_static(b"done"))
        }
    });
    stub.start().await
}

fn channel(backends: &[RunningStub], config: &str) -> Result<Channel, Error> {
    let fleet = ManualResolver::new("fleet");
    let channel = Channel::builder("fleet:///any").resolver(fleet.clone());
    let channel = channel.insecure().default_service_config(config).build()?;
    let addresses = backends.iter().map(|backend| backend.address());
    fleet.update(ResolverUpdate::endpoints(
        addresses.map(|address| farcall::Address::from(address).into()),
    ));
    Ok(channel)
}

async fn measure(channel: &Channel, calls: usize) -> Result<Vec<Duration>, Error> {
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                for _ in 0..calls {
                    let start = Instant::now();
                    calls::unary(&channel, "/retries.Any/Unary", Bytes::new()).await?;
                    latencies.push(start.elapsed());
                }
                Ok::<_, Error>(latencies)
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for worker in workers {
        latencies.extend(worker.await??);
    }
    Ok(latencies)
}
