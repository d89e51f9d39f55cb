//! WINDOW_UPDATE, RFC 9113 §6.9.

use super::{Head, Kind, head};
use crate::error::PeerMisbehaved;

/// A WINDOW_UPDATE frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WindowUpdate {
    /// The stream, 0 for the connection.
    pub stream: u32,
    /// Octets that may be sent in addition, 31 bits. 0 is an error of the stream or connection, for the caller to see.
    pub increment: u32,
}

impl WindowUpdate {
    /// Reads a payload.
    ///
    /// # Errors
    /// The crime that the frame is: it does not have four octets (RFC 9113 §6.9).
    pub fn parse(head: &Head, payload: &[u8]) -> Result<WindowUpdate, PeerMisbehaved> {
        head.require_len(4)?;
        Ok(WindowUpdate {
            stream: head.stream,
            increment: head::u32_at(payload, 0) & 0x7fff_ffff,
        })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let head = Head {
            len: 4,
            kind: Kind::WINDOW_UPDATE,
            flags: 0,
            stream: self.stream,
        };
        head.encode(out);
        out.extend_from_slice(&self.increment.to_be_bytes());
    }
}
