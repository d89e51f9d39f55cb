//! One backend of ten is slow: what clients see of it without and with hedging (gRFC A6), at the same time.

use crate::{
    backend::{Backend, Kind},
    client::{Client, Load},
    directory::{Directory, Source},
    options::Options,
    report::{Report, millis},
    tally::Phase,
    wire::Places,
};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;

const BACKENDS: usize = 10;
/// Of each kind.
const CLIENTS: usize = 4;
const WORKERS: usize = 4;
const SLOW: Duration = Duration::from_millis(100);
/// What a worker waits between its calls: nobody is to wait for a core.
const PAUSE: Duration = Duration::from_millis(20);
/// The p99 of those that hedge may be this much of the others'.
const GAIN: f64 = 0.6;

const PLAIN: &str = r#"{"loadBalancingConfig": [{"round_robin": {}}]}"#;
const HEDGED: &str = r#"{
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 2, "hedgingDelay": "0.02s"}}]
}"#;

/// Runs it.
pub(super) async fn hedging(options: &Options) -> Result<Report, Box<dyn Error>> {
    let (directory, places) = (Directory::start().await, Arc::<Places>::default());
    let mut backends = Vec::new();
    for number in 1..=BACKENDS {
        backends.push(Backend::start(number, Kind::Ours, &places).await?);
    }
    backends[0].slow(SLOW).await?;
    directory.set(&(1..=BACKENDS).collect::<Vec<_>>());

    // Phase 0: connecting, whose calls do not count.
    let phase = Arc::<AtomicUsize>::default();
    let mut kinds = Vec::new();
    for (name, config) in [("without", PLAIN), ("with hedging", HEDGED)] {
        let load = Load {
            config: config.into(),
            workers: WORKERS,
            streams: false,
            pause: PAUSE,
        };
        let start = |_| Client::start(&directory, Source::Manual, &places, &load, &phase);
        let clients: Vec<_> = (0..CLIENTS).map(start).collect::<Result<_, _>>()?;
        kinds.push((name, clients));
    }
    sleep(Duration::from_secs(2)).await;
    let sent = |clients: &[Client]| -> u64 {
        let each = clients.iter().map(|client| client.sent.requests());
        each.map(|sent| sent.iter().sum::<u64>()).sum()
    };
    let before: Vec<_> = kinds.iter().map(|(_, clients)| sent(clients)).collect();
    phase.store(1, Ordering::Relaxed);
    sleep(Duration::from_secs(if options.short { 6 } else { 20 })).await;
    phase.store(2, Ordering::Relaxed);
    let mut rows = Vec::new();
    for ((name, clients), before) in kinds.into_iter().zip(before) {
        let requests = sent(&clients) - before;
        let mut calls = Phase::default();
        for client in clients {
            let mut tally = client.finish().await;
            let phase = tally.phase(1);
            calls.calls += phase.calls;
            calls.unary += phase.unary;
            calls.latencies.append(&mut phase.latencies);
        }
        rows.push((name, calls, requests));
    }
    Ok(judge(rows))
}

fn judge(rows: Vec<(&'static str, Phase, u64)>) -> Report {
    let mut report = Report::default();
    report.line(format!(
        "{:<14} {:>7} {:>6} {:>17} {:>8} {:>8} {:>8} {:>8}",
        "", "calls", "failed", "requests per call", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms"
    ));
    let mut worst = Vec::new();
    for (name, mut calls, requests) in rows {
        let [p50, p90, p99, p999] = [500, 900, 990, 999].map(|part| calls.quantile(part));
        report.line(format!(
            "{name:<14} {:>7} {:>6} {:>17.2} {:>8} {:>8} {:>8} {:>8}",
            calls.calls,
            calls.unary,
            requests as f64 / calls.calls.max(1) as f64,
            millis(p50),
            millis(p90),
            millis(p99),
            millis(p999),
        ));
        report.expect(
            calls.calls > 500,
            format!("{name}: only {} calls", calls.calls),
        );
        report.expect(
            calls.unary == 0,
            format!("{name}: {} calls failed", calls.unary),
        );
        worst.push(p99.as_secs_f64());
    }
    report.line(format!(
        "one backend of ten is slow by {} ms; a second attempt starts after 20 ms",
        SLOW.as_millis()
    ));
    report.expect(
        worst[0] >= SLOW.as_secs_f64(),
        "without hedging nobody noticed the slow backend",
    );
    report.expect(
        worst[1] <= GAIN * worst[0],
        format!(
            "hedging brought the p99 to {:.2} of what it was",
            worst[1] / worst[0]
        ),
    );
    report
}
