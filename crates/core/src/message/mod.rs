//! Messages on the wire: a flag byte, a length of four bytes, the message (PROTOCOL-HTTP2,
//! "Length-Prefixed-Message"); size limits and compression.

mod compressor;
mod compressors;
mod deframe;
mod encode;
#[cfg(feature = "gzip")]
mod gzip;
mod whole;

pub use compressor::{Compressor, DecompressError};
pub use compressors::Compressors;
pub use deframe::Deframer;
pub use encode::{append_message, encode_message, encode_payload};
#[cfg(feature = "gzip")]
pub use gzip::Gzip;
pub use whole::whole_message;

/// Bytes in front of each message.
pub const PREFIX: usize = 5;

/// Default of the largest message that is received: 4 MiB, as in every gRPC implementation.
pub const DEFAULT_MAX_RECEIVE_MESSAGE_SIZE: usize = 4 << 20;
