//! The server under test of the connectrpc conformance runner.
//!
//! Reads from standard input what server to be, says on standard output where it is, and serves until SIGTERM.

use farcall_conformance::{framing, pb::ServerCompatRequest, server};
use std::{error::Error, io, process::ExitCode, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// How long calls may go on after SIGTERM.
const DRAIN: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let wanted: ServerCompatRequest =
        framing::read(&mut io::stdin().lock())?.ok_or("nothing on standard input")?;
    let (bound, response) = server::bind(&wanted).await?;
    framing::write(&mut io::stdout().lock(), &response)?;
    let shutdown = async {
        terminate.recv().await;
    };
    bound.serve_with_shutdown(shutdown, DRAIN).await;
    Ok(())
}
