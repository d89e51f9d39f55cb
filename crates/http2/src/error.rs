//! What can go wrong, by whom and why.

use bytes::Bytes;
use std::fmt;

/// An HTTP/2 error code (RFC 9113 §7); unknown codes are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reason(pub u32);

#[allow(missing_docs)] // the names of RFC 9113 §7
impl Reason {
    pub const NO_ERROR: Reason = Reason(0x0);
    pub const PROTOCOL_ERROR: Reason = Reason(0x1);
    pub const INTERNAL_ERROR: Reason = Reason(0x2);
    pub const FLOW_CONTROL_ERROR: Reason = Reason(0x3);
    pub const SETTINGS_TIMEOUT: Reason = Reason(0x4);
    pub const STREAM_CLOSED: Reason = Reason(0x5);
    pub const FRAME_SIZE_ERROR: Reason = Reason(0x6);
    pub const REFUSED_STREAM: Reason = Reason(0x7);
    pub const CANCEL: Reason = Reason(0x8);
    pub const COMPRESSION_ERROR: Reason = Reason(0x9);
    pub const CONNECT_ERROR: Reason = Reason(0xa);
    pub const ENHANCE_YOUR_CALM: Reason = Reason(0xb);
    pub const INADEQUATE_SECURITY: Reason = Reason(0xc);
    pub const HTTP_1_1_REQUIRED: Reason = Reason(0xd);
}

impl Reason {
    /// The name of RFC 9113 §7, if the code has one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x0 => "NO_ERROR",
            0x1 => "PROTOCOL_ERROR",
            0x2 => "INTERNAL_ERROR",
            0x3 => "FLOW_CONTROL_ERROR",
            0x4 => "SETTINGS_TIMEOUT",
            0x5 => "STREAM_CLOSED",
            0x6 => "FRAME_SIZE_ERROR",
            0x7 => "REFUSED_STREAM",
            0x8 => "CANCEL",
            0x9 => "COMPRESSION_ERROR",
            0xa => "CONNECT_ERROR",
            0xb => "ENHANCE_YOUR_CALM",
            0xc => "INADEQUATE_SECURITY",
            0xd => "HTTP_1_1_REQUIRED",
            _ => return None,
        })
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:x}", self.0),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Which end did it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Initiator {
    /// This end.
    Local,
    /// The peer.
    Peer,
}

/// A crime of the peer, by name, so that tests assert one cause and logs explain themselves.
/// Extended as the machine grows; each variant says which rule it breaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
#[allow(missing_docs)] // the names speak; `Display` gives the sentence with the rule
pub enum PeerMisbehaved {
    BadPreface,
}

/// Why a connection ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer broke a rule; we sent GOAWAY with this code.
    Misbehaved(PeerMisbehaved, Reason),
    /// The peer sent GOAWAY and closed, or its GOAWAY left nothing to do.
    GoAway(Reason, Bytes),
    /// The transport's end of stream came, in order (`Initiator::Peer`) or by our own shutdown.
    Eof(Initiator),
    /// The peer did not answer a keepalive PING in time.
    KeepaliveTimeout,
    /// The peer did not acknowledge our SETTINGS in time (RFC 9113 §6.5.3).
    SettingsTimeout,
}

/// Why [`Connection::open`](crate::Connection::open) gave no stream. Nothing was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The peer's MAX_CONCURRENT_STREAMS is reached; [`Event::CanOpen`](crate::Event::CanOpen) follows.
    TooManyStreams,
    /// GOAWAY was sent or received, the ids are used up, or the connection is closed: open elsewhere.
    GoingAway,
    /// The header list is larger than the peer's SETTINGS_MAX_HEADER_LIST_SIZE.
    HeaderListTooLarge {
        /// Of the list.
        size: usize,
        /// The peer's.
        limit: usize,
    },
}

/// Why a command on a stream had no effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The stream has ended (its `Reset` event may still be on its way), or our side of it is closed.
    StreamGone,
    /// The header list is larger than the peer's SETTINGS_MAX_HEADER_LIST_SIZE.
    HeaderListTooLarge {
        /// Of the list.
        size: usize,
        /// The peer's.
        limit: usize,
    },
}
