//! Turns the .proto files into Rust. No protoc needed.

fn main() {
    farcall_build::compile(&["proto/hello.proto", "proto/route_guide.proto"]).unwrap_or_else(
        |error| {
            eprintln!("{error}");
            std::process::exit(1);
        },
    );
}
