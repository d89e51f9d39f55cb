//! Header compression, RFC 7541, both directions.
//!
//! [`Decoder`] and [`Encoder`] each own one dynamic table: a connection has one of each. Both are
//! machines without input and output: whole header blocks go in and out. [`BlockMemo`] remembers what
//! the layer above made of blocks that a peer repeats.
//!
//! ```
//! use farcall_http2::hpack::{DecodeLimits, Decoder, Encoder};
//! use farcall_http2::{Field, KnownName, Part};
//!
//! let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
//! let list = [Field::new(KnownName::Path, "/echo.Echo/Say"), Field::new(KnownName::Te, "trailers")];
//! let mut sizes = Vec::new();
//! for _ in 0..2 {
//!     let (mut block, mut received) = (Vec::new(), Vec::new());
//!     encoder.encode(&[Part::Fields(&list)], &mut block);
//!     let sink = |name, value, _sensitive| received.push(Field::new(name, value));
//!     decoder.decode(&block, DecodeLimits::default(), sink).unwrap();
//!     assert_eq!(received, list);
//!     sizes.push(block.len());
//! }
//! assert_eq!(sizes[1], 2); // the second time an octet for each field
//! ```

mod classify;
mod decoder;
mod decoder_table;
mod encoder;
mod encoder_table;
mod error;
mod huffman;
mod integer;
mod memo;
mod pieces;
mod policy;
mod static_table;
mod timeouts;

#[cfg(test)]
mod tests;

pub use decoder::{DecodeLimits, Decoder, Outcome, TooLarge};
pub use encoder::Encoder;
pub(crate) use encoder::Remembered;
pub use error::DecodeError;
pub use memo::BlockMemo;
pub(crate) use timeouts::TimeoutMemo;

/// Longest block that is remembered.
const MAX_BLOCK: usize = 256;
/// Largest list that is, as header-list limits count: the sum over all slots of a memory stays below 64 KiB.
const MAX_LIST: usize = 4096;
