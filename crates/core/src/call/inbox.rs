//! One direction's messages and what comes after them: the part that both machines share.

use super::{Progress, Shape};
use crate::{
    message::{Compressor, Deframer},
    metadata::Metadata,
    status::Status,
};
use bytes::Bytes;
use std::{ops::Range, sync::Arc};

/// Payload in, messages out; enforces how many there may be.
#[derive(Debug)]
pub(super) struct Inbox {
    shape: Shape,
    /// "request" or "response", for texts.
    what: &'static str,
    deframer: Deframer,
    /// The message of [`Shape::One`], until it is known to be the only one.
    held: Held,
    end: End,
}

#[derive(Debug)]
enum Held {
    Nothing,
    Message(Bytes),
    HandedOut,
}

#[derive(Debug)]
enum End {
    /// More may come.
    Open,
    /// This comes behind the messages that have arrived.
    Waiting(Outcome),
    /// Nothing comes before this.
    Reached(Outcome),
}

/// How it ended.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) status: Status,
    pub(super) trailers: Metadata,
}

impl From<Status> for Outcome {
    fn from(status: Status) -> Outcome {
        Outcome {
            status,
            trailers: Metadata::new(),
        }
    }
}

impl Inbox {
    pub(super) fn new(
        shape: Shape,
        what: &'static str,
        max_size: usize,
        decompressor: Option<Arc<dyn Compressor>>,
    ) -> Inbox {
        Inbox {
            shape,
            what,
            deframer: Deframer::new(max_size, decompressor),
            held: Held::Nothing,
            end: End::Open,
        }
    }

    pub(super) fn lower_max_size(&mut self, bytes: usize) {
        self.deframer.lower_max_size(bytes);
    }

    pub(super) fn set_decompressor(&mut self, decompressor: Arc<dyn Compressor>) {
        self.deframer.set_decompressor(decompressor);
    }

    pub(super) fn push(&mut self, data: Bytes) {
        if let End::Open = self.end {
            self.deframer.push(data);
        }
    }

    /// Whether an outcome is known: what comes later does not count.
    pub(super) fn has_ended(&self) -> bool {
        !matches!(self.end, End::Open)
    }

    /// The outcome comes behind the whole messages that have arrived. The first one counts.
    pub(super) fn end(&mut self, outcome: impl Into<Outcome>) {
        if let End::Open = self.end {
            self.end = End::Waiting(outcome.into());
        }
    }

    /// The outcome comes at once, instead of messages that have not been handed out.
    pub(super) fn fail(&mut self, status: Status) -> Progress {
        self.end = End::Reached(status.into());
        self.held = Held::Nothing;
        self.done()
    }

    pub(super) fn last_was_compressed(&self) -> bool {
        self.deframer.last_was_compressed()
    }

    /// As [`Deframer::next_in_place`], of [`Shape::Many`].
    #[inline]
    pub(super) fn next_in_place<R>(
        &mut self,
        look: impl FnOnce(&Bytes, Range<usize>) -> R,
    ) -> Option<R> {
        if self.shape == Shape::One || matches!(self.end, End::Reached(_)) {
            return None;
        }
        self.deframer.next_in_place(look)
    }

    pub(super) fn poll(&mut self) -> Progress {
        match &self.end {
            End::Reached(_) => return self.done(),
            // A single message does not count unless all is well, so it need not be looked for.
            End::Waiting(outcome) if self.shape == Shape::One && !outcome.status.is_ok() => {
                return self.reach();
            }
            End::Open | End::Waiting(_) => {}
        }
        loop {
            match self.deframer.next_message() {
                Ok(Some(message)) if self.shape == Shape::Many => {
                    return Progress::Message(message);
                }
                Ok(Some(message)) => match self.held {
                    Held::Nothing => self.held = Held::Message(message),
                    _ => {
                        return self.fail(Status::unimplemented(format!(
                            "more than one {} message",
                            self.what
                        )));
                    }
                },
                Ok(None) => return self.poll_end(),
                Err(status) => match &self.end {
                    // The peer's own word on what went wrong says more.
                    End::Waiting(outcome) if !outcome.status.is_ok() => return self.reach(),
                    _ => return self.fail(status),
                },
            }
        }
    }

    /// No whole message is left in the deframer.
    fn poll_end(&mut self) -> Progress {
        let End::Waiting(outcome) = &self.end else {
            return Progress::Pending {
                missing: self.deframer.missing(),
            };
        };
        if !outcome.status.is_ok() {
            return self.reach();
        }
        if let Err(status) = self.deframer.end() {
            return self.fail(status);
        }
        if self.shape == Shape::Many {
            return self.reach();
        }
        match std::mem::replace(&mut self.held, Held::HandedOut) {
            Held::Message(message) => Progress::Message(message),
            Held::HandedOut => self.reach(),
            Held::Nothing => self.fail(Status::unimplemented(format!("no {} message", self.what))),
        }
    }

    fn reach(&mut self) -> Progress {
        if let End::Waiting(outcome) = std::mem::replace(&mut self.end, End::Open) {
            self.end = End::Reached(outcome);
        }
        self.done()
    }

    fn done(&self) -> Progress {
        match &self.end {
            End::Reached(outcome) | End::Waiting(outcome) => Progress::Done {
                status: outcome.status.clone(),
                trailers: outcome.trailers.clone(),
            },
            End::Open => Progress::Pending {
                missing: self.deframer.missing(),
            },
        }
    }
}
