//! What a connection knows of one live stream.

use super::{recv::Body, send::SendQueue, state::State};
use crate::flow::{StreamCredit, Window};

/// One stream that is open or half-closed.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: u32,
    /// Of the request, at a server: what is held for it.
    pub(crate) header_size: u32,
    pub(crate) state: State,
    /// What the peer may send.
    pub(crate) credit: StreamCredit,
    /// What the peer said it would send.
    pub(crate) body: Body,
    /// What we may send.
    pub(crate) window: Window,
    /// What we want to send.
    pub(crate) queue: SendQueue,
}

impl Stream {
    pub(crate) fn new(id: u32, state: State, receive_window: u32, send_window: Window) -> Stream {
        Stream {
            id,
            header_size: 0,
            state,
            credit: StreamCredit::new(receive_window),
            body: Body::default(),
            window: send_window,
            queue: SendQueue::default(),
        }
    }

    /// Whether there is something to send that the stream's own window allows.
    pub(crate) fn can_send(&self) -> bool {
        if self.queue.bytes() == 0 {
            self.queue.is_ending()
        } else {
            self.window.available() > 0
        }
    }

    /// What the peer may send, or has sent already and we have not seen.
    #[inline]
    pub(crate) fn late_window(&self) -> u32 {
        if self.receives() {
            u32::try_from(self.credit.parts().0).unwrap_or(0)
        } else {
            0
        }
    }

    /// Whether the peer may still send DATA, so that credit is of use to it.
    #[inline]
    pub(crate) fn receives(&self) -> bool {
        matches!(
            self.state,
            State::Open { .. } | State::HalfClosedLocal { .. }
        )
    }
}
