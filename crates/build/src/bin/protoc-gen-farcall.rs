//! A plugin for protoc and buf; see `farcall_build::run_plugin`.

use std::{
    io::{self, Read, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    if std::env::args().len() > 1 {
        println!(
            "protoc-gen-farcall {}: a plugin; protoc and buf run it",
            env!("CARGO_PKG_VERSION")
        );
        return ExitCode::SUCCESS;
    }
    let mut request = Vec::new();
    let done = io::stdin()
        .read_to_end(&mut request)
        .and_then(|_| io::stdout().write_all(&farcall_build::run_plugin(&request)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("protoc-gen-farcall: {error}");
            ExitCode::FAILURE
        }
    }
}
