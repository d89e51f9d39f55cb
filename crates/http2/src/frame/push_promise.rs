//! PUSH_PROMISE, RFC 9113 §6.6: always refused, here for the sake of test peers.

use super::{Head, Kind, flags};

/// A PUSH_PROMISE frame to send. Nothing reads one: receiving it is a connection error, because push is off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PushPromise<'a> {
    /// The stream of the request.
    pub stream: u32,
    /// The stream that the promised response would have.
    pub promised: u32,
    /// The promised request's header block.
    pub block: &'a [u8],
}

impl PushPromise<'_> {
    /// Appends the frame, in one piece.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let head = Head {
            len: self.block.len() as u32 + 4,
            kind: Kind::PUSH_PROMISE,
            flags: flags::END_HEADERS,
            stream: self.stream,
        };
        head.encode(out);
        out.extend_from_slice(&self.promised.to_be_bytes());
        out.extend_from_slice(self.block);
    }
}
