//! One fault each: 10,000 calls while it happens, and a look at what is left afterwards.

mod accept_queue;
mod black_hole;
mod descriptors;
mod drain;
mod links;
mod log_sink;
mod processes;
mod stop;

use crate::report::Report;
use std::{future::Future, pin::Pin, time::Instant};

type Case = fn() -> Pin<Box<dyn Future<Output = Report>>>;

macro_rules! cases {
    ($($name:literal => $case:path,)*) => {
        /// Name and program of every case, in order.
        const ALL: &[(&str, Case)] = &[$(($name, || Box::pin($case($name)))),*];
    };
}

cases! {
    "quiet" => processes::quiet,
    "killed" => processes::killed,
    "stopped" => processes::stopped,
    "reset" => links::reset,
    "slow-link" => links::slow,
    "sliced-link" => links::sliced,
    "toxiproxy" => links::toxiproxy,
    "black-hole" => black_hole::black_hole,
    "full-descriptor-table" => descriptors::full_table,
    "full-accept-queue" => accept_queue::full_queue,
    "full-log" => log_sink::full_log,
    "drain" => drain::drain,
    "stop" => stop::stop,
}

/// The names.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// Runs one; `None`: there is none of that name.
pub async fn run(name: &str) -> Option<Report> {
    let (_, case) = ALL.iter().find(|(known, _)| *known == name)?;
    let start = Instant::now();
    let mut report = case().await;
    report.seconds = start.elapsed().as_secs_f64();
    Some(report)
}
