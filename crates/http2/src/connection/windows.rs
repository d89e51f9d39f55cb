//! The accounts of flow control, for diagnosis.

use super::Connection;
use crate::event::StreamKey;

/// What one end knows of a pair of flow-control windows, in bytes (RFC 9113 §6.9).
///
/// When nothing is under way, one end's `send` is the other end's `receive`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Windows {
    /// What this end may send; negative while a smaller SETTINGS_INITIAL_WINDOW_SIZE is being made up for.
    pub send: i64,
    /// What the peer may send.
    pub receive: i64,
    /// What has arrived and was not released.
    pub unread: u64,
}

impl Connection {
    /// The windows of the connection as a whole.
    ///
    /// ```
    /// # use farcall_http2::{Config, Connection};
    /// let client = Connection::client(Config::default(), std::time::Instant::now());
    /// assert_eq!((client.windows().send, client.windows().unread), (65_535, 0));
    /// ```
    pub fn windows(&self) -> Windows {
        let (receive, unread) = (self.credit.window(), self.credit.unread());
        Windows {
            send: self.window.value(),
            receive,
            unread,
        }
    }

    /// Whether bytes that were not [released](Self::release) take more than half of
    /// [`receive_budget`](crate::Config::receive_budget), or, once they did (`before`), more than a quarter. A driver that keeps
    /// back releases, to tell of many bytes at once, should tell of all then: beyond the budget the peer gets no credit.
    ///
    /// ```
    /// # use farcall_http2::{Config, Connection};
    /// let client = Connection::client(Config::default(), std::time::Instant::now());
    /// assert!(!client.is_short_of_credit(false));
    /// ```
    #[inline]
    pub fn is_short_of_credit(&self, before: bool) -> bool {
        self.credit.is_short(before)
    }

    /// The windows of one stream; `None` if it has ended.
    pub fn stream_windows(&self, stream: StreamKey) -> Option<Windows> {
        let stream = self.streams.peek(stream)?;
        let (receive, unread) = stream.credit.parts();
        Some(Windows {
            send: stream.window.value(),
            receive,
            unread: unread.into(),
        })
    }
}
