//! What a call has said and HTTP has not taken yet.

use crate::transport::{Mailbox, submit::Request, submit::Submit};
use bytes::Bytes;
use farcall_core::call::HeaderList;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// Between the call, which fills it, and the response, which empties it: the place of HTTP/2's stream.
pub(super) struct Outlet {
    state: Mutex<State>,
    mailbox: Arc<Mailbox>,
    submit: Arc<Submit<Mailbox>>,
}

#[derive(Default)]
struct State {
    head: Option<HeaderList>,
    chunks: VecDeque<Bytes>,
    /// Bytes in `chunks`.
    size: usize,
    end: Option<HeaderList>,
    waker: Option<Waker>,
}

/// The next piece of a response.
pub(super) enum Piece {
    Data(Bytes),
    Trailers(HeaderList),
}

/// How a response begins.
pub(super) enum Beginning {
    Head(HeaderList),
    /// Trailers-Only: it ends there, too.
    Only(HeaderList),
}

impl Outlet {
    pub(super) fn new(mailbox: Arc<Mailbox>, submit: Arc<Submit<Mailbox>>) -> Arc<Outlet> {
        let state = Mutex::default();
        Arc::new(Outlet {
            state,
            mailbox,
            submit,
        })
    }

    /// Adds what the call has to say. Answers how many bytes now wait.
    pub(super) fn put(
        &self,
        head: Option<HeaderList>,
        chunks: impl Iterator<Item = Bytes>,
        end: Option<HeaderList>,
    ) -> usize {
        let mut state = self.lock();
        state.head = state.head.take().or(head);
        for chunk in chunks {
            state.size += chunk.len();
            state.chunks.push_back(chunk);
        }
        state.end = state.end.take().or(end);
        let (size, waker) = (state.size, state.waker.take());
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        size
    }

    /// Ends the response before its messages have left: those that wait are dropped.
    pub(super) fn cut_short(&self, end: HeaderList) {
        {
            let mut state = self.lock();
            state.chunks.clear();
            state.size = 0;
        }
        self.put(None, std::iter::empty(), Some(end));
    }

    /// The first header list.
    pub(super) fn poll_head(&self, cx: &Context<'_>) -> Poll<Beginning> {
        let mut state = self.lock();
        if let Some(head) = state.head.take() {
            return Poll::Ready(Beginning::Head(head));
        }
        if let Some(only) = state.end.take() {
            return Poll::Ready(Beginning::Only(only));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// What follows it.
    pub(super) fn poll_piece(&self, cx: &Context<'_>) -> Poll<Piece> {
        let mut state = self.lock();
        if let Some(chunk) = state.chunks.pop_front() {
            state.size -= chunk.len();
            let size = state.size;
            drop(state);
            self.mailbox.set_outstanding(size, Vec::new());
            return Poll::Ready(Piece::Data(chunk));
        }
        if let Some(end) = state.end.take() {
            return Poll::Ready(Piece::Trailers(end));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Nobody wants the rest: the call ends.
    pub(super) fn abandon(&self) {
        self.submit.request(Request::Close);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
