//! See `tests/retries/README.md`.
#![forbid(unsafe_code)]

mod cases;
mod hedging;
mod peer;

use std::{env, process::ExitCode};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match *words {
        ["cases", server] => cases::run(server).await,
        ["hedging"] => hedging::run().await,
        _ => {
            eprintln!("usage: retries cases SERVER | retries hedging");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("retries: {error}");
            ExitCode::FAILURE
        }
    }
}
