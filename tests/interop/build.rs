//! Generates the messages and services of the interop tests.

fn main() {
    if let Err(error) = farcall_build::compile(&["proto/test.proto"]) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
