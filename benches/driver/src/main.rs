//! Which shape a connection's driver should have, measured with the real HTTP/2 machine. See the README beside.
#![forbid(unsafe_code)]

mod client;
mod heads;
mod io;
mod mailbox;
mod matrix;
mod message;
mod meter;
mod pieces;
mod run;
mod server;
mod setup;
mod shape;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
mod traps;
mod turn;

use matrix::Selection;
use setup::{Runtime, Setup};
use std::{future::Future, process::ExitCode};

/// Whatever went wrong, in words.
type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "\
farcall-driver-experiment matrix [--rows NAME;…] [--columns 0,1,…] [--rounds 3] [KEY=VALUE …]
farcall-driver-experiment run [KEY=VALUE …]
farcall-driver-experiment traps [KEY=VALUE …]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.split_first() {
        Some((&"matrix", rest)) => select(rest).and_then(|selection| matrix::measure(&selection)),
        Some((&"run", rest)) => run::run(rest).map(|outcome| println!("{outcome:?}")),
        Some((&"traps", rest)) => traps::measure(3, rest),
        Some((&"server", rest)) => serve(rest),
        Some((&"client", rest)) => load(rest),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(pairs: &[&str]) -> Result<(), Failure> {
    let setup = Setup::parse(pairs.iter().copied())?;
    block_on(setup.runtime, server::run(setup))
}

/// The arguments are the server's address and process id, then pairs.
fn load(args: &[&str]) -> Result<(), Failure> {
    let [address, pid, pairs @ ..] = args else {
        return Err(USAGE.into());
    };
    let setup = Setup::parse(pairs.iter().copied())?;
    let (address, pid) = (address.parse()?, pid.parse()?);
    block_on(setup.runtime, client::run(setup, address, pid))
}

fn block_on(
    runtime: Runtime,
    future: impl Future<Output = Result<(), Failure>> + Send + 'static,
) -> Result<(), Failure> {
    let mut builder = match runtime {
        Runtime::CurrentThread => tokio::runtime::Builder::new_current_thread(),
        Runtime::Workers(workers) => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(workers);
            builder
        }
    };
    let runtime = builder.enable_all().build()?;
    runtime.block_on(async { tokio::spawn(future).await? })
}

fn select(args: &[&str]) -> Result<Selection, Failure> {
    let mut selection = Selection {
        rows: Vec::new(),
        columns: (0..matrix::COLUMNS.len()).collect(),
        rounds: 3,
        pairs: Vec::new(),
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match *arg {
            "--rows" => selection.rows = value()?.split(';').map(str::to_owned).collect(),
            "--columns" => {
                let numbers = value()?
                    .split(',')
                    .map(str::parse)
                    .collect::<Result<_, _>>();
                selection.columns = numbers?;
            }
            "--rounds" => selection.rounds = value()?.parse::<usize>()?.max(1),
            pair if pair.contains('=') => selection.pairs.push(pair.to_owned()),
            _ => return Err(USAGE.into()),
        }
    }
    match selection
        .columns
        .iter()
        .all(|column| *column < matrix::COLUMNS.len())
    {
        true => Ok(selection),
        false => Err("there is no such column".into()),
    }
}
