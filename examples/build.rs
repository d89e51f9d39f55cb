//! Turns the .proto files into Rust. No protoc needed.

fn main() {
    let protos = [
        "proto/hello.proto",
        "proto/helloworld.proto",
        "proto/route_guide.proto",
    ];
    farcall_build::compile(&protos).unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(1);
    });
}
