#![cfg_attr(not(doctest), doc = include_str!("../docs/front.md"))]
//!
//! Start with the [`guide`]. In short:
//!
//! | to do | look at |
//! |---|---|
//! | call a service | [`Channel`], generated `…Client` types |
//! | offer a service | [`Server`], generated `…Server` types |
//! | say what went wrong | [`Status`], [`Code`], [`status`] |
//! | send pairs beside messages | [`Metadata`] |
//! | stream | [`Sender`], [`Streaming`] |
//! | do something around every call | [`interceptor`], [`Interceptor`] |
//! | prove on whose behalf you call | [`credentials`] |
//! | inherit and detach deadlines and cancellation | [`Context`] |
//! | encrypt | `ClientTls`, `ServerTls` (feature `tls`), [`guide::tls`] |
//! | balance, configure services, resolve names | [`guide::channel`], [`lb`], [`resolver`], [`service_config`] |
//! | tell whether a server is fit, and what it offers | `health`, `reflection` (features of these names), [`guide::health_and_reflection`] |
//! | limit what peers may do | [`guide::limits`] |
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `prost` | yes | Protobuf messages, typed error details; what generated code needs |
//! | `well-known-types` | yes | `google.protobuf.Timestamp` and its like in messages |
//! | `gzip` | yes | the gzip compressor |
//! | `deflate`, `zstd`, `snappy` | no | the compressor of that name; `zstd` brings in C code |
//! | `health`, `reflection` | yes | the services of these names |
//! | `tls`, `tls-aws-lc` | yes | TLS with the cryptography of aws-lc |
//! | `tls-ring` | no | TLS with the cryptography of ring |
//! | `tower` | no | the server as a tower service of HTTP requests ([`guide::mounts`]) |
//! | `axum` | no | the server in axum's router |
#![forbid(unsafe_code)]

pub mod guide;

#[cfg(feature = "prost")]
pub use farcall_core::Prost;
pub use farcall_core::{
    Code, Codec, Metadata, Method, MethodDescriptor, MethodKind, Raw, ServiceConfig, Status,
    metadata, service_config, status,
};
#[cfg(any(feature = "tls-aws-lc", feature = "tls-ring"))]
pub use farcall_net::tls::{self, ClientTls, ServerTls};
pub use farcall_net::{
    Address, Channel, ChannelBuilder, ConfigError, ConnectError, ConnectivityState, Context,
    Encoding, IntoRequest, Peer, Registry, Request, Response, Sender, ServeError, Server,
    ShutdownReport, Streaming, client, lb, peer, resolver, server,
};
pub use farcall_net::{
    credentials,
    interceptor::{self, Interceptor},
};

#[cfg(feature = "health")]
pub use farcall_services::health;
#[cfg(feature = "reflection")]
pub use farcall_services::reflection;

/// The protobuf runtime of generated messages.
#[cfg(feature = "prost")]
pub use prost;
/// The well-known types, `google.protobuf.*`, as generated messages use them.
#[cfg(feature = "well-known-types")]
pub use prost_types;

/// How messages are made smaller: the compressors that are built in, and [`Compressor`](compression::Compressor) for others. See
/// [`guide::compression`].
pub mod compression {
    #[cfg(feature = "deflate")]
    pub use farcall_core::message::Deflate;
    #[cfg(feature = "gzip")]
    pub use farcall_core::message::Gzip;
    #[cfg(feature = "snappy")]
    pub use farcall_core::message::Snappy;
    #[cfg(feature = "zstd")]
    pub use farcall_core::message::Zstd;
    pub use farcall_core::message::{Compressor, Compressors, DecompressError};
}

/// How messages become bytes: [`Codec`] and those that exist.
pub mod codec {
    #[cfg(feature = "prost")]
    pub use farcall_core::Prost;
    pub use farcall_core::{Codec, CodecError, EncodeBuf, Raw};
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/include-protos.md"))]
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
