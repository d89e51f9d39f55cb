//! The gRPC interop tests on Farcall: the service under test, and the cases that a client checks.
//!
//! `interop-server` and `interop-client` are thin programs around [`server`] and [`cases`]. They take the flags
//! of grpc-go's programs, so that scripts can put any implementation on either side.
#![forbid(unsafe_code)]

pub mod cases;
pub mod env;
pub mod failure;
pub mod flags;
pub mod server;

farcall::include_protos!();

/// The messages and services of the interop tests.
pub use grpc::testing as pb;

/// The well-known gRPC test CA.
pub const TEST_CA: &str = include_str!("../certs/ca.pem");
/// A certificate of the test CA, for `*.test.google.fr` and others.
pub const TEST_CERTIFICATE: &str = include_str!("../certs/server1.pem");
/// The (public) key of [`TEST_CERTIFICATE`].
pub const TEST_KEY: &str = include_str!("../certs/server1.key");

/// The request metadata that a server sends back in its initial metadata.
pub const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";
/// The request metadata that a server sends back in its trailers.
pub const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";
