//! RST_STREAM, RFC 9113 §6.4.

use super::{Head, Kind, head};
use crate::error::{PeerMisbehaved, Reason};

/// A RST_STREAM frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RstStream {
    /// The stream that ends.
    pub stream: u32,
    /// Why.
    pub reason: Reason,
}

impl RstStream {
    /// Reads a payload.
    ///
    /// # Errors
    /// The crime that the frame is: it stands on stream 0, or does not have four octets (RFC 9113 §6.4).
    pub fn parse(head: &Head, payload: &[u8]) -> Result<RstStream, PeerMisbehaved> {
        let stream = head.require_stream()?;
        head.require_len(4)?;
        Ok(RstStream {
            stream,
            reason: Reason(head::u32_at(payload, 0)),
        })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let head = Head {
            len: 4,
            kind: Kind::RST_STREAM,
            flags: 0,
            stream: self.stream,
        };
        head.encode(out);
        out.extend_from_slice(&self.reason.0.to_be_bytes());
    }
}
