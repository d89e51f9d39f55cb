//! `protoc-gen-farcall`: the protocol of protoc's plugins.

use crate::{
    config::Config,
    descriptor::{Files, NEWEST, OLDEST, set_of_request},
    error::Error,
    options, output,
};
use prost::Message;
use prost_types::compiler::CodeGeneratorRequest;
use std::{collections::HashMap, fmt::Write};

/// Answers one request of protoc or buf: an encoded `google.protobuf.compiler.CodeGeneratorRequest` gives an encoded
/// `CodeGeneratorResponse`, which holds one file, `farcall.rs`, or an error.
///
/// This is all that the program `protoc-gen-farcall` does between standard input and standard output.
///
/// ```text
/// protoc --farcall_out=src/proto --farcall_opt=client=false -I proto proto/greeter.proto
/// ```
///
/// ```yaml
/// # buf.gen.yaml
/// version: v2
/// plugins:
///   - local: protoc-gen-farcall
///     out: src/proto
///     strategy: all     # one module tree for all packages needs all files at once
///     opt: [client=false, "extern_path=.acme.common=::acme_common::proto"]
/// ```
///
/// # Parameters
/// Separated by commas (a comma inside of brackets or quotes separates nothing):
///
/// | parameter | |
/// |---|---|
/// | `server=false`, `client=false` | leaves that side out |
/// | `extern_path=.proto=::rust` | the types of a package, or one type, exist already |
/// | `runtime=::path`, `prost=::path` | the paths of the crates `farcall` and `prost` |
/// | `prost_types=false` | generates `google.protobuf` types instead of taking those of `prost-types` |
/// | `bytes=.path` | only these `bytes` fields are `Bytes`; may be repeated |
/// | `btree_map=.path`, `boxed=.path` | as the methods of [`Config`] |
/// | `type_attribute=.path=#[a]` | likewise `message_attribute`, `enum_attribute`, `field_attribute` |
/// | `name=x` | writes `x.rs` |
/// | `embed_descriptors=false` | leaves the constant `FILE_DESCRIPTOR_SET` out, so that reflection cannot describe the services |
pub fn run_plugin(request: &[u8]) -> Vec<u8> {
    let (name, content, error) = match answer(request) {
        Ok((name, content)) => (name, content, None),
        Err(error) => (String::new(), String::new(), Some(error.to_string())),
    };
    let file = error.is_none().then_some(OutputFile {
        name: Some(name),
        content: Some(content),
    });
    let response = Response {
        error,
        supported_features: Some(PROTO3_OPTIONAL | EDITIONS),
        minimum_edition: Some(OLDEST),
        maximum_edition: Some(NEWEST),
        file: file.into_iter().collect(),
    };
    response.encode_to_vec()
}

fn answer(request: &[u8]) -> Result<(String, String), Error> {
    let broken = || Error::new("the request is not an encoded CodeGeneratorRequest");
    let decoded = CodeGeneratorRequest::decode(request).map_err(|_| broken())?;
    let set = set_of_request(request).ok_or_else(broken)?;
    let files = Files::decode(&set, HashMap::new())?;
    let mut config = Config::new();
    for parameter in split(decoded.parameter()) {
        let (option, value) = match parameter.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (parameter, None),
        };
        config = options::apply(config, option, value).map_err(|message| {
            Error::new(format!("{message}; the parameters are\n{}", options::HELP))
        })?;
    }
    let wanted = decoded.file_to_generate.into_iter().collect();
    let generated = output::from(&config, &files, Some(&wanted))?;
    let mut code = generated.code;
    if config.embed_descriptors {
        code.push_str(&literal(&generated.descriptor_set));
    }
    Ok((format!("{}.rs", config.name), code))
}

/// The parameters; commas inside of brackets and quotes separate nothing.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let mut quoted = false;
    let parts = text.split(move |c| {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0 && !quoted
    });
    parts.map(str::trim).filter(|part| !part.is_empty())
}

/// The descriptor set as Rust: a plugin can write text only.
fn literal(set: &[u8]) -> String {
    let mut text = String::from(
        "\n/// The encoded `google.protobuf.FileDescriptorSet` of the files that this code was made from.\n\
         #[allow(dead_code, unreachable_pub)]\n#[rustfmt::skip]\npub const FILE_DESCRIPTOR_SET: &[u8] = b\"",
    );
    for chunk in set.chunks(64) {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\\\n    {}",
            chunk.escape_ascii().to_string().replace(' ', "\\x20")
        );
    }
    text.push_str("\";\n");
    text
}

const PROTO3_OPTIONAL: u64 = 1;
const EDITIONS: u64 = 2;

/// `CodeGeneratorResponse` with the fields for editions, which `prost-types` does not have.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(string, optional, tag = "1")]
    error: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    supported_features: Option<u64>,
    #[prost(int32, optional, tag = "3")]
    minimum_edition: Option<i32>,
    #[prost(int32, optional, tag = "4")]
    maximum_edition: Option<i32>,
    #[prost(message, repeated, tag = "15")]
    file: Vec<OutputFile>,
}

#[derive(Clone, PartialEq, Message)]
struct OutputFile {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "15")]
    content: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_separated_by_commas_outside_of_brackets() {
        let text = "client=false, type_attribute=.a=#[derive(X, Y)],field_attribute=.b=#[doc = \"a, b\"],,server";
        let parts: Vec<&str> = split(text).collect();
        let expected = [
            "client=false",
            "type_attribute=.a=#[derive(X, Y)]",
            "field_attribute=.b=#[doc = \"a, b\"]",
            "server",
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn garbage_is_answered_with_an_error() {
        for request in [&b"\xff\xff"[..], b"\x0a\x05ab", &[0x7a, 2, 0x0a, 9]] {
            let response = Response::decode(&*run_plugin(request)).unwrap();
            assert!(response.error.is_some() && response.file.is_empty());
        }
    }
}
