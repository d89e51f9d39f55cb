//! The states of a stream, as the wire has them.

use crate::error::{PeerMisbehaved, SendError};

/// RFC 9113 §5.1, without the reserved states (push is off) and with idle as "not in the store":
///
/// ```text
///              idle ── we or the peer send HEADERS ──► Open
///                                                       │
///                  peer END_STREAM ┌───────────────────┼──────────────────┐ our END_STREAM
///                                  ▼                    │                  ▼
///                          HalfClosedRemote        RST_STREAM       HalfClosedLocal
///                                  │                    │                  │
///        our END_STREAM, RST_STREAM└────────────────────┼──────────────────┘ peer END_STREAM, RST_STREAM
///                                                       ▼
///                                                 Closed(cause)
/// ```
///
/// Each direction that is not closed knows whether its first header list has passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)] // a tag of its own: each frame asks several times which one it is
pub(crate) enum State {
    Open { ours: Progress, theirs: Progress },
    HalfClosedLocal { theirs: Progress },
    HalfClosedRemote { ours: Progress },
    Closed(Cause),
}

/// What one direction carries next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// The first header list.
    Headers,
    /// DATA or trailers.
    Body,
}

/// Why a stream is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// Both ends sent END_STREAM.
    EndStream,
    /// We sent RST_STREAM, or gave the stream up after the peer's GOAWAY: frames may still be on their way.
    LocalReset,
    /// The peer sent RST_STREAM.
    PeerReset,
}

use Progress::{Body, Headers};
use State::{Closed, HalfClosedLocal, HalfClosedRemote, Open};

impl State {
    /// A stream whose first HEADERS we sent.
    pub(crate) fn opened_by_us(end_stream: bool) -> State {
        if end_stream {
            HalfClosedLocal { theirs: Headers }
        } else {
            Open {
                ours: Body,
                theirs: Headers,
            }
        }
    }

    /// A stream whose first HEADERS the peer sent.
    pub(crate) fn opened_by_peer(end_stream: bool) -> State {
        if end_stream {
            HalfClosedRemote { ours: Headers }
        } else {
            Open {
                ours: Headers,
                theirs: Body,
            }
        }
    }

    /// What a HEADERS frame of the peer would be.
    #[inline]
    pub(crate) fn theirs(self) -> Result<Progress, PeerMisbehaved> {
        match self {
            Open { theirs, .. } | HalfClosedLocal { theirs } => Ok(theirs),
            HalfClosedRemote { .. } => Err(PeerMisbehaved::FrameAfterEndStream),
            Closed(_) => Err(PeerMisbehaved::FrameOnClosedStream),
        }
    }

    /// What we would send next, if our side is open.
    #[inline]
    pub(crate) fn ours(self) -> Option<Progress> {
        match self {
            Open { ours, .. } | HalfClosedRemote { ours } => Some(ours),
            HalfClosedLocal { .. } | Closed(_) => None,
        }
    }

    /// HEADERS of the peer, not interim ones, while [`theirs`](Self::theirs) is `progress`.
    #[inline]
    pub(crate) fn after_headers(
        self,
        progress: Progress,
        end_stream: bool,
    ) -> Result<State, PeerMisbehaved> {
        if progress == Body && !end_stream {
            return Err(PeerMisbehaved::TrailersWithoutEndStream);
        }
        Ok(self.after_theirs(end_stream))
    }

    /// DATA of the peer.
    #[inline]
    pub(crate) fn receive_data(self, end_stream: bool) -> Result<State, PeerMisbehaved> {
        if self.theirs()? == Headers {
            return Err(PeerMisbehaved::DataBeforeHeaders);
        }
        Ok(self.after_theirs(end_stream))
    }

    /// HEADERS of ours.
    #[inline]
    pub(crate) fn send_headers(self, end_stream: bool) -> Result<State, SendError> {
        match self.ours() {
            None => Err(SendError::StreamGone),
            Some(Body) if !end_stream => Err(SendError::OutOfOrder),
            Some(_) => Ok(self.after_ours(end_stream)),
        }
    }

    /// DATA of ours.
    #[inline]
    pub(crate) fn send_data(self, end_stream: bool) -> Result<State, SendError> {
        match self.ours() {
            None => Err(SendError::StreamGone),
            Some(Headers) => Err(SendError::OutOfOrder),
            Some(Body) => Ok(self.after_ours(end_stream)),
        }
    }

    #[inline]
    fn after_theirs(self, end_stream: bool) -> State {
        match (self, end_stream) {
            (Open { ours, .. }, false) => Open { ours, theirs: Body },
            (Open { ours, .. }, true) => HalfClosedRemote { ours },
            (HalfClosedLocal { .. }, false) => HalfClosedLocal { theirs: Body },
            (HalfClosedLocal { .. }, true) => Closed(Cause::EndStream),
            (HalfClosedRemote { .. } | Closed(_), _) => self,
        }
    }

    #[inline]
    fn after_ours(self, end_stream: bool) -> State {
        match (self, end_stream) {
            (Open { theirs, .. }, false) => Open { ours: Body, theirs },
            (Open { theirs, .. }, true) => HalfClosedLocal { theirs },
            (HalfClosedRemote { .. }, false) => HalfClosedRemote { ours: Body },
            (HalfClosedRemote { .. }, true) => Closed(Cause::EndStream),
            (HalfClosedLocal { .. } | Closed(_), _) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn table() -> String {
        let mut states = Vec::new();
        for theirs in [Headers, Body] {
            for ours in [Headers, Body] {
                states.push(Open { ours, theirs });
            }
        }
        states.extend([Headers, Body].map(|theirs| HalfClosedLocal { theirs }));
        states.extend([Headers, Body].map(|ours| HalfClosedRemote { ours }));
        states.extend([Cause::EndStream, Cause::LocalReset, Cause::PeerReset].map(Closed));

        let mut text = String::new();
        for state in states {
            writeln!(text, "{state:?}").unwrap();
            for end in [false, true] {
                let es = if end { "+END_STREAM" } else { "" };
                let peer = |next: Result<State, PeerMisbehaved>| match next {
                    Ok(next) => format!("{next:?}"),
                    Err(crime) => format!("crime {crime:?}"),
                };
                let local = |next: Result<State, SendError>| match next {
                    Ok(next) => format!("{next:?}"),
                    Err(error) => format!("error {error:?}"),
                };
                writeln!(
                    text,
                    "  peer HEADERS{es:<11} {}",
                    peer(
                        state
                            .theirs()
                            .and_then(|progress| state.after_headers(progress, end))
                    )
                )
                .unwrap();
                writeln!(
                    text,
                    "  peer DATA{es:<14} {}",
                    peer(state.receive_data(end))
                )
                .unwrap();
                writeln!(
                    text,
                    "  our  HEADERS{es:<11} {}",
                    local(state.send_headers(end))
                )
                .unwrap();
                writeln!(text, "  our  DATA{es:<14} {}", local(state.send_data(end))).unwrap();
            }
        }
        text
    }

    /// `UPDATE=1 cargo test -p farcall-http2 transition` writes the table anew.
    #[test]
    fn the_transition_table_is_the_committed_one() {
        crate::snapshot::assert_committed("src/stream/transitions.txt", &table());
    }
}
