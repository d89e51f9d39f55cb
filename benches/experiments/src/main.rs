//! Experiments on how Farcall behaves under uneven load and at scale.
//!
//!     cargo run --profile perf -p farcall-experiments                  # all of them, a few minutes
//!     cargo run --profile perf -p farcall-experiments -- greedy memory # only these
//!
//! Each prints its figures beside their limits; the exit status is 1 if one is missed. Client and server are processes
//! of their own (this program again, as `role …`). Linux; the machine must have two cores or more and be quiet: whatever
//! else computes takes the second core from `busy-handlers`;
//! `connections` and `memory` need 10,500 open files (`ulimit -n`).

mod busy;
mod channels;
mod child;
mod connections;
mod greedy;
mod load;
mod memory;
mod overload;
mod roles;
mod server;
mod streams;
mod system;
mod verdict;
mod ways;

farcall::include_protos!();

use anyhow::{Result, bail};
pub(crate) use experiments as pb;
use std::process::ExitCode;
use verdict::Verdict;

const EXPERIMENTS: [&str; 9] = [
    "busy-handlers",
    "busy-neighbour",
    "greedy",
    "channels",
    "connections",
    "streams",
    "memory",
    "overload",
    "ways",
];

async fn run(name: &str, verdict: &mut Verdict) -> Result<()> {
    match name {
        "busy-handlers" => busy::handlers(verdict).await,
        "busy-neighbour" => busy::neighbour(verdict).await,
        "greedy" => greedy::run(verdict).await,
        "channels" => channels::run(verdict).await,
        "connections" => connections::run(verdict).await,
        "streams" => streams::run(verdict).await,
        "memory" => memory::run(verdict).await,
        "overload" => overload::run(verdict).await,
        "ways" => ways::run(verdict).await,
        other => bail!("no experiment {other}; there are {EXPERIMENTS:?}"),
    }
}

fn main() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("role", args)) = args
        .split_first()
        .map(|(first, rest)| (first.as_str(), rest))
    {
        roles::run(args)?;
        return Ok(ExitCode::SUCCESS);
    }
    let all = || EXPERIMENTS.iter().map(|name| name.to_string()).collect();
    let wanted: Vec<String> = if args.is_empty() { all() } else { args };
    let mut verdict = Verdict::default();
    for name in &wanted {
        println!("{name}");
        // As many worker threads as the kit's clients have.
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build()?;
        runtime.block_on(run(name, &mut verdict))?;
    }
    Ok(match verdict.is_good() {
        true => ExitCode::SUCCESS,
        false => {
            eprintln!("some figures miss their limits");
            ExitCode::FAILURE
        }
    })
}
