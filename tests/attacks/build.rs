//! Generates the benchmark service, which the servers of `benches/peers` offer too.

fn main() {
    if let Err(error) = farcall_build::compile(&["../../benches/peers/proto/benchmark.proto"]) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
