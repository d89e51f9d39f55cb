//! PRIORITY, RFC 9113 §6.3: deprecated, read for its errors and ignored.

use super::{Head, Kind, head};
use crate::error::PeerMisbehaved;

/// A stream dependency (RFC 9113 §5.3.2, deprecated).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Priority {
    /// The stream that carries it.
    pub stream: u32,
    /// The stream that it depends on.
    pub dependency: u32,
    /// Exclusive dependency.
    pub exclusive: bool,
    /// Weight minus one.
    pub weight: u8,
}

impl Priority {
    /// Octets of the payload.
    pub const LEN: usize = 5;

    /// Reads a payload. A wrong length is an error of the stream only (RFC 9113 §6.3).
    ///
    /// # Errors
    /// The crime that the frame is: it stands on stream 0, or does not have five octets.
    pub fn parse(head: &Head, payload: &[u8]) -> Result<Priority, PeerMisbehaved> {
        let stream = head.require_stream()?;
        head.require_len(Priority::LEN as u32)?;
        Ok(Priority::read(stream, payload))
    }

    /// Reads the five octets at the front of `payload`; the caller has checked that they are there.
    pub(super) fn read(stream: u32, payload: &[u8]) -> Priority {
        let word = head::u32_at(payload, 0);
        Priority {
            stream,
            dependency: word & 0x7fff_ffff,
            exclusive: word >> 31 == 1,
            weight: payload.get(4).copied().unwrap_or(0),
        }
    }

    /// A stream must not depend on itself (RFC 7540 §5.3.1).
    pub fn is_self_dependency(&self) -> bool {
        self.stream == self.dependency
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let head = Head {
            len: Priority::LEN as u32,
            kind: Kind::PRIORITY,
            flags: 0,
            stream: self.stream,
        };
        head.encode(out);
        let word = self.dependency | u32::from(self.exclusive) << 31;
        out.extend_from_slice(&word.to_be_bytes());
        out.push(self.weight);
    }
}
