//! Rust from `.proto` files, for the gRPC crate `farcall`: messages through prost, services of our own.
//!
//! ```no_run
//! // build.rs
//! fn main() {
//!     farcall_build::compile(&["proto/greeter.proto"]).unwrap();
//! }
//! ```
//!
//! ```ignore
//! // src/main.rs
//! farcall::include_protos!();     // one module tree for all packages: `helloworld::{Greeter, GreeterClient, …}`
//! ```
//!
//! No protoc is needed: the compiler for proto2 and proto3 is built in. Files of an edition (2023, 2024) need the output
//! of a compiler that knows editions: name a protoc with the environment variable `PROTOC` or with [`Config::protoc`], or
//! pass a descriptor set ([`Config::descriptor_set_file`]).
//!
//! The same generator is the plugin `protoc-gen-farcall` ([`run_plugin`]) and the command `farcall-build gen [--check]`
//! ([`run_gen`]) for code that is checked in.
//!
//! # What a service becomes
//!
//! For `service Greeter` of package `helloworld`, in the module `helloworld`:
//!
//! | | |
//! |---|---|
//! | `trait Greeter` | to implement, with `async fn`; a method left out answers `UNIMPLEMENTED` |
//! | `GreeterServer<S>` | what a server takes: `GreeterServer::new(service)` |
//! | `GreeterClient` | `GreeterClient::new(channel)`, and a method for each RPC |
//! | `mod greeter` | a `static` for each method: path, kind, types |
//! | `FILE_DESCRIPTOR_SET` | (in the root) the descriptors of all files; `GreeterServer` hands them to the reflection service |
//!
//! # Names
//!
//! Names are made as prost-build makes them, so that messages look as everywhere: `SayHello` is `say_hello`, keywords are
//! escaped (`r#type`, `self_`). RPCs called `New`, `Clone`, `Into` and `TryInto` are `new_`, `clone_`, `into_` and
//! `try_into_`, because a client has those functions already. If a message is called like one of a service's types
//! (`message GreeterClient`), the types of the service are `GreeterService`, `GreeterServiceClient` and
//! `GreeterServiceServer` instead, and if a module `greeter` is there already, the statics stand in `greeter_service`.
//! Two names that would be one in Rust are an error that shows both places.
//!
//! # Comments
//!
//! Comments become rustdoc that cannot break: code blocks are text, never doctests; HTML, brackets and bare URLs are
//! escaped or made links. Deprecated services, methods and fields are `#[deprecated]`.
//!
//! # Features
//!
//! | feature | default | |
//! |---|---|---|
//! | `protox` | yes | the built-in compiler; without it, input is a descriptor set, or `PROTOC` is needed |
#![forbid(unsafe_code)]
// The first example is a whole build script.
#![allow(clippy::needless_doctest_main)]

mod command;
mod config;
mod descriptor;
mod docs;
mod emit;
mod error;
mod input;
mod messages;
mod model;
mod names;
mod options;
mod output;
mod plugin;

pub use command::run_gen;
pub use config::Config;
pub use error::{Diagnostic, Error, Location};
pub use output::Generated;
pub use plugin::run_plugin;

use std::path::Path;

/// For build scripts: generates code from `.proto` files into `OUT_DIR`, to be included with
/// `farcall::include_protos!()`.
///
/// It is [`Config::compile`] with the defaults of [`Config`]; imports are looked up as [`Config::include`] says.
///
/// # Errors
/// As [`Config::compile`].
///
/// ```no_run
/// farcall_build::compile(&["proto/greeter.proto", "proto/admin.proto"]).unwrap();
/// ```
pub fn compile<P: AsRef<Path>>(protos: &[P]) -> Result<(), Error> {
    Config::new()
        .protos(protos.iter().map(AsRef::as_ref))
        .compile()
}
