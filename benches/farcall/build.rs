//! Generates the service that all peers share.

fn main() {
    if let Err(error) = farcall_build::compile(&["../peers/proto/benchmark.proto"]) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
