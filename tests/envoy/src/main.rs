//! Envoy as a front proxy between clients and our server: see `tests/envoy/run`.

mod admin;
mod backend;
mod calls;
mod config;
mod counters;
mod drains;
mod health;
mod http;
mod interop;
mod load;
mod proxy;
mod service;
mod table;
mod web;

use std::process::ExitCode;
use table::Table;

/// What a case says when it does not hold.
type Outcome = Result<String, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(envoy), Some(Ok(rounds))) = (
        arguments.next(),
        arguments.next().map(|rounds| rounds.parse()),
    ) else {
        eprintln!("usage: front-proxy ENVOY ROUNDS [WORD]...");
        return ExitCode::from(2);
    };
    let mut table = Table::new(arguments.collect());
    calls::run(&mut table, &envoy).await;
    interop::run(&mut table, &envoy).await;
    web::run(&mut table, &envoy).await;
    health::run(&mut table, &envoy).await;
    drains::run(&mut table, &envoy, rounds).await;
    table.finish()
}
