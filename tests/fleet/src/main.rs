//! Ten backends in processes of their own, eight clients, and what must hold while the backends come and go.
//!
//! `fleet [--short] [SCENARIO...]` runs all scenarios or the named ones and prints their figures; `fleet list` names them;
//! `fleet serve [STREAMS]` is a backend. Exit status 0: no figure was missed; 1: one was; 2: usage. See `tests/fleet/run`.
#![forbid(unsafe_code)]

use farcall_fleet::{options::Options, scenarios, serve};
use std::{env, process::ExitCode, time::Instant};

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<_> = env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("serve") => match serve::serve(words.get(1).and_then(|n| n.parse().ok())).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("fleet serve: {error}");
                ExitCode::FAILURE
            }
        },
        Some("list") => {
            scenarios::names().for_each(|name| println!("{name}"));
            ExitCode::SUCCESS
        }
        _ => match Options::parse(&words, &scenarios::names().collect::<Vec<_>>()) {
            Ok(options) => run(&options).await,
            Err(error) => {
                eprintln!("fleet: {error}");
                ExitCode::from(2)
            }
        },
    }
}

async fn run(options: &Options) -> ExitCode {
    let mut passed = true;
    for name in &options.scenarios {
        let start = Instant::now();
        let report = match scenarios::run(name, options).await {
            Ok(report) => report,
            Err(error) => {
                println!("FAILED: {name}: {error}");
                passed = false;
                continue;
            }
        };
        println!("--- {name}, {:.0} s", start.elapsed().as_secs_f64());
        report.lines.iter().for_each(|line| println!("{line}"));
        for problem in &report.problems {
            println!("FAILED: {name}: {problem}");
        }
        for skipped in &report.skipped {
            eprintln!("SKIPPED, so nothing is known about it: {name}: {skipped}");
        }
        passed &= report.problems.is_empty();
    }
    match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
