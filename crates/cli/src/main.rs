//! `farcall`: calls gRPC services from a terminal, describes them, asks for their health, and generates code. The chapter "the tool" of the
//! guide shows it at work.
#![forbid(unsafe_code)]

mod arguments;
mod call;
mod connection;
mod describe;
mod duration;
mod explain;
mod failure;
mod generate;
mod headers;
mod health;
mod json;
mod list;
mod out;
mod progress;
mod schema;
mod status;

use arguments::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match (runtime, arguments.command) {
        (Err(error), _) => Err(failure::Failure::local(error.to_string())),
        (Ok(_), Command::Gen(arguments)) => generate::run(arguments.arguments),
        (Ok(runtime), Command::Call(arguments)) => runtime.block_on(call::run(arguments)),
        (Ok(runtime), Command::List(arguments)) => runtime.block_on(list::run(arguments)),
        (Ok(runtime), Command::Describe(arguments)) => runtime.block_on(describe::run(arguments)),
        (Ok(runtime), Command::Health(arguments)) => runtime.block_on(health::run(arguments)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprint!("{failure}");
            failure.exit_code()
        }
    }
}
