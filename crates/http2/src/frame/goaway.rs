//! GOAWAY, RFC 9113 §6.8.

use super::{Head, Kind, head};
use crate::error::{PeerMisbehaved, Reason};

/// A GOAWAY frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GoAway<'a> {
    /// The highest stream that the sender did or may do something about.
    pub last_stream: u32,
    /// Why.
    pub reason: Reason,
    /// Text for people, any bytes.
    pub debug: &'a [u8],
}

impl<'a> GoAway<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// The crime that the frame is: it stands on a stream, or is too short (RFC 9113 §6.8).
    pub fn parse(head: &Head, payload: &'a [u8]) -> Result<GoAway<'a>, PeerMisbehaved> {
        head.require_no_stream()?;
        let debug = payload.get(8..).ok_or(PeerMisbehaved::WrongFrameSize)?;
        Ok(GoAway {
            last_stream: head::u32_at(payload, 0) & 0x7fff_ffff,
            reason: Reason(head::u32_at(payload, 4)),
            debug,
        })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let head = Head {
            len: 8 + self.debug.len() as u32,
            kind: Kind::GOAWAY,
            flags: 0,
            stream: 0,
        };
        head.encode(out);
        out.extend_from_slice(&self.last_stream.to_be_bytes());
        out.extend_from_slice(&self.reason.0.to_be_bytes());
        out.extend_from_slice(self.debug);
    }
}
