//! The pause between having something to write and writing it.

use crate::setup::Yield;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// See the module.
pub(crate) struct Pause {
    kind: Yield,
    state: State,
}

enum State {
    /// Not asked for.
    Off,
    /// This driver has woken itself.
    Woken,
    /// tokio will wake it.
    Deferred(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Pause {
    pub(crate) fn new(kind: Yield) -> Pause {
        Pause {
            kind,
            state: State::Off,
        }
    }

    /// Begins a pause. False: there is none.
    pub(crate) fn begin(&mut self, cx: &mut Context<'_>) -> bool {
        match self.kind {
            Yield::Never => return false,
            Yield::Once => {
                cx.waker().wake_by_ref();
                self.state = State::Woken;
            }
            Yield::Tokio => {
                let mut deferred = Box::pin(tokio::task::yield_now());
                let _ = deferred.as_mut().poll(cx);
                self.state = State::Deferred(deferred);
            }
        }
        true
    }

    /// `Ready(true)`: a pause has just ended; `Ready(false)`: there was none.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match &mut self.state {
            State::Off => Poll::Ready(false),
            State::Woken => {
                self.state = State::Off;
                Poll::Ready(true)
            }
            State::Deferred(deferred) => {
                std::task::ready!(deferred.as_mut().poll(cx));
                self.state = State::Off;
                Poll::Ready(true)
            }
        }
    }
}
