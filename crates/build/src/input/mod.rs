//! From `.proto` files or an encoded set to [`Files`].

mod protoc;
mod roots;
#[cfg(feature = "protox")]
mod rust;
mod sources;

use crate::{
    config::{Config, DescriptorSet},
    descriptor::Files,
    error::Error,
};
use sources::Compiled;
use std::{collections::HashMap, env, fs, path::PathBuf};

/// Reads and compiles what the configuration names.
pub(crate) fn load(config: &Config) -> Result<Files, Error> {
    if let Some(set) = &config.descriptors {
        if !config.protos.is_empty() {
            return Err(Error::new(
                "both .proto files and a descriptor set are named; name one of them",
            ));
        }
        return match set {
            DescriptorSet::Bytes(bytes) => Files::decode(bytes, HashMap::new()),
            DescriptorSet::File(path) => {
                let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
                Files::decode(&bytes, HashMap::new())
            }
        };
    }
    if config.protos.is_empty() {
        return Err(Error::new(
            "no input: name .proto files or a descriptor set",
        ));
    }
    for proto in &config.protos {
        fs::metadata(proto).map_err(|error| Error::io("read", proto, error))?;
    }
    let includes = match config.includes.is_empty() {
        true => roots::of(&config.protos),
        false => config.includes.clone(),
    };
    let (set, disk) = compile(config, &includes)?;
    Files::decode(&set, disk)
}

#[cfg(feature = "protox")]
fn compile(config: &Config, includes: &[PathBuf]) -> Result<Compiled, Error> {
    if let Some(program) = &config.protoc {
        return protoc::compile(program, &config.protos, includes);
    }
    match rust::compile(&config.protos, includes) {
        Ok(compiled) => Ok(compiled),
        Err(failure) => match (failure.edition, env::var_os("PROTOC")) {
            (None, _) => Err(failure.error),
            (Some(_), Some(program)) => protoc::compile(program.as_ref(), &config.protos, includes),
            (Some(at), None) => Err(Error::at(
                at,
                "the built-in compiler knows proto2 and proto3 but no editions: set the environment variable PROTOC \
                 (or Config::protoc) to a protoc of version 27 or later, or pass a descriptor set",
            )),
        },
    }
}

#[cfg(not(feature = "protox"))]
fn compile(config: &Config, includes: &[PathBuf]) -> Result<Compiled, Error> {
    let program = config.protoc.clone().or_else(|| env::var_os("PROTOC").map(PathBuf::from)).ok_or_else(|| {
        Error::new("farcall-build was built without its compiler (feature `protox`): set PROTOC or Config::protoc, or pass a descriptor set")
    })?;
    protoc::compile(&program, &config.protos, includes)
}
