//! What a connection reports to its driver.

use crate::{
    error::{ConnectionError, PeerMisbehaved, Reason},
    headers::{Headers, TimeoutValue},
};
use bytes::Bytes;
use std::sync::Arc;

/// Names a stream: a dense slot, so that drivers can keep their own per-stream records in a vector,
/// and the stream id, so that a key that outlived its stream is recognised.
///
/// ```
/// use farcall_http2::StreamKey;
///
/// assert_eq!(StreamKey::NONE.id(), 0);
/// assert_eq!(std::mem::size_of::<StreamKey>(), 8);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StreamKey {
    pub(crate) slot: u32,
    pub(crate) id: u32,
}

impl StreamKey {
    /// The key of no stream: dead from the start.
    pub const NONE: StreamKey = StreamKey {
        slot: u32::MAX,
        id: 0,
    };

    /// The index of the stream's slot; slots are reused once their stream is closed.
    pub fn slot(self) -> usize {
        self.slot as usize
    }

    /// The stream identifier (RFC 9113 §5.1.1).
    pub fn id(self) -> u32 {
        self.id
    }
}

/// What happened, in the order of the wire. See each variant for what may follow it.
///
/// A stream's events are `Headers`, any number of `Data`, perhaps a second `Headers` with trailers; the last of
/// them has `end_stream`. `Reset` may end it at any point before our own side has ended, too.
///
/// ```
/// use bytes::BytesMut;
/// use farcall_http2::{Config, Connection, ConnectionError, Event, PeerMisbehaved};
///
/// let now = std::time::Instant::now();
/// let mut server = Connection::server(Config::default(), now);
/// let mut input = BytesMut::from("GET / HTTP/1.1\r\n");
/// let event = server.poll_event(now, &mut input);
/// let error = ConnectionError::Misbehaved(PeerMisbehaved::SpeaksHttp1);
/// assert!(matches!(event, Some(Event::Closed(e)) if e == error));
/// assert!(server.is_closed() && server.wants_write()); // a GOAWAY
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The peer's preface (its first SETTINGS) has arrived. Comes once, first.
    Ready,
    /// A header list: a request (server), a final response (client), or trailers (either; then
    /// `end_stream`). Interim 1xx responses are consumed by the machine.
    Headers {
        /// On a server's request: a new stream.
        stream: StreamKey,
        /// The checked list; the same `Arc` again when the peer repeats a block.
        headers: Arc<Headers>,
        /// A request's `grpc-timeout`, which is not in the list: it hardly ever repeats.
        timeout: Option<TimeoutValue>,
        /// Whether this follows the first header list of its direction.
        trailers: bool,
        /// Nothing more comes from the peer on this stream.
        end_stream: bool,
    },
    /// Payload bytes. They count as unread until [`release`](crate::Connection::release).
    Data {
        /// The stream.
        stream: StreamKey,
        /// May be empty, with `end_stream`.
        data: Bytes,
        /// Nothing more comes from the peer on this stream.
        end_stream: bool,
    },
    /// The stream ended before its time; nothing follows on it and its key is dead. A reset that the
    /// driver asked for is not reported.
    Reset {
        /// The stream.
        stream: StreamKey,
        /// The error code, of the peer's RST_STREAM or of ours.
        reason: Reason,
        /// Who ended it, and if we did, for which crime of the peer.
        cause: ResetCause,
    },
    /// A request that became no stream (server): malformed, too large or beyond the limit of streams. Or a frame on a
    /// stream that is over. It has been answered with RST_STREAM; this is for logs and counters.
    Rejected {
        /// The identifier of the stream, or the one that it would have had.
        id: u32,
        /// What was wrong.
        crime: PeerMisbehaved,
    },
    /// The stream had [`Config::send_high_water`](crate::Config::send_high_water) bytes or more
    /// buffered and now has less than half of that: a sender may go on.
    Writable {
        /// The stream.
        stream: StreamKey,
    },
    /// [`open`](crate::Connection::open) failed with `TooManyStreams` before and may succeed now.
    CanOpen,
    /// The peer goes away: no new streams; streams it will not process have been `Reset` with
    /// [`ResetCause::GoAway`]. Streams at or below its last id go on.
    GoAway {
        /// Why.
        reason: Reason,
        /// The peer's debug text, bounded, any bytes.
        debug: Bytes,
    },
    /// The answer to [`ping`](crate::Connection::ping).
    Pong {
        /// The payload that was sent.
        payload: u64,
    },
    /// The connection is over: all streams are gone (each open one was `Reset` first with
    /// [`ResetCause::Connection`]). Write the remaining output (a GOAWAY, perhaps) and close.
    Closed(ConnectionError),
}

/// Why a stream was [`Event::Reset`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetCause {
    /// The peer sent RST_STREAM.
    Peer,
    /// The peer broke a rule on this stream and we sent RST_STREAM.
    Misbehaved(PeerMisbehaved),
    /// The peer's GOAWAY says that it did not process the stream: it is safe to try again elsewhere.
    GoAway,
    /// The connection ended; the `Closed` event that follows says why.
    Connection,
}
