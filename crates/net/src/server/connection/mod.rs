//! The server's end of one connection: requests become handlers, replies become frames.

mod replies;
mod requests;

use super::{
    SILENT_GRACE,
    calls::{Calls, State},
    getting_ready::GettingReady,
    known::Known,
    lifetime::{Lifetime, Verdict},
    running::Slots,
    shared::Shared,
    watch::Watch,
};
use crate::{
    call::Terms,
    log::Trouble,
    transport::{
        Mailbox, Role, Submit,
        mailbox::{Cancelled, End},
        submit::Request,
    },
};
use bytes::Bytes;
use farcall_core::Status;
use farcall_http2::{Connection, Event, Reason, ResetCause, StreamKey};
use std::{io, mem, sync::Arc, time::Instant};

/// The server's [`Role`].
pub(crate) struct ServerRole {
    shared: Arc<Shared>,
    terms: Arc<Terms>,
    submit: Arc<Submit<Mailbox>>,
    calls: Calls,
    /// Handlers of this connection that are running, those of reset streams included.
    slots: Slots,
    known: Known,
    /// The mailbox of a call that was over at once, for the next one.
    spare: Option<Arc<Mailbox>>,
    watch: Watch,
    /// No call's deadline, nor the one for the client's preface, is earlier.
    deadline: Option<Instant>,
    /// Until the client has sent its preface. Boxed: soon there is none.
    getting_ready: Option<Box<GettingReady>>,
    /// If connections have a greatest age or idleness.
    lifetime: Option<Box<Lifetime>>,
    /// Handlers in tasks of their own have something to do.
    has_woken: bool,
    /// Calls answered, and how many of them when everything was written last: what is between lies in the output.
    answered: u64,
    flushed: u64,
    /// The end of a drain has cut the connection.
    cut: bool,
}

impl ServerRole {
    pub(crate) fn new(
        shared: Arc<Shared>,
        terms: Terms,
        submit: Arc<Submit<Mailbox>>,
        max_handlers: usize,
        getting_ready: GettingReady,
        lifetime: Option<Box<Lifetime>>,
    ) -> ServerRole {
        let mut role = ServerRole {
            shared,
            terms: Arc::new(terms),
            submit,
            calls: Calls::default(),
            slots: Slots::new(max_handlers),
            known: Known::default(),
            spare: None,
            watch: Watch::default(),
            deadline: None,
            getting_ready: Some(Box::new(getting_ready)),
            lifetime,
            has_woken: false,
            answered: 0,
            flushed: 0,
            cut: false,
        };
        role.look_again(None);
        role
    }

    /// When time is to be looked at next: at the earliest deadline of the calls, and for what concerns the whole connection.
    fn look_again(&mut self, calls: Option<Instant>) {
        let ready = self.getting_ready.as_ref();
        let ready = ready.map(|ready| ready.poll_timeout());
        let lifetime = self.lifetime.as_ref();
        let lifetime = lifetime.and_then(|lifetime| lifetime.poll_timeout());
        self.deadline = [calls, ready, lifetime].into_iter().flatten().min();
    }

    /// A call has ended.
    #[inline]
    fn on_call_end(&mut self, now: Instant) {
        if let Some(lifetime) = &mut self.lifetime {
            lifetime.on_call_end(now);
        }
    }

    /// The client is to go away; what is open goes on.
    fn drain(&mut self, connection: &mut Connection, now: Instant, why: &'static str) {
        // What is written already, such as NOT_SERVING to those who watch the health, goes before GOAWAY.
        connection.fill(now, usize::MAX);
        connection.drain(now, why);
        self.terms.draining.begin();
    }

    #[cold]
    fn end_of_life(&mut self, connection: &mut Connection, now: Instant) {
        let streams = connection.open_streams();
        let Some(lifetime) = &mut self.lifetime else {
            return;
        };
        match lifetime.overdue(now, streams) {
            None => {}
            Some(Verdict::Drain(why)) => self.drain(connection, now, why),
            Some(Verdict::Cut) => connection.shutdown(now, Reason::NO_ERROR, "max_age"),
        }
    }

    fn report(&self, trouble: Trouble, what: &dyn std::fmt::Display) {
        self.shared.log.report(trouble, &self.terms.peer, what);
    }
}

impl Role for ServerRole {
    const CUTS: bool = true;

    fn on_event(&mut self, connection: &mut Connection, now: Instant, event: Event) {
        match event {
            Event::Ready => self.getting_ready = None,
            Event::Headers {
                stream,
                headers,
                timeout,
                trailers: false,
                end_stream,
            } => self.on_request_head(connection, now, stream, (headers, timeout), end_stream),
            // Callers have nothing to say in trailers; they end the request.
            Event::Headers { stream, .. } => {
                self.on_data(connection, now, stream, Bytes::new(), true);
            }
            Event::Data {
                stream,
                data,
                end_stream,
            } => self.on_data(connection, now, stream, data, end_stream),
            Event::Reset {
                stream,
                reason,
                cause,
            } => {
                if let ResetCause::Misbehaved(crime) = cause {
                    self.shared.log.misbehaved(&self.terms.peer, crime);
                }
                if let Some(call) = self.calls.remove(stream) {
                    self.on_call_end(now);
                    let unreported = call.cancel(Cancelled::Cancelled, End::Reset(reason, cause));
                    connection.release(now, stream, unreported);
                }
            }
            Event::Writable { stream } => {
                let buffered = connection.buffered(stream);
                if let Some(call) = self.calls.find(stream)
                    && let State::Running { mailbox, .. } = &call.state
                {
                    self.has_woken = true;
                    mailbox.set_outstanding(buffered, Vec::new());
                }
            }
            Event::Rejected { crime, .. } => {
                self.shared.log.misbehaved(&self.terms.peer, crime);
            }
            Event::Closed(error) => {
                let log = &self.shared.log;
                log.reports.ended(connection);
                log.closed(self.terms.peer.remote_address(), &error);
            }
            _ => {}
        }
    }

    fn attend(&mut self, connection: &mut Connection, now: Instant, mailbox: Arc<Mailbox>) {
        let Some(slot) = mailbox.slot() else { return };
        let outgoing = mailbox.take_outgoing();
        if let Some(key) = self.calls.key(slot) {
            self.transmit(connection, now, key, outgoing);
        }
    }

    fn on_request(&mut self, connection: &mut Connection, now: Instant, request: Request) {
        match request {
            Request::None | Request::Report(_) => {}
            Request::Drain => {
                if let Some(getting_ready) = &mut self.getting_ready {
                    // Nobody has been promised anything yet.
                    let by = getting_ready.hurry(now + SILENT_GRACE);
                    self.deadline = Some(self.deadline.map_or(by, |at| at.min(by)));
                }
                self.drain(connection, now, "graceful_stop");
            }
            Request::Close => {
                let (answered, open) = self.calls.answered();
                let waiting = |key: &&StreamKey| connection.buffered(**key) > 0;
                // What waits for a window is not written any more.
                let stuck = answered.iter().filter(waiting).count();
                self.shared.cut.add(open + stuck);
                let peer = self.terms.peer.remote_address();
                self.shared.cut.name(peer, self.calls.methods());
                self.answered = self.answered.saturating_sub(stuck as u64);
                self.cut = true;
                connection.shutdown(now, Reason::NO_ERROR, "stop");
            }
        }
    }

    fn call_in_credit(&mut self, connection: &mut Connection, now: Instant) {
        for (key, mailbox) in self.calls.running() {
            connection.release(now, key, mailbox.take_release());
        }
    }

    fn has_woken(&mut self) -> bool {
        mem::take(&mut self.has_woken)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn handle_timeout(&mut self, connection: &mut Connection, now: Instant) {
        if let Some(getting_ready) = &mut self.getting_ready
            && let Some(text) = getting_ready.overdue(now)
        {
            self.getting_ready = None;
            self.report(Trouble::Protocol, &text);
            connection.shutdown(now, Reason::NO_ERROR, "no preface in time");
        }
        let (expired, next) = self.calls.expired(now);
        if self.lifetime.is_some() {
            self.end_of_life(connection, now);
        }
        self.look_again(next);
        for call in expired {
            self.expire(connection, now, call);
        }
    }

    fn on_io_error(&mut self, error: io::Error) {
        self.shared.log.io_error(&self.terms.peer, &error);
    }

    fn on_reads_paused(&mut self) {
        self.shared.log.reports.reading_paused();
    }

    fn on_flushed(&mut self) {
        self.flushed = self.answered;
    }

    fn on_unwritten(&mut self) {
        if self.cut {
            let lost =
                usize::try_from(self.answered.saturating_sub(self.flushed)).unwrap_or(usize::MAX);
            self.shared.cut.add(lost);
        }
    }

    fn on_end(&mut self, _unserved: Vec<Arc<Mailbox>>) {
        for call in self.calls.drain() {
            let status = Status::cancelled("the connection is gone");
            // There is no connection left to return credit on.
            let _ = call.cancel(Cancelled::Cancelled, End::Failed(status));
        }
    }
}
