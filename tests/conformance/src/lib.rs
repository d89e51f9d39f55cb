//! The two programs that the connectrpc conformance runner tests, on Farcall: gRPC over HTTP/2 with Protobuf messages.
//!
//! `conformance-server` offers the runner's service, [`server`]; `conformance-client` makes the calls that the runner
//! asks for, [`client`]. Both speak to the runner through their standard input and output, [`framing`].
#![forbid(unsafe_code)]

pub mod client;
pub mod framing;
mod headers;
pub mod server;

farcall::include_protos!();

/// The messages and the service of the conformance tests.
pub use connectrpc::conformance::v1 as pb;
