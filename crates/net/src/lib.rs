//! Channel and Server of Farcall on tokio: sockets, TLS, drivers.
//!
//! Users depend on the `farcall` crate, which re-exports what is public here.
#![forbid(unsafe_code)]

pub mod client;
mod clock;
pub mod context;
mod encoding;
mod error;
mod message;
pub mod peer;
mod resolver;
pub mod server;
mod streaming;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;

pub use client::{Channel, ChannelBuilder};
pub use context::Context;
pub use error::ConfigError;
pub use encoding::Encoding;
pub use farcall_core::{Code, Metadata, Method, Status};
pub use farcall_lb::{Address, ConnectivityState};
pub use message::{IntoRequest, Request, Response};
pub use peer::Peer;
pub use transport::connect::ConnectError;
pub use server::{ServeError, Server, ShutdownReport};
pub use streaming::{Sender, Streaming};
