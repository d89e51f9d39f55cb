//! Faults on real sockets, one after the other, and the table of what they did. See `tests/faults/run`.
//!
//! `faults [CASE...]` runs all cases or the named ones; `faults list` names them; `faults serve ADDRESS LEDGER` is a server
//! for them. Exit status 0: every case that ran has passed.
#![forbid(unsafe_code)]

use farcall_faults::{
    cases,
    ledger::Ledger,
    report::{Report, table},
    resources::count_heap,
    service::service,
};
use log::{LevelFilter, Log, Metadata, Record};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{alloc::System, env, path::Path, process::ExitCode, time::Duration};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn live_heap() -> i64 {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}

/// The simplest logger there is; like many, it panics when standard error cannot be written.
struct Stderr;

impl Log for Stderr {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        eprintln!("{}: {}", record.level(), record.args());
    }

    fn flush(&self) {}
}

fn main() -> ExitCode {
    count_heap(live_heap);
    let words: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match words[..] {
        ["serve", address, ledger] => {
            log::set_logger(&Stderr).expect("it is the first");
            log::set_max_level(LevelFilter::Warn);
            runtime.block_on(serve(address, ledger));
            ExitCode::SUCCESS
        }
        ["list"] => {
            cases::names().for_each(|name| println!("{name}"));
            ExitCode::SUCCESS
        }
        [] => runtime.block_on(run(&cases::names().collect::<Vec<_>>())),
        ref names => runtime.block_on(run(names)),
    }
}

async fn serve(address: &str, ledger: &str) {
    let ledger = Ledger::open(Path::new(ledger)).expect("the ledger can be opened");
    let stub = service(ledger, Duration::from_micros(100));
    let running = stub.start_at(address.parse().expect("an address")).await;
    println!("listening on {}", running.address());
    running.wait().await;
}

async fn run(names: &[&str]) -> ExitCode {
    let mut reports: Vec<Report> = Vec::new();
    for name in names {
        eprintln!("{name} …");
        match cases::run(name).await {
            Some(report) => reports.push(report),
            None => {
                eprintln!("there is no case {name}; see: faults list");
                return ExitCode::from(2);
            }
        }
    }
    print!("{}", table(&reports));
    let skipped: Vec<_> = reports
        .iter()
        .filter(|report| report.outcome.is_none())
        .collect();
    for report in &skipped {
        eprintln!(
            "SKIPPED, so nothing is known about it: {}: {}",
            report.name, report.note
        );
    }
    match reports.iter().all(Report::passed) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
