//! Generates the service that the experiments call.

fn main() {
    if let Err(error) = farcall_build::compile(&["proto/experiments.proto"]) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
