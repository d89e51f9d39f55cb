//! The rules of one gRPC call, as values and machines without input and output.
//!
//! Everything here is a pure function of what goes in: no socket, no task, no clock, no randomness of its
//! own. The network crate feeds the machines with header lists and payload bytes and does what they say.
//!
//! | room | holds |
//! |---|---|
//! | [`status`] | [`Status`], [`Code`], error details, how both travel in trailers |
//! | [`metadata`] | [`Metadata`]: the user's key-value pairs, text and binary |
//! | [`timeout`] | the `grpc-timeout` header |
//! | [`method`] | [`Method`], [`MethodDescriptor`], paths |
//! | [`codec`] | [`Codec`]: messages to bytes and back; [`Prost`], [`Raw`] |
//! | [`message`] | the five-byte prefix, size limits, compression |
//! | [`call`] | the machines of one attempt, for the client and for the server |
//! | [`service_config`] | [`ServiceConfig`]: what the owner of a service tells its clients |
//! | [`retry`] | further attempts of a call: policies, throttling, pushback |
//! | [`backoff`] | how long to wait between attempts to connect |
//! | [`attributes`] | typed values that travel with addresses and calls |
#![forbid(unsafe_code)]

pub mod attributes;
pub mod backoff;
pub mod call;
pub mod codec;
mod copy;
pub mod message;
pub mod metadata;
pub mod method;
mod quoted;
mod random;
pub mod retry;
pub mod service_config;
#[cfg(test)]
mod snapshot;
pub mod status;
pub mod timeout;

pub use attributes::Attributes;
pub use codec::{Codec, CodecError, EncodeBuf, Prost, Raw};

pub use message::{Compressor, Compressors};
pub use metadata::Metadata;
pub use method::{Method, MethodDescriptor, MethodKind};
pub use service_config::ServiceConfig;
pub use status::{Code, Status};
