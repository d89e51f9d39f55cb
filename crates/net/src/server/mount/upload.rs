//! The body of a request: gathered into one message, or handed to a handler piece by piece.

use crate::{
    call::Accepted,
    transport::{Mailbox, mailbox::End},
};
use bytes::{Buf, Bytes};
use farcall_core::{
    Status,
    call::{Progress, Shape, server::RequestMachine},
    message::whole_message,
};
use farcall_http2::{Reason, ResetCause};
use http_body::Body;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Bytes of a stream that wait for its handler; then the body is not read, and HTTP's own flow control holds up the caller.
const WINDOW: usize = 64 << 10;

/// A body without its types.
pub(super) type AnyBody = Box<dyn Pieces>;

/// The pieces of a body, one after the other; `None` is its end, an error that it broke off.
pub(super) trait Pieces: Send {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ()>>>;
    fn is_end(&self) -> bool;
}

/// Forgets the types of a body.
pub(super) fn any<B: Body + Send + 'static>(body: B) -> AnyBody {
    Box::new(Erased {
        body: Box::pin(body),
    })
}

struct Erased<B> {
    body: Pin<Box<B>>,
}

impl<B: Body + Send> Pieces for Erased<B> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ()>>> {
        loop {
            let Some(frame) = ready!(self.body.as_mut().poll_frame(cx)) else {
                return Poll::Ready(None);
            };
            // Callers have nothing to say in trailers.
            match frame.map(http_body::Frame::into_data) {
                Ok(Ok(mut data)) => {
                    let data = data.copy_to_bytes(data.remaining());
                    return Poll::Ready(Some(Ok(data)));
                }
                Ok(Err(_trailers)) => {}
                Err(_) => return Poll::Ready(Some(Err(()))),
            }
        }
    }

    fn is_end(&self) -> bool {
        self.body.is_end_stream()
    }
}

/// A request of one message that is arriving.
pub(super) struct Gather {
    body: AnyBody,
    /// The first piece, as long as it is the only one.
    first: Option<Bytes>,
    machine: Option<Box<RequestMachine>>,
    ended: bool,
}

impl Gather {
    pub(super) fn new(body: AnyBody) -> Gather {
        Gather {
            body,
            first: None,
            machine: None,
            ended: false,
        }
    }

    /// The message, and whether it was compressed.
    ///
    /// # Errors
    /// What the call ends with.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        accepted: &Accepted,
    ) -> Poll<Result<(Bytes, bool), Status>> {
        let limit = accepted.limits.receive;
        loop {
            if !self.ended {
                let piece = ready!(self.body.poll_piece(cx));
                self.take(piece, accepted, limit);
            }
            if self.ended
                && self.machine.is_none()
                && let Some(message) = self
                    .first
                    .as_ref()
                    .and_then(|all| whole_message(all, limit))
            {
                return Poll::Ready(Ok((message, false)));
            }
            if !self.ended && self.machine.is_none() {
                continue;
            }
            let machine = self.machine(accepted, limit);
            match machine.poll() {
                Progress::Pending { .. } => {}
                Progress::Message(message) => {
                    return Poll::Ready(Ok((message, machine.last_was_compressed())));
                }
                Progress::Done { status, .. } => return Poll::Ready(Err(status)),
            }
        }
    }

    fn take(&mut self, piece: Option<Result<Bytes, ()>>, accepted: &Accepted, limit: usize) {
        match piece {
            Some(Ok(data)) if self.first.is_none() && self.machine.is_none() => {
                self.ended = self.body.is_end();
                self.first = Some(data);
                let whole = self
                    .first
                    .as_ref()
                    .and_then(|all| whole_message(all, limit));
                if !self.ended && whole.is_none() {
                    // Over the limit, perhaps: the machine says so before the rest arrives.
                    self.machine(accepted, limit);
                }
            }
            Some(Ok(data)) => self.machine(accepted, limit).on_data(data, false),
            None => {
                self.ended = true;
                if let Some(machine) = &mut self.machine {
                    machine.on_end();
                }
            }
            Some(Err(())) => {
                self.ended = true;
                self.machine(accepted, limit).on_reset(Reason::CANCEL);
            }
        }
    }

    /// The machine, made for a message that does not come in one piece.
    fn machine(&mut self, accepted: &Accepted, limit: usize) -> &mut RequestMachine {
        let (first, ended) = (&mut self.first, self.ended);
        self.machine.get_or_insert_with(|| {
            let mut machine = Box::new(RequestMachine::of(&accepted.head, Shape::One, limit));
            if let Some(first) = first.take() {
                machine.on_data(first, ended);
            } else if ended {
                machine.on_end();
            }
            machine
        })
    }
}

/// A stream of requests on its way to its handler.
pub(super) struct Upload {
    body: AnyBody,
    /// Bytes that may still be read before the handler has taken some.
    credit: usize,
}

impl Upload {
    pub(super) fn new(body: AnyBody) -> Upload {
        Upload {
            body,
            credit: WINDOW,
        }
    }

    /// Moves what has come into the mailbox, as long as there is credit. Ready: the body is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, mailbox: &Mailbox) -> Poll<()> {
        while self.credit > 0 {
            let end = match ready!(self.body.poll_piece(cx)) {
                Some(Ok(data)) => {
                    let len = data.len();
                    let unwanted = mailbox.deliver_data(data);
                    self.credit = self.credit.saturating_sub(len - unwanted);
                    continue;
                }
                None => End::Eof,
                Some(Err(())) => End::Reset(Reason::CANCEL, ResetCause::Peer),
            };
            // There is no connection of ours to return credit on.
            let _ = mailbox.deliver_end(None, end, None);
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// The handler has read so many bytes, and waits for a message of which so many are missing.
    pub(super) fn grant(&mut self, read: usize, missing: usize) {
        self.credit = (self.credit + read).min(WINDOW).max(missing);
    }
}
