//! Generates the messages and the service of the conformance tests.

fn main() {
    let protos = ["proto/client_compat.proto", "proto/server_compat.proto"];
    if let Err(error) = farcall_build::compile(&protos) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
