//! Why a header block cannot be decoded.

use std::fmt;

/// The peer's header block breaks RFC 7541. The tables of the two ends may differ from now on, so the
/// connection ends with `COMPRESSION_ERROR` (RFC 9113 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DecodeError {
    /// The block ends inside of a field.
    Truncated,
    /// Index 0, or one beyond the end of both tables (RFC 7541 §2.3.3).
    InvalidIndex,
    /// An integer above 2^32−1, or written with more octets than any such needs (RFC 7541 §5.1).
    IntegerOverflow,
    /// Huffman padding of eight bits or more, or with a zero bit in it (RFC 7541 §5.2).
    InvalidPadding,
    /// The Huffman code of the end of a string inside of a string (RFC 7541 §5.2).
    EndOfStringCode,
    /// A table size above the announced SETTINGS_HEADER_TABLE_SIZE (RFC 7541 §6.3).
    TableSizeTooLarge,
    /// A table size update after the first field of a block (RFC 7541 §4.2).
    LateSizeUpdate,
    /// More than the two table size updates that RFC 7541 §4.2 allows at the start of a block.
    TooManySizeUpdates,
    /// The table was lowered by acknowledged SETTINGS and the block does not begin by saying so (RFC 9113 §4.3.1).
    MissingSizeUpdate,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecodeError::Truncated => "header block ends inside of a field",
            DecodeError::InvalidIndex => "header index outside of the tables",
            DecodeError::IntegerOverflow => "header integer too large",
            DecodeError::InvalidPadding => "invalid Huffman padding",
            DecodeError::EndOfStringCode => "Huffman end of string inside of a string",
            DecodeError::TableSizeTooLarge => "header table size above the announced limit",
            DecodeError::LateSizeUpdate => "header table size update after a field",
            DecodeError::TooManySizeUpdates => "too many header table size updates in a block",
            DecodeError::MissingSizeUpdate => {
                "header table size update missing after its limit was lowered"
            }
        })
    }
}

impl std::error::Error for DecodeError {}
