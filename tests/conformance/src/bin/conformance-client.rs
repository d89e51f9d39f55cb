//! The client under test of the connectrpc conformance runner.
//!
//! Reads from standard input which calls to make, makes them, some at a time, and writes to standard output what
//! became of them, in the order in which they end. It is done at the end of its input.

use farcall_conformance::{
    client::{self, Channels},
    framing,
    pb::{ClientCompatRequest, ClientCompatResponse},
};
use std::{io, process::ExitCode, sync::Arc, thread};
use tokio::sync::{Semaphore, mpsc};

/// Calls at a time.
const PARALLEL: usize = 16;

#[tokio::main]
async fn main() -> ExitCode {
    let (requests_in, requests) = mpsc::channel(PARALLEL);
    let (responses, responses_out) = mpsc::channel(PARALLEL);
    let reader = thread::spawn(move || read(&requests_in));
    let writer = thread::spawn(move || write(responses_out));
    start_all(requests, responses).await;
    let ended = [("reading", reader.join()), ("writing", writer.join())];
    let mut code = ExitCode::SUCCESS;
    for (what, result) in ended {
        let problem = match result {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "panicked".to_owned(),
        };
        eprintln!("conformance-client: {what}: {problem}");
        code = ExitCode::FAILURE;
    }
    code
}

/// Starts every call. Their tasks hold `responses`: the writer ends when the last call is over.
async fn start_all(
    mut requests: mpsc::Receiver<ClientCompatRequest>,
    responses: mpsc::Sender<ClientCompatResponse>,
) {
    let channels = Arc::new(Channels::default());
    let permits = Arc::new(Semaphore::new(PARALLEL));
    while let Some(request) = requests.recv().await {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let (channels, responses) = (Arc::clone(&channels), responses.clone());
        tokio::spawn(async move {
            let response = client::call(&channels, request).await;
            // If nobody writes any more, the writer has said why.
            let _ = responses.send(response).await;
            drop(permit);
        });
    }
}

fn read(requests: &mpsc::Sender<ClientCompatRequest>) -> io::Result<()> {
    let mut input = io::stdin().lock();
    while let Some(request) = framing::read(&mut input)? {
        if requests.blocking_send(request).is_err() {
            break;
        }
    }
    Ok(())
}

fn write(mut responses: mpsc::Receiver<ClientCompatResponse>) -> io::Result<()> {
    let mut output = io::stdout().lock();
    while let Some(response) = responses.blocking_recv() {
        framing::write(&mut output, &response)?;
    }
    Ok(())
}
