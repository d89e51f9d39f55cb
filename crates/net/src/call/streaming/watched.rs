//! A stream whose messages interceptors look at, or around which they stand.

use super::{
    super::{
        hooks::MessageHooks,
        intercept::{Answer, Around, Link, Outcome},
        machine::Machine,
        payload::Payload,
    },
    Streaming,
};
use bytes::Bytes;
use farcall_core::{Metadata, Status};
use farcall_http2::Reason;
use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

/// What interceptors have to do with it.
pub(super) enum Watched {
    /// (server) They look at messages.
    Requests(MessageHooks),
    /// (client) They stand around the call.
    Responses(Responses),
}

pub(super) struct Responses {
    pub(super) around: Around,
    /// The initial metadata as they have left it.
    pub(super) metadata: Option<Metadata>,
    /// They have been told that the call is over.
    ended: bool,
    /// They are over; what they have said is `done`, behind this message.
    concluded: bool,
    message: Option<Payload>,
}

/// What the reader waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Metadata,
    Message,
}

impl Watched {
    pub(super) fn of_link(link: &Arc<Link>) -> Watched {
        Watched::Responses(Responses::new(link))
    }
}

impl Responses {
    fn new(link: &Arc<Link>) -> Responses {
        Responses {
            around: Around::new(link),
            metadata: None,
            ended: false,
            concluded: false,
            message: None,
        }
    }

    /// Tells the interceptors how the call has ended.
    fn end(&mut self, outcome: Outcome) {
        self.ended = true;
        self.around.end(outcome);
    }
}

impl<T> Streaming<T> {
    /// As `poll_message` and `poll_metadata`, with interceptors.
    #[cold]
    pub(super) fn poll_watched(
        &mut self,
        cx: &mut Context<'_>,
        want: Want,
    ) -> Poll<Result<Option<T>, Status>> {
        let mut watched = self.watched.take();
        let polled = match watched.as_deref_mut() {
            Some(Watched::Responses(responses)) => self.poll_responses(responses, cx, want),
            Some(Watched::Requests(_)) if want == Want::Metadata => Poll::Ready(Ok(None)),
            Some(Watched::Requests(hooks)) => self.poll_requests(hooks, cx),
            None => Poll::Ready(Ok(None)),
        };
        self.watched = watched;
        polled
    }

    fn poll_requests(
        &mut self,
        hooks: &mut MessageHooks,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<T>, Status>> {
        let Some(message) = ready!(self.poll_payload(cx)) else {
            return Poll::Ready(self.end());
        };
        let shown = self.show(hooks, message);
        Poll::Ready(match shown {
            Ok(message) => Ok(Some(message)),
            Err(status) => {
                self.fail(status.clone());
                Err(status)
            }
        })
    }

    fn show(&self, hooks: &mut MessageHooks, message: Bytes) -> Result<T, Status> {
        let mut payload = Payload::new(message);
        hooks.apply(&mut payload)?;
        self.decode(payload)
    }

    fn decode(&self, payload: Payload) -> Result<T, Status> {
        let message = payload.into_bytes();
        (self.decode)(&message, 0..message.len())
    }

    fn poll_responses(
        &mut self,
        watched: &mut Responses,
        cx: &mut Context<'_>,
        want: Want,
    ) -> Poll<Result<Option<T>, Status>> {
        loop {
            if watched.concluded {
                return Poll::Ready(match watched.message.take() {
                    Some(message) if want == Want::Message => self.decode(message).map(Some),
                    message => {
                        watched.message = message;
                        self.end()
                    }
                });
            }
            match ready!(watched.around.poll_begun(cx)) {
                Ok(None) => {}
                Ok(Some(opened)) => {
                    self.mailbox = opened.mailbox;
                    if let Machine::Response(machine) = &mut self.machine {
                        machine.lower_max_message_size(opened.max_receive);
                    }
                }
                Err(outcome) => {
                    self.conclude(watched, outcome);
                    continue;
                }
            }
            if !watched.ended {
                let polled = match want {
                    Want::Message => self.poll_payload(cx),
                    Want::Metadata => self.poll_metadata(cx).map(|_| None),
                };
                self.see_metadata(watched);
                match polled {
                    Poll::Ready(Some(message)) => {
                        match self.show(watched.around.responses(), message) {
                            Ok(message) => return Poll::Ready(Ok(Some(message))),
                            Err(status) => {
                                self.abandon(Reason::CANCEL);
                                watched.end(Err(status));
                            }
                        }
                    }
                    Poll::Ready(None) => match self.done.take() {
                        Some(done) => {
                            let outcome = self.outcome(watched, *done);
                            watched.end(outcome);
                        }
                        None => return Poll::Ready(Ok(None)),
                    },
                    Poll::Pending => {}
                }
            }
            let outcome = ready!(watched.around.poll_chain(cx));
            self.conclude(watched, outcome);
        }
    }

    /// Shows the initial metadata once.
    fn see_metadata(&self, watched: &mut Responses) {
        if !watched.around.heads().is_empty()
            && let Machine::Response(machine) = &self.machine
            && let Some(metadata) = machine.metadata()
        {
            let mut metadata = metadata.clone();
            watched.around.heads().apply(&mut metadata);
            watched.metadata = Some(metadata);
        }
    }

    fn outcome(&self, watched: &Responses, (status, trailers): (Status, Metadata)) -> Outcome {
        if !status.is_ok() {
            return Err(status);
        }
        let own = watched.metadata.as_ref();
        let metadata = own.or(match &self.machine {
            Machine::Response(machine) => machine.metadata(),
            Machine::Request(_) => None,
        });
        Ok(Answer {
            metadata: metadata.cloned().unwrap_or_default(),
            trailers,
            ..Answer::default()
        })
    }

    /// The interceptors are over: what they say is how the call has ended.
    fn conclude(&mut self, watched: &mut Responses, outcome: Outcome) {
        if !watched.ended {
            self.abandon(Reason::CANCEL);
        }
        watched.concluded = true;
        let done = match outcome {
            Ok(answer) => {
                watched.message = answer.message;
                watched.metadata.get_or_insert(answer.metadata);
                (Status::OK, answer.trailers)
            }
            Err(status) => {
                let trailers = status.metadata().clone();
                (status, trailers)
            }
        };
        self.done = Some(Box::new(done));
    }
}
