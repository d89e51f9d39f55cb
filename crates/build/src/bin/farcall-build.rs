//! Generates code that is checked in; see `farcall_build::run_gen`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let arguments: Vec<String> = match command.as_deref() {
        Some("gen") => arguments.collect(),
        _ => vec!["--help".into()],
    };
    match farcall_build::run_gen(arguments) {
        Ok(text) => {
            println!("{}", text.trim_end());
            if command.as_deref() == Some("gen") {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(2)
            }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
