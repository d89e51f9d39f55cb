//! Frames as a peer sees them, written and read without any rule being applied.
//!
//! The numbers are written out here once more, from the RFC: a peer that had them from the machine under test would share its
//! mistakes.

use bytes::Bytes;
use farcall_http2::Reason;
use std::fmt;

/// Frame types (RFC 9113 §6).
#[allow(missing_docs)] // the names of RFC 9113 §6
pub mod kind {
    pub const DATA: u8 = 0x0;
    pub const HEADERS: u8 = 0x1;
    pub const PRIORITY: u8 = 0x2;
    pub const RST_STREAM: u8 = 0x3;
    pub const SETTINGS: u8 = 0x4;
    pub const PUSH_PROMISE: u8 = 0x5;
    pub const PING: u8 = 0x6;
    pub const GOAWAY: u8 = 0x7;
    pub const WINDOW_UPDATE: u8 = 0x8;
    pub const CONTINUATION: u8 = 0x9;
}

/// Frame flags (RFC 9113 §6).
#[allow(missing_docs)] // the names of RFC 9113 §6
pub mod flag {
    pub const NONE: u8 = 0x0;
    pub const ACK: u8 = 0x1;
    pub const END_STREAM: u8 = 0x1;
    pub const END_HEADERS: u8 = 0x4;
    pub const PADDED: u8 = 0x8;
    pub const PRIORITY: u8 = 0x20;
}

/// Parameters of SETTINGS (RFC 9113 §6.5.2).
#[allow(missing_docs)] // the names of RFC 9113 §6.5.2
pub mod setting {
    pub const HEADER_TABLE_SIZE: u16 = 0x1;
    pub const ENABLE_PUSH: u16 = 0x2;
    pub const MAX_CONCURRENT_STREAMS: u16 = 0x3;
    pub const INITIAL_WINDOW_SIZE: u16 = 0x4;
    pub const MAX_FRAME_SIZE: u16 = 0x5;
    pub const MAX_HEADER_LIST_SIZE: u16 = 0x6;
}

/// A frame that the other end has sent. Header blocks are decoded, CONTINUATION frames joined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// DATA without its padding.
    Data {
        /// Of the frame.
        stream: u32,
        /// The payload.
        data: Bytes,
        /// END_STREAM.
        end_stream: bool,
    },
    /// HEADERS with its CONTINUATIONs.
    Headers {
        /// Of the frame.
        stream: u32,
        /// Decoded.
        list: HeaderList,
        /// END_STREAM.
        end_stream: bool,
    },
    /// RST_STREAM.
    Rst {
        /// Of the frame.
        stream: u32,
        /// The error code.
        reason: Reason,
    },
    /// SETTINGS that is no acknowledgement.
    Settings(Vec<(u16, u32)>),
    /// The acknowledgement of SETTINGS.
    SettingsAck,
    /// PING; `ack` says which kind.
    Ping {
        /// The eight bytes.
        payload: u64,
        /// ACK.
        ack: bool,
    },
    /// GOAWAY.
    GoAway {
        /// The last stream that was or may be processed.
        last: u32,
        /// The error code.
        reason: Reason,
        /// The text.
        debug: Bytes,
    },
    /// WINDOW_UPDATE; stream 0 is the connection.
    WindowUpdate {
        /// Of the frame.
        stream: u32,
        /// So much more may be sent.
        increment: u32,
    },
    /// Anything else.
    Other {
        /// The type.
        kind: u8,
        /// The flags.
        flags: u8,
        /// Of the frame.
        stream: u32,
        /// As it came.
        payload: Bytes,
    },
}

impl Frame {
    /// The stream; 0 for the connection.
    pub fn stream(&self) -> u32 {
        match self {
            Frame::Data { stream, .. }
            | Frame::Headers { stream, .. }
            | Frame::Rst { stream, .. }
            | Frame::WindowUpdate { stream, .. }
            | Frame::Other { stream, .. } => *stream,
            Frame::Settings(_) | Frame::SettingsAck | Frame::Ping { .. } | Frame::GoAway { .. } => {
                0
            }
        }
    }

    /// SETTINGS, PING and WINDOW_UPDATE: what expectations pass over.
    pub fn is_upkeep(&self) -> bool {
        matches!(
            self,
            Frame::Settings(_)
                | Frame::SettingsAck
                | Frame::Ping { .. }
                | Frame::WindowUpdate { .. }
        )
    }
}

/// A header list in the order of the wire, pseudo-header fields included.
///
/// ```
/// use farcall_testkit::scripted_peer::HeaderList;
///
/// let list = HeaderList(vec![(":status".into(), "200".into()), ("grpc-status".into(), "5".into())]);
/// assert_eq!((list.get(":status"), list.grpc_status()), (Some("200"), Some(5)));
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct HeaderList(pub Vec<(String, Bytes)>);

impl HeaderList {
    /// The first value with this name, as text.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(n, _)| n == name);
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// All values with this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Bytes> + 'a {
        self.0
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value)
    }

    /// `grpc-status` as a number.
    pub fn grpc_status(&self) -> Option<u32> {
        self.get("grpc-status")?.parse().ok()
    }
}

impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.escape_ascii()));
        f.debug_list().entries(pairs).finish()
    }
}

/// The nine octets of a frame's head (RFC 9113 §4.1).
pub(super) fn head(len: usize, kind: u8, flags: u8, stream: u32) -> [u8; 9] {
    let (len, id) = ((len as u32).to_be_bytes(), stream.to_be_bytes());
    [
        len[1], len[2], len[3], kind, flags, id[0], id[1], id[2], id[3],
    ]
}

/// A message with its five-byte prefix, not compressed.
///
/// ```
/// assert_eq!(farcall_testkit::scripted_peer::message(b"ab"), &b"\0\0\0\0\x02ab"[..]);
/// ```
pub fn message(payload: &[u8]) -> Bytes {
    let mut framed = vec![0];
    framed.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    framed.extend_from_slice(payload);
    framed.into()
}
