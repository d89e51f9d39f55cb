//! The client's end of one connection: mailboxes become streams, events become answers.

mod call;
mod opening;
mod repeating;
mod responses;

use super::gather::Plain;
use super::gauge::Gauge;
use super::inbox::Reporter;
use super::naming::Naming;
use super::news::{Disconnect, News};
use crate::log::Log;
use crate::transport::{
    Mailbox, Role, Submit,
    deadline::{Awaited, exceeded},
    mailbox::{End, Nothing, Outgoing},
    submit::Request,
};
use bytes::Bytes;
use call::{Call, find};
use farcall_core::Status;
use farcall_http2::{Connection, ConnectionError, Event, Reason, StreamKey};
use std::{collections::VecDeque, fmt, io, mem, sync::Arc, time::Instant};

/// The client's [`Role`].
pub(crate) struct ClientRole {
    naming: Naming,
    submit: Arc<Submit<Mailbox>>,
    reporter: Reporter,
    log: Arc<Log>,
    /// Bytes that are kept of a call without a policy.
    call_buffer: usize,
    /// Where calls look for room, if there may be several connections; and the limit that it goes by.
    gauge: Option<(Arc<Gauge>, u32)>,
    calls: Vec<Option<Call>>,
    plain: Plain,
    /// Calls that wait for the server to allow another stream, in order.
    waiting: VecDeque<Arc<Mailbox>>,
    /// Calls that a GOAWAY refuses, until the channel knows of it.
    refused: Vec<Arc<Mailbox>>,
    /// No call's deadline is earlier.
    deadline: Option<Instant>,
    error: Option<io::Error>,
    goaway: Option<Box<(Reason, Bytes)>>,
    /// Calls that a GOAWAY has ended, or the connection's end has cut; they fail when the reason is known, which comes next.
    orphans: Vec<Call>,
    closing: bool,
    /// The channel was closed, and with it the connection.
    cut: bool,
    /// When a call last began or ended.
    used: Instant,
    /// The channel has been told to look for another connection.
    leaving: bool,
    /// Some call was answered.
    useful: bool,
}

impl ClientRole {
    pub(crate) fn new(
        naming: Naming,
        submit: Arc<Submit<Mailbox>>,
        reporter: Reporter,
        log: Arc<Log>,
        now: Instant,
        call_buffer: usize,
        gauge: Option<Arc<Gauge>>,
    ) -> ClientRole {
        ClientRole {
            naming,
            submit,
            reporter,
            log,
            call_buffer,
            gauge: gauge.map(|gauge| (gauge, 0)),
            calls: Vec::new(),
            plain: Plain::default(),
            waiting: VecDeque::new(),
            refused: Vec::new(),
            deadline: None,
            error: None,
            goaway: None,
            orphans: Vec::new(),
            closing: false,
            cut: false,
            used: now,
            leaving: false,
            useful: false,
        }
    }

    fn disconnect(&mut self, machine: Option<ConnectionError>) -> Arc<Disconnect> {
        Arc::new(Disconnect {
            peer: self.naming.peer.clone(),
            error: self.error.take(),
            machine,
            goaway: self.goaway.as_deref().cloned(),
            used: self.used,
            useless: !self.useful
                && !self.orphans.iter().any(|call| call.mailbox.is_users())
                && self.refused.is_empty()
                && !self.has_open_calls(),
        })
    }

    /// The status of a call whose time is over.
    #[cold]
    fn late(&self, awaited: Awaited) -> Status {
        exceeded(awaited).with_cause(Server(self.naming.peer.clone()))
    }

    fn has_open_calls(&self) -> bool {
        let mut open = self.calls.iter().flatten();
        open.any(|call| call.mailbox.is_users())
    }

    /// A place that a call had, or was meant to have, is free.
    #[inline]
    fn freed(&mut self) {
        if let Some((gauge, _)) = &self.gauge
            && gauge.give_back()
        {
            self.reporter.tell(News::Room);
        }
    }

    /// Forgets the calls that wait in vain.
    fn keep_waiting(&mut self, keep: impl Fn(&Mailbox) -> bool) {
        let before = self.waiting.len();
        self.waiting.retain(|mailbox| keep(mailbox));
        for _ in self.waiting.len()..before {
            self.freed();
        }
    }

    /// Follows the server's limit of streams.
    #[inline]
    fn follow_limit(&mut self, connection: &Connection) {
        if let Some((gauge, limit)) = &mut self.gauge
            && *limit != connection.stream_limit()
        {
            gauge.resize(*limit, connection.stream_limit());
            *limit = connection.stream_limit();
        }
    }

    fn call(&mut self, key: StreamKey) -> Option<&mut Call> {
        find(&mut self.calls, key)
    }

    fn remove(&mut self, key: StreamKey) -> Option<Call> {
        self.call(key)?;
        let call = self.calls[key.slot()].take()?;
        call.mailbox.set_slot(None);
        self.freed();
        Some(call)
    }

    /// The connection takes no new streams, perhaps because its ids are used up: the channel must look for another one.
    fn leave(&mut self, connection: &mut Connection, now: Instant) {
        if self.goaway.is_none() && !self.leaving {
            self.leaving = true;
            connection.drain(now, "no more streams");
            let disconnect = self.disconnect(None);
            self.reporter.tell(News::GoingAway(disconnect));
        }
    }

    /// Carries out what the task asked for on an open stream.
    fn transmit(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        outgoing: Outgoing,
    ) {
        let limit = self.call_buffer;
        let Some(call) = self.call(key) else { return };
        if let Some(reason) = outgoing.reset {
            connection.reset(now, key, reason);
            if let Some(call) = self.remove(key) {
                let unreported = call.mailbox.detach(key) + outgoing.release;
                connection.release(now, key, unreported);
            }
            return;
        }
        if outgoing.release > 0 {
            connection.release(now, key, outgoing.release);
        }
        if outgoing.expect > 0 {
            connection.expect(now, key, outgoing.expect);
        }
        call.send(connection, now, outgoing.data, &outgoing.finish, limit);
    }

    fn note_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = match (self.deadline, deadline) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }

    fn on_closed(&mut self, error: ConnectionError) {
        self.log.closed(&self.naming.peer, &error);
        let disconnect = self.disconnect(Some(error));
        self.closing = true;
        let mut unsent: Vec<_> = self.waiting.drain(..).collect();
        for mailbox in &unsent {
            mailbox.unattach();
        }
        unsent.append(&mut self.refused);
        if !unsent.is_empty() {
            self.reporter.tell(News::Unsent(unsent));
        }
        let orphans = mem::take(&mut self.orphans);
        if !orphans.is_empty() {
            self.tell_orphans(orphans, &disconnect);
        }
        self.reporter.tell(News::Closed(disconnect));
    }

    fn retry_waiting(&mut self, connection: &mut Connection, now: Instant) {
        while let Some(mailbox) = self.waiting.pop_front() {
            let before = self.waiting.len();
            match &mut mailbox.take_request(&self.submit) {
                Ok(request) => self.open(connection, now, mailbox, request),
                Err(Nothing::Unsent) => self.freed(),
                Err(Nothing::Here) => {}
            }
            if self.waiting.len() > before {
                break;
            }
        }
    }
}

impl Role for ClientRole {
    const CUTS: bool = false;

    fn on_event(&mut self, connection: &mut Connection, now: Instant, event: Event) {
        match event {
            Event::Ready => {
                if let Some((gauge, limit)) = &mut self.gauge {
                    *limit = connection.stream_limit();
                    gauge.open(*limit);
                }
                self.reporter.tell(News::Ready);
            }
            Event::Headers {
                stream,
                headers,
                trailers,
                end_stream,
                ..
            } => {
                self.on_headers(connection, now, stream, headers, trailers, end_stream);
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
            } => self.on_reset(connection, now, stream, reason, cause),
            Event::Writable { stream } => {
                if let Some(call) = self.call(stream) {
                    call.mailbox
                        .set_outstanding(connection.buffered(stream), Vec::new());
                }
            }
            Event::Rejected { crime, .. } => self.log.reports.misbehaved(crime),
            Event::CanOpen => self.retry_waiting(connection, now),
            Event::GoAway { reason, debug } => {
                self.log.sent_away(&self.naming.peer, reason, &debug);
                self.goaway = Some(Box::new((reason, debug)));
                let dismissed = mem::take(&mut self.orphans);
                let disconnect = self.disconnect(None);
                self.tell_dismissed(connection, now, dismissed, &disconnect);
                let mut unsent: Vec<_> = self.waiting.drain(..).collect();
                for mailbox in &unsent {
                    mailbox.unattach();
                }
                unsent.append(&mut self.refused);
                self.reporter.tell(News::GoingAway(disconnect));
                if !unsent.is_empty() {
                    self.reporter.tell(News::Unsent(unsent));
                }
            }
            Event::Closed(error) => {
                self.log.reports.ended(connection);
                self.on_closed(error);
            }
            _ => {}
        }
    }

    fn attend(&mut self, connection: &mut Connection, now: Instant, mailbox: Arc<Mailbox>) {
        if let Some(slot) = mailbox.slot() {
            let key = self
                .calls
                .get(slot)
                .and_then(|call| call.as_ref())
                .filter(|call| Arc::ptr_eq(&call.mailbox, &mailbox))
                .map(|call| call.key);
            // Otherwise the stream is another connection's, to which the call has moved, or is over.
            if let Some(key) = key {
                let outgoing = mailbox.take_outgoing();
                self.transmit(connection, now, key, outgoing);
            }
        } else if self.waiting.is_empty() {
            match &mut mailbox.take_request(&self.submit) {
                Ok(request) => self.open(connection, now, mailbox, request),
                Err(Nothing::Unsent) => self.freed(),
                Err(Nothing::Here) => {}
            }
        } else {
            self.note_deadline(mailbox.deadline());
            if self.waiting.len() >= 64 && self.waiting.len().is_power_of_two() {
                // Cancelled ones are not told apart before their turn comes, which may be never.
                self.keep_waiting(|mailbox| !mailbox.is_over());
            }
            self.waiting.push_back(mailbox);
        }
    }

    fn on_request(&mut self, connection: &mut Connection, now: Instant, request: Request) {
        match request {
            Request::None => {}
            Request::Report(_) => {
                let open = !self.waiting.is_empty() || self.has_open_calls();
                let last = if open { now } else { self.used };
                self.reporter.tell(News::Used(last));
            }
            Request::Drain => connection.drain(now, "the channel has left this connection"),
            Request::Close => {
                self.cut = true;
                connection.shutdown(now, Reason::NO_ERROR, "the channel was closed");
            }
        }
    }

    fn call_in_credit(&mut self, connection: &mut Connection, now: Instant) {
        for call in self.calls.iter().flatten() {
            connection.release(now, call.key, call.mailbox.take_release());
        }
    }

    /// Callers that have got an answer mostly have another call to make.
    fn has_woken(&mut self) -> bool {
        true
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn handle_timeout(&mut self, connection: &mut Connection, now: Instant) {
        let mut next = None;
        let mut passed = Vec::new();
        let mut late = Vec::new();
        let open = self
            .calls
            .iter()
            .flatten()
            .map(|call| (Some(call.key), &call.mailbox, call.attempt_deadline()));
        let waiting = self.waiting.iter().map(|mailbox| (None, mailbox, None));
        for (key, mailbox, attempt) in open.chain(waiting) {
            let deadline = mailbox.deadline();
            if deadline.is_some_and(|deadline| deadline <= now) {
                passed.push((key, Arc::clone(mailbox)));
            } else if attempt.is_some_and(|deadline| deadline <= now) {
                late.extend(key);
            } else {
                next = [next, deadline, attempt].into_iter().flatten().min();
            }
        }
        self.deadline = next;
        for key in late {
            self.give_up_attempt(connection, now, key);
        }
        self.keep_waiting(|mailbox| {
            mailbox.deadline().is_none_or(|deadline| deadline > now) && !mailbox.is_over()
        });
        for (key, mailbox) in passed {
            if let Some(key) = key {
                connection.reset(now, key, Reason::CANCEL);
                let late = self.late(Awaited::Response);
                if let Some(call) = self.remove(key) {
                    if let Some(retry) = call.retry {
                        mailbox.set_previous(retry.previous());
                    }
                    if let Some(picked) = call.picked {
                        picked.done(&late);
                    }
                }
                connection.release(now, key, mailbox.detach(key));
                mailbox.deliver_end(None, End::Failed(late), Some(key));
            } else {
                mailbox.fail(self.late(Awaited::Stream));
            }
        }
    }

    fn on_reads_paused(&mut self) {
        self.log.reports.reading_paused();
    }

    fn on_io_error(&mut self, error: io::Error) {
        self.error.get_or_insert(error);
    }

    fn on_end(&mut self, unserved: Vec<Arc<Mailbox>>) {
        for mailbox in &unserved {
            mailbox.unattach();
        }
        if !unserved.is_empty() {
            self.reporter.tell(News::Unsent(unserved));
        }
        if !self.closing {
            // The driver was dropped with its runtime.
            let calls: Vec<_> = self.calls.iter_mut().filter_map(Option::take).collect();
            self.orphans.extend(calls);
            self.on_closed(ConnectionError::Eof(farcall_http2::Initiator::Local));
        }
    }
}

/// The server that a call was late at: for this side alone.
#[derive(Debug)]
struct Server(Arc<str>);

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server is {}", self.0)
    }
}

impl std::error::Error for Server {}
