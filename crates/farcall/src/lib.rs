//! gRPC for Rust: channels, servers and generated code.
//!
//! ```
//! use bytes::Bytes;
//! use farcall::{Channel, Method, MethodKind, Raw, Response, Server, client::UnaryCall, server::{Methods, Service}};
//! use std::sync::Arc;
//!
//! // What generated code does for you: a method, its place in a service, and a call of it.
//! static SHOUT: Method<Bytes, Bytes, Raw> = Method::with_codec("/demo.Voice/Shout", MethodKind::Unary, Raw);
//!
//! struct Voice;
//! impl Service for Voice {
//!     const NAME: &'static str = "demo.Voice";
//!     fn methods(&self, methods: &mut Methods) {
//!         methods.unary(&SHOUT, &Arc::new(()), |_, request| async move {
//!             Ok(Response::new(Bytes::from(request.to_ascii_uppercase())))
//!         });
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder().add_service(Voice).bind("127.0.0.1:0").await?;
//! let target = server.local_addr()?.to_string();
//! tokio::spawn(server.serve());
//!
//! let channel = Channel::builder(target).insecure().build()?;
//! let reply = UnaryCall::new(&channel, &SHOUT, Bytes::from("hello")).await?;
//! assert_eq!(&reply[..], b"HELLO");
//! # Ok(()) }
//! ```
//!
//! | to do | look at |
//! |---|---|
//! | call a service | [`Channel`], generated `…Client` types |
//! | offer a service | [`Server`], generated `…Server` types |
//! | say what went wrong | [`Status`], [`Code`], [`status`] |
//! | send pairs beside messages | [`Metadata`] |
//! | stream | [`Sender`], [`Streaming`] |
//! | encrypt | `ClientTls`, `ServerTls` (feature `tls`) |
#![forbid(unsafe_code)]

#[cfg(feature = "prost")]
pub use farcall_core::Prost;
pub use farcall_core::{
    Code, Codec, Metadata, Method, MethodDescriptor, MethodKind, Raw, Status, metadata, status,
};
#[cfg(any(feature = "tls-aws-lc", feature = "tls-ring"))]
pub use farcall_net::tls::{self, ClientTls, ServerTls};
pub use farcall_net::{
    Address, Channel, ChannelBuilder, ConfigError, ConnectError, ConnectivityState, Context,
    Encoding, IntoRequest, Peer, Request, Response, Sender, ServeError, Server, ShutdownReport,
    Streaming, client, peer, server,
};

/// The protobuf runtime of generated messages.
#[cfg(feature = "prost")]
pub use prost;
/// The well-known types, `google.protobuf.*`, as generated messages use them.
#[cfg(feature = "prost")]
pub use prost_types;

/// How messages become bytes: [`Codec`](codec::Codec) and those that exist.
pub mod codec {
    #[cfg(feature = "prost")]
    pub use farcall_core::Prost;
    pub use farcall_core::{Codec, CodecError, EncodeBuf, Raw};
}

/// Includes what `farcall_build::compile` has generated: one module tree for all packages.
///
/// ```ignore
/// farcall::include_protos!();
/// use helloworld::{GreeterClient, HelloRequest};
/// ```
#[macro_export]
macro_rules! include_protos {
    () => {
        include!(concat!(env!("OUT_DIR"), "/farcall.rs"));
    };
    // What `farcall_build::Config::name` named.
    ($name:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $name, ".rs"));
    };
}
