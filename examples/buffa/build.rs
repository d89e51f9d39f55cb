//! Messages by buffa, services by Farcall, both from descriptors that Farcall has compiled: no protoc needed.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let set = farcall_build::Config::new()
        .proto("../proto/hello.proto")
        .descriptors()?;
    let path = Path::new(&env::var("OUT_DIR")?).join("hello.binpb");
    fs::write(&path, &set)?;
    buffa_build::Config::new()
        .descriptor_set(&path)
        .files(&["hello.proto"])
        .include_file("messages.rs")
        .compile()?;
    farcall_build::Config::new()
        .descriptor_set(set)
        .messages_in("crate::messages")
        .codec("::farcall_buffa::Buffa")
        .requests_as("::farcall_buffa::View") // what handlers get: leave it out for messages
        .compile()?;
    println!("cargo::rerun-if-changed=../proto/hello.proto");
    Ok(())
}
