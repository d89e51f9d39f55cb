//! `cargo xtask simulate`: many seeds, or one script.

use farcall_simulation::{fleet, life, many, script::Script};
use std::{process::ExitCode, time::Instant};

const USAGE: &str =
    "usage: simulate [--seeds N] [--from S] [--threads T] | --replay FILE | --script SEED | --fleet SEED

  --seeds N      so many seeds (default 100,000), from S on (default 0), on T threads (default 1): a connection for each,
                 and several connections at a time for each
  --replay FILE  lives through a script and tells what happens
  --script SEED  prints the script of a seed
  --fleet SEED   lives through a seed's several connections
";
/// Scripts that are shrunk and printed; the other failures are only counted.
const SHOWN: usize = 3;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["--replay", file] => return replay(file),
        ["--script", seed] => {
            let Ok(seed) = seed.parse() else {
                return usage();
            };
            print!("{}", Script::of_seed(seed));
            return ExitCode::SUCCESS;
        }
        ["--fleet", seed] => {
            let Ok(seed) = seed.parse() else {
                return usage();
            };
            println!("simulate: {} calls went out again", fleet::live(seed));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let (mut seeds, mut from, mut threads) = (100_000, 0, 1);
    for pair in args.chunks(2) {
        let Some(value) = pair.get(1).and_then(|value| value.parse().ok()) else {
            return usage();
        };
        match pair[0] {
            "--seeds" => seeds = value,
            "--from" => from = value,
            "--threads" => threads = value.max(1),
            _ => return usage(),
        }
    }
    run(from, seeds, threads as usize)
}

fn usage() -> ExitCode {
    eprint!("{USAGE}");
    ExitCode::from(2)
}

fn run(from: u64, count: u64, threads: usize) -> ExitCode {
    std::panic::set_hook(Box::new(|_| ())); // a failure is told below, by its shortest script
    let start = Instant::now();
    let outcome = many::seeds(from, count, threads);
    let took = start.elapsed();
    println!(
        "simulate: {count} seeds from {from} in {took:.1?}, {:.0} per second: {} failed",
        count as f64 / took.as_secs_f64(),
        outcome.failed.len()
    );
    println!("simulate: {:?}", outcome.tally);
    for seed in outcome.failed.iter().take(SHOWN) {
        let script = Script::of_seed(*seed).shrink(many::fails);
        println!(
            "\n# seed {seed} fails; this is enough for it (cargo xtask simulate --replay FILE):\n{script}"
        );
    }
    let start = Instant::now();
    let (retries, failed) = many::fleets(from, count, threads);
    let took = start.elapsed();
    println!(
        "simulate: {count} fleets from {from} in {took:.1?}, {:.0} per second: {} failed, {retries} calls went out again",
        count as f64 / took.as_secs_f64(),
        failed.len()
    );
    for seed in failed.iter().take(SHOWN) {
        println!("\n# fleet {seed} fails: cargo xtask simulate --fleet {seed}");
    }
    if outcome.failed.is_empty() && failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn replay(file: &str) -> ExitCode {
    let script = std::fs::read_to_string(file).map_err(|error| error.to_string());
    match script.and_then(|text| text.parse::<Script>()) {
        Ok(script) => {
            life::live(&script, true);
            println!("simulate: all is well");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("simulate: {file}: {error}");
            ExitCode::FAILURE
        }
    }
}
