//! What every developer of Farcall runs beside cargo: `cargo xtask COMMAND`.
#![forbid(unsafe_code)]

mod deps;
mod fuzz;
mod layers;
mod manifest;
mod perf;
mod public_api;
mod report;
mod rust;
mod shown;
mod simulate;
mod workspace;

use std::{path::Path, process::ExitCode};

const USAGE: &str = "usage: cargo xtask COMMAND

  layers       arrows between crates, cycles between modules, sans-IO crates kept pure
  public-api   foreign types in public signatures come from the allow-list only
  shown        the tests, files and examples that the tables of docs/ name exist
  deps         crates and CPU time of a release build of `farcall` with Channel and Server
               (--count: only the number of crates, without building)
  perf         instructions and allocations per call against benches/budget.toml, under valgrind
               (--write: makes what is measured the budget; NAME: only scenarios that begin so;
               profile NAME server|client: where the instructions of a scenario go)
  fuzz         runs the fuzz targets: [TARGET…] [--seconds N] [--jobs J]; each for 60 s in one process
               (--list: their names; --minimise: renews the committed corpora from what was gathered)
  simulate     lives of simulated connections, in a release build: [--seeds N] [--from S] [--threads T] | --replay FILE |
               --script SEED; 100,000 seeds on one thread
";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lives in a folder of the workspace");
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["layers"] => layers::check(root).map(|report| report.print("layers")),
        ["public-api"] => public_api::check(root).map(|report| report.print("public-api")),
        ["shown"] => shown::check(root).map(|report| report.print("shown")),
        ["deps"] => deps::check(root, true),
        ["deps", "--count"] => deps::check(root, false),
        ["fuzz", rest @ ..] => fuzz::command(root, rest),
        ["simulate", rest @ ..] => simulate::command(root, rest),
        ["perf", args @ ..] => match perf::run(root, args) {
            Some(outcome) => outcome,
            None => return usage(),
        },
        _ => return usage(),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprint!("{USAGE}");
    ExitCode::from(2)
}
