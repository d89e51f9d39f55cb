//! Frames of RFC 9113 §6, one file per type: reading a payload and writing a whole frame.
//!
//! Readers take the nine bytes of the [`Head`] and the payload apart and check everything that needs no
//! knowledge of the connection; writers append to a `Vec<u8>`.
//!
//! ```
//! use farcall_http2::frame::{Head, Kind, Ping, HEAD_LEN};
//!
//! let mut wire = Vec::new();
//! Ping { ack: false, payload: 7 }.encode(&mut wire);
//! let head = Head::parse(wire.first_chunk::<HEAD_LEN>().unwrap());
//! assert_eq!((head.kind, head.len), (Kind::PING, 8));
//! assert_eq!(Ping::parse(&head, &wire[HEAD_LEN..]), Ok(Ping { ack: false, payload: 7 }));
//! ```

mod continuation;
mod data;
mod goaway;
mod head;
mod headers;
mod ping;
mod priority;
mod rst_stream;
mod settings;
mod window_update;

#[cfg(test)]
mod tests;

pub use continuation::Continuation;
pub use data::Data;
pub use goaway::GoAway;
pub use head::{HEAD_LEN, Head, Kind, flags};
pub use headers::Headers;
pub use ping::Ping;
pub use priority::Priority;
pub use rst_stream::RstStream;
pub use settings::{Setting, Settings};
pub use window_update::WindowUpdate;

/// The 24 octets that a client sends first (RFC 9113 §3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Windows before any SETTINGS (RFC 9113 §6.9.2).
pub const DEFAULT_WINDOW: u32 = 65_535;
/// Frame payload that every peer accepts (RFC 9113 §4.2).
pub const MIN_MAX_FRAME_SIZE: u32 = 16_384;
/// The largest SETTINGS_MAX_FRAME_SIZE there can be (RFC 9113 §6.5.2).
pub const MAX_MAX_FRAME_SIZE: u32 = (1 << 24) - 1;
/// The largest flow-control window there can be (RFC 9113 §6.9.1).
pub const MAX_WINDOW: u32 = (1 << 31) - 1;
/// The largest stream identifier (RFC 9113 §5.1.1).
pub const MAX_STREAM_ID: u32 = (1 << 31) - 1;
