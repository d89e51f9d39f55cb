//! Every public attack on HTTP/2 and gRPC as a program: see README.md.

mod cases;
mod hpack;
mod legitimate;
mod neighbours;
mod process;
mod raw;
mod report;
mod seen;
mod servers;
mod suite;
mod suite_client;
mod victim;
mod wire;

farcall::include_protos!();

/// The service that is attacked.
pub(crate) use grpc::testing as pb;

use report::Row;
use std::{error::Error, path::PathBuf, process::ExitCode, time::Duration};
use suite::Against;

const USAGE: &str = "attacks [--against tonic|grpc-go --peers FOLDER] [--markdown FILE] [NAME…]
attacks --list
attacks legitimate [--seconds N] [--only PART-OF-NAME] [--peers FOLDER]";

#[tokio::main]
async fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let first = args.next().unwrap_or_default();
    let outcome = match first.as_str() {
        "server" => match victim::server::Options::parse(args) {
            Ok(options) => victim::server::run(options).await.map(|()| true),
            Err(what) => Err(format!("{what}?\n{USAGE}").into()),
        },
        "client" => victim::client::run(args).await.map(|()| true),
        "legitimate" => legitimate(args).await,
        "--list" => {
            for case in cases::all() {
                println!("server {:<36} {}", case.name, case.class);
            }
            for case in servers::all() {
                println!("client {:<36} {}", case.name, case.class);
            }
            Ok(true)
        }
        _ => attacks(std::env::args().skip(1)).await,
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Runs what honest peers do. False: there was a reaction.
async fn legitimate(mut args: impl Iterator<Item = String>) -> Result<bool, Box<dyn Error>> {
    let (mut seconds, mut only, mut peers) = (2, String::new(), None);
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.next()) {
            ("--seconds", Some(value)) => seconds = value.parse()?,
            ("--peers", Some(folder)) => peers = Some(PathBuf::from(folder)),
            ("--only", Some(part)) => only = part,
            _ => return Err(USAGE.into()),
        }
    }
    let time = Duration::from_secs(seconds);
    Ok(legitimate::run(time, &only, peers.as_deref()).await?)
}

/// Runs the suite. False: something missed.
async fn attacks(mut args: impl Iterator<Item = String>) -> Result<bool, Box<dyn Error>> {
    let (mut against, mut peers, mut markdown) = (None, None, None);
    let mut names = Vec::new();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--against" => against = args.next(),
            "--peers" => peers = args.next().map(PathBuf::from),
            "--markdown" => markdown = args.next(),
            _ if arg.starts_with('-') => return Err(USAGE.into()),
            _ => names.push(arg),
        }
    }
    let against = match (against.as_deref(), peers) {
        (None, _) => Against::Ours,
        (Some(peer @ ("tonic" | "grpc-go")), Some(folder)) => {
            Against::Peer(folder.join(format!("{peer}-server")))
        }
        _ => return Err(USAGE.into()),
    };
    let ours = matches!(against, Against::Ours);
    let wanted = |side: &str, name: &str| {
        let full = format!("{side}/{name}");
        names.is_empty() || names.iter().any(|name| full.contains(name))
    };
    let mut rows: Vec<Row> = Vec::new();
    report::print_head("attack on a server");
    for case in cases::all() {
        if wanted("server", case.name) {
            let row = suite::run(&case, &against).await;
            row.print(ours);
            rows.push(row);
        }
    }
    if ours {
        report::print_head("attack on a client");
        let (_server, neighbour) = suite::start(&Default::default(), &against).await?;
        for case in servers::all() {
            if wanted("client", case.name) {
                let row = suite_client::run(&case, neighbour).await;
                row.print(ours);
                rows.push(row);
            }
        }
    }
    if let Some(file) = markdown {
        std::fs::write(file, report::markdown(&rows))?;
    }
    let missed = rows.iter().filter(|row| !row.misses.is_empty()).count();
    if !ours {
        return Ok(true);
    }
    println!("{} attacks, {missed} missed", rows.len());
    Ok(missed == 0 && !rows.is_empty())
}
