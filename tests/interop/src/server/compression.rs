//! What the compression cases ask of a server.

use crate::pb::BoolValue;
use farcall::{Encoding, Sender, Status};

/// Compares what a message says about its own compression with the compressed flag that it came with.
///
/// # Errors
/// `INVALID_ARGUMENT` if they differ.
pub(super) fn expect(expected: Option<BoolValue>, compressed: bool) -> Result<(), Status> {
    match expected {
        Some(expected) if expected.value != compressed => Err(Status::invalid_argument(format!(
            "expect_compressed is {}, but the message came {}",
            expected.value,
            if compressed {
                "compressed"
            } else {
                "uncompressed"
            },
        ))),
        _ => Ok(()),
    }
}

/// Announces gzip if the caller accepts it, so that each reply can be compressed or not.
pub(super) fn offer<T>(replies: &mut Sender<T>) {
    replies.set_compression(Encoding::Gzip);
    replies.compress(false);
}
