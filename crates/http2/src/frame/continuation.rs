//! CONTINUATION, RFC 9113 §6.10.

use super::{Head, Kind, flags};
use crate::error::PeerMisbehaved;

/// A CONTINUATION frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Continuation<'a> {
    /// The stream.
    pub stream: u32,
    /// A further piece of the header block.
    pub fragment: &'a [u8],
    /// The last piece.
    pub end_headers: bool,
}

impl<'a> Continuation<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// The crime that the frame is: it stands on stream 0 (RFC 9113 §6.10).
    pub fn parse(head: &Head, payload: &'a [u8]) -> Result<Continuation<'a>, PeerMisbehaved> {
        Ok(Continuation {
            stream: head.require_stream()?,
            fragment: payload,
            end_headers: head.has(flags::END_HEADERS),
        })
    }

    /// Appends `block` in frames of at most `max_frame_size`; the last one ends the header block.
    ///
    /// # Panics
    /// If `max_frame_size` is 0.
    pub fn encode_all(stream: u32, max_frame_size: u32, block: &[u8], out: &mut Vec<u8>) {
        let mut pieces = block.chunks(max_frame_size as usize).peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            let head = Head {
                len: piece.len() as u32,
                kind: Kind::CONTINUATION,
                flags: if last { flags::END_HEADERS } else { 0 },
                stream,
            };
            head.encode(out);
            out.extend_from_slice(piece);
        }
    }
}
