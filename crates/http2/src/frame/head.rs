//! The nine octets in front of every frame, RFC 9113 §4.1.

use crate::error::PeerMisbehaved;
use std::fmt;

/// Octets of a frame's head.
pub const HEAD_LEN: usize = 9;

/// A frame type; unknown ones are kept, they are ignored (RFC 9113 §4.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub u8);

#[allow(missing_docs)] // the names of RFC 9113 §6
impl Kind {
    pub const DATA: Kind = Kind(0);
    pub const HEADERS: Kind = Kind(1);
    pub const PRIORITY: Kind = Kind(2);
    pub const RST_STREAM: Kind = Kind(3);
    pub const SETTINGS: Kind = Kind(4);
    pub const PUSH_PROMISE: Kind = Kind(5);
    pub const PING: Kind = Kind(6);
    pub const GOAWAY: Kind = Kind(7);
    pub const WINDOW_UPDATE: Kind = Kind(8);
    pub const CONTINUATION: Kind = Kind(9);
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 10] = [
            "DATA",
            "HEADERS",
            "PRIORITY",
            "RST_STREAM",
            "SETTINGS",
            "PUSH_PROMISE",
            "PING",
            "GOAWAY",
            "WINDOW_UPDATE",
            "CONTINUATION",
        ];
        match NAMES.get(self.0 as usize) {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:02x}", self.0),
        }
    }
}

/// Flag bits, RFC 9113 §6.
#[allow(missing_docs)]
pub mod flags {
    pub const ACK: u8 = 0x1;
    pub const END_STREAM: u8 = 0x1;
    pub const END_HEADERS: u8 = 0x4;
    pub const PADDED: u8 = 0x8;
    pub const PRIORITY: u8 = 0x20;
}

/// What stands in front of a frame's payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Octets of payload, 24 bits.
    pub len: u32,
    /// The frame's type.
    pub kind: Kind,
    /// Flag bits; those that the type does not define are ignored.
    pub flags: u8,
    /// The stream, 0 for the connection. 31 bits: the reserved one is ignored.
    pub stream: u32,
}

impl Head {
    /// Reads a head. Every value is a head.
    #[inline]
    pub fn parse(bytes: &[u8; HEAD_LEN]) -> Head {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = *bytes;
        Head {
            len: u32::from_be_bytes([0, l0, l1, l2]),
            kind: Kind(kind),
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff,
        }
    }

    /// The nine octets.
    #[inline]
    pub fn to_bytes(self) -> [u8; HEAD_LEN] {
        let [_, l0, l1, l2] = self.len.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind.0, self.flags, s0, s1, s2, s3]
    }

    /// Appends the nine octets.
    #[inline]
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }

    /// Whether a flag is set.
    #[inline]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The stream of a frame that must have one.
    #[inline]
    pub(crate) fn require_stream(&self) -> Result<u32, PeerMisbehaved> {
        if self.stream == 0 {
            return Err(PeerMisbehaved::FrameOnStreamZero);
        }
        Ok(self.stream)
    }

    pub(crate) fn require_no_stream(&self) -> Result<(), PeerMisbehaved> {
        if self.stream != 0 {
            return Err(PeerMisbehaved::ConnectionFrameOnStream);
        }
        Ok(())
    }

    pub(crate) fn require_len(&self, len: u32) -> Result<(), PeerMisbehaved> {
        if self.len != len {
            return Err(PeerMisbehaved::WrongFrameSize);
        }
        Ok(())
    }
}

/// Takes the octets `at..at + 4` of a payload whose length has been checked; zero beyond its end.
pub(crate) fn u32_at(payload: &[u8], at: usize) -> u32 {
    let bytes = payload.get(at..).and_then(|rest| rest.first_chunk::<4>());
    bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// Cuts the padding off a payload (RFC 9113 §6.1).
pub(crate) fn unpad<'a>(head: &Head, payload: &'a [u8]) -> Result<&'a [u8], PeerMisbehaved> {
    if !head.has(flags::PADDED) {
        return Ok(payload);
    }
    let (&padding, rest) = payload
        .split_first()
        .ok_or(PeerMisbehaved::WrongFrameSize)?;
    let kept = rest
        .len()
        .checked_sub(padding as usize)
        .ok_or(PeerMisbehaved::PaddingTooLong)?;
    Ok(&rest[..kept])
}
