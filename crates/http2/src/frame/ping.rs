//! PING, RFC 9113 §6.7.

use super::{Head, Kind, flags};
use crate::error::PeerMisbehaved;

/// A PING frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ping {
    /// The answer to one of ours.
    pub ack: bool,
    /// The eight octets, big-endian.
    pub payload: u64,
}

impl Ping {
    /// Reads a payload.
    ///
    /// # Errors
    /// The crime that the frame is: it stands on a stream, or does not have eight octets (RFC 9113 §6.7).
    pub fn parse(head: &Head, payload: &[u8]) -> Result<Ping, PeerMisbehaved> {
        head.require_no_stream()?;
        let bytes = <[u8; 8]>::try_from(payload).map_err(|_| PeerMisbehaved::WrongFrameSize)?;
        Ok(Ping {
            ack: head.has(flags::ACK),
            payload: u64::from_be_bytes(bytes),
        })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let head = Head {
            len: 8,
            kind: Kind::PING,
            flags: if self.ack { flags::ACK } else { 0 },
            stream: 0,
        };
        head.encode(out);
        out.extend_from_slice(&self.payload.to_be_bytes());
    }
}
