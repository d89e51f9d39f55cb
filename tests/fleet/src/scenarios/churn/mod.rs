//! Backends are added, removed, killed, started again, drained, made slow and frozen while eight clients call.

mod event;
mod judge;
mod stage;

use crate::{backend::go_server, options::Options, report::Report, windows::WINDOW};
use event::Event;
use stage::Stage;
use std::{error::Error, time::Duration};

const CONFIG: &str = r#"{
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [{"name": [{}], "retryPolicy": {
        "maxAttempts": 4, "initialBackoff": "0.01s", "maxBackoff": "0.1s", "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]
    }}]
}"#;

/// All of it: the fleet begins with eight backends.
const SCRIPT: &[Event] = &[
    Event::Add(9, 10),
    Event::Kill(1),
    Event::Start(1),
    Event::Kill(7),
    Event::Start(7),
    Event::Drain(2),
    Event::Start(2),
    Event::Remove(3),
    Event::Add(3, 3),
    Event::Slow(4),
    Event::Fast(4),
    Event::Freeze(8),
];

/// Runs it.
pub(in crate::scenarios) async fn churn(options: &Options) -> Result<Report, Box<dyn Error>> {
    let mut report = Report::default();
    if go_server().is_none() {
        report
            .skipped
            .push("grpc-go's backends: all ten are ours".into());
    }
    let mut stage = Stage::start(CONFIG).await?;
    let sampling = stage.sample();
    let quiet = match options.short {
        true => WINDOW + Duration::from_millis(300),
        false => 2 * WINDOW,
    };
    let rounds = if options.short { 1 } else { 3 };
    let mut rows = vec![stage.play(None, quiet).await?];
    for round in 0..rounds {
        // The list is whole from the first round on.
        for event in &SCRIPT[usize::from(round > 0)..] {
            rows.push(stage.play(Some(*event), quiet).await?);
        }
    }
    sampling.abort();
    let (tally, strange) = stage.end().await?;
    judge::judge(&mut report, &rows, tally);
    report.problems.extend(strange);
    Ok(report)
}
