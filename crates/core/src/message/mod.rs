//! Messages on the wire: a flag byte, a length of four bytes, the message (PROTOCOL-HTTP2,
//! "Length-Prefixed-Message"); size limits and compression.

#[cfg(test)]
mod compression_tests;
mod compressor;
mod compressors;
#[cfg(feature = "deflate")]
mod deflate;
mod deframe;
mod encode;
#[cfg(any(feature = "deflate", feature = "gzip"))]
mod flate;
#[cfg(feature = "gzip")]
mod gzip;
mod lent;
#[cfg(any(
    feature = "deflate",
    feature = "gzip",
    feature = "snappy",
    feature = "zstd"
))]
mod room;
#[cfg(feature = "snappy")]
mod snappy;
mod whole;
#[cfg(feature = "zstd")]
mod zstd;

pub use compressor::{Compressor, DecompressError};
pub use compressors::Compressors;
#[cfg(feature = "deflate")]
pub use deflate::Deflate;
pub use deframe::Deframer;
pub use encode::{append_message, encode_message, encode_payload};
#[cfg(feature = "gzip")]
pub use gzip::Gzip;
#[cfg(feature = "snappy")]
pub use snappy::Snappy;
pub use whole::whole_message;
#[cfg(feature = "zstd")]
pub use zstd::Zstd;

/// Bytes in front of each message.
pub const PREFIX: usize = 5;

/// Default of the largest message that is received: 4 MiB, as in every gRPC implementation.
pub const DEFAULT_MAX_RECEIVE_MESSAGE_SIZE: usize = 4 << 20;
