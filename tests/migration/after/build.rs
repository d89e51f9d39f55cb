fn main() {
    farcall_build::compile(&["proto/helloworld.proto", "proto/route_guide.proto"]).unwrap();
}
