//! The client's end of one connection: mailboxes become streams, events become answers.

use super::gather::{Gathered, Plain};
use super::held::{Held, is_unprocessed};
use super::inbox::Reporter;
use super::news::{Disconnect, News};
use crate::clock;
use crate::log::Log;
use crate::transport::{
    Mailbox, Role, Submit,
    chunks::Chunks,
    mailbox::{End, Finish, Head, Interest, Outgoing},
    submit::Request,
};
use bytes::Bytes;
use farcall_core::{Code, Status, call::client::RequestHead};
use farcall_http2::{
    Connection, ConnectionError, Event, Headers, OpenError, Reason, ResetCause, StreamKey,
};
use std::{collections::VecDeque, io, mem, sync::Arc, time::Instant};

struct Call {
    key: StreamKey,
    mailbox: Arc<Mailbox>,
    /// END_STREAM has not been sent.
    sending: bool,
    /// A unary response gathers here and is handed over once, as long as it is nothing unusual.
    gathered: Option<Gathered>,
    /// The request, as long as it could go out again.
    held: Option<Held>,
}

/// The client's [`Role`].
pub(crate) struct ClientRole {
    peer: String,
    submit: Arc<Submit<Mailbox>>,
    reporter: Reporter,
    log: Arc<Log>,
    calls: Vec<Option<Call>>,
    plain: Plain,
    /// Calls that wait for the server to allow another stream, in order.
    waiting: VecDeque<Arc<Mailbox>>,
    /// Calls that a GOAWAY refuses, until the channel knows of it.
    refused: Vec<Arc<Mailbox>>,
    /// No call's deadline is earlier.
    deadline: Option<Instant>,
    error: Option<io::Error>,
    goaway: Option<(Reason, Bytes)>,
    /// Calls that the connection's end has cut; they fail when the reason is known.
    orphans: Vec<Call>,
    closing: bool,
    /// The channel has been told to look for another connection.
    leaving: bool,
    /// Some call was answered.
    useful: bool,
}

impl ClientRole {
    pub(crate) fn new(
        peer: String,
        submit: Arc<Submit<Mailbox>>,
        reporter: Reporter,
        log: Arc<Log>,
    ) -> ClientRole {
        ClientRole {
            peer,
            submit,
            reporter,
            log,
            calls: Vec::new(),
            plain: Plain::default(),
            waiting: VecDeque::new(),
            refused: Vec::new(),
            deadline: None,
            error: None,
            goaway: None,
            orphans: Vec::new(),
            closing: false,
            leaving: false,
            useful: false,
        }
    }

    fn disconnect(&mut self, machine: Option<ConnectionError>) -> Arc<Disconnect> {
        Arc::new(Disconnect {
            peer: self.peer.clone(),
            error: self.error.take(),
            machine,
            goaway: self.goaway.clone(),
            useless: !self.useful
                && self.orphans.is_empty()
                && self.refused.is_empty()
                && self.calls.iter().all(Option::is_none),
        })
    }

    fn call(&mut self, key: StreamKey) -> Option<&mut Call> {
        find(&mut self.calls, key)
    }

    fn remove(&mut self, key: StreamKey) -> Option<Call> {
        self.call(key)?;
        let call = self.calls[key.slot()].take()?;
        call.mailbox.set_slot(None);
        Some(call)
    }

    /// Opens a stream for a mailbox that has none.
    fn open(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        mailbox: Arc<Mailbox>,
        mut outgoing: Outgoing,
    ) {
        let Some(head) = outgoing.head.take() else {
            return;
        };
        if outgoing.reset.is_some() || mailbox.is_over() {
            return;
        }
        let Head::Request {
            template, metadata, ..
        } = &head
        else {
            return;
        };
        let timeout = mailbox
            .deadline()
            .map(|deadline| deadline.saturating_duration_since(now));
        let request = match RequestHead::new(template, timeout, metadata) {
            Ok(request) => request,
            Err(status) => {
                mailbox.deliver_end(None, End::Failed(status), Some(StreamKey::NONE));
                return;
            }
        };
        // A request without messages ends with an empty DATA frame, never on its headers (PROTOCOL-HTTP2, "EOS");
        // grpc-go's server waits for it.
        match connection.open(now, &request.parts(), false) {
            Ok(key) => {
                self.note_deadline(mailbox.deadline());
                mailbox.set_slot(Some(key.slot()));
                let gathered = (mailbox.interest() == Interest::End).then(Gathered::default);
                if self.calls.len() <= key.slot() {
                    if self.calls.is_empty() {
                        // Many connections carry one call at a time.
                        self.calls.reserve_exact(key.slot() + 1);
                    }
                    self.calls.resize_with(key.slot() + 1, || None);
                }
                let call = self.calls[key.slot()].insert(Call {
                    key,
                    mailbox,
                    sending: true,
                    gathered,
                    held: Held::new(head),
                });
                if outgoing.release > 0 || outgoing.expect > 0 {
                    return self.transmit(connection, now, key, outgoing);
                }
                call.send(connection, now, outgoing.data, &outgoing.finish);
            }
            Err(OpenError::TooManyStreams) => {
                outgoing.head = Some(head);
                mailbox.restore_outgoing(outgoing);
                self.note_deadline(mailbox.deadline());
                self.waiting.push_front(mailbox);
            }
            Err(OpenError::HeaderListTooLarge { size, limit }) => {
                let status = Status::new(
                    Code::Internal,
                    format!(
                        "the request's metadata is {size} bytes; the server accepts {limit} (SETTINGS_MAX_HEADER_LIST_SIZE)"
                    ),
                );
                mailbox.deliver_end(None, End::Failed(status), Some(StreamKey::NONE));
            }
            Err(_) => {
                self.leave(connection, now);
                outgoing.head = Some(head);
                mailbox.restore_outgoing(outgoing);
                mailbox.unattach();
                self.reporter.tell(News::Unsent(vec![mailbox]));
            }
        }
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
        call.send(connection, now, outgoing.data, &outgoing.finish);
    }

    fn note_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = match (self.deadline, deadline) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }

    fn on_headers(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        headers: Arc<Headers>,
        trailers: bool,
        end: bool,
    ) {
        self.useful = true;
        let Some(call) = find(&mut self.calls, key) else {
            return;
        };
        if trailers {
            return self.finish(connection, now, key, Some(headers));
        }
        // The response has begun: the call is committed to it (gRFC A6).
        call.held = None;
        let plain = end || self.plain.is_head(&headers);
        match &mut call.gathered {
            Some(gathered) => {
                gathered.head = Some(headers);
                if !plain {
                    call.hand_over();
                }
            }
            None if end => call.mailbox.deliver_trailers_only(headers, key),
            None => call.mailbox.deliver_head(headers),
        }
        if end {
            self.finish(connection, now, key, None);
        }
    }

    fn on_data(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        data: Bytes,
        end: bool,
    ) {
        let Some(call) = self.call(key) else {
            connection.release(now, key, data.len());
            return;
        };
        match &mut call.gathered {
            Some(gathered) => {
                // At most one message within its limit is held: waiting for the reader would only deadlock.
                connection.release(now, key, data.len());
                if !gathered.push(data, call.mailbox.receive_limit()) {
                    call.hand_over();
                }
            }
            None if data.is_empty() => {}
            None => {
                let unwanted = call.mailbox.deliver_data(data);
                connection.release(now, key, unwanted);
            }
        }
        if end {
            self.finish(connection, now, key, None);
        }
    }

    /// The server has said everything.
    fn finish(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        trailers: Option<Arc<Headers>>,
    ) {
        let Some(place) = self.calls.get_mut(key.slot()) else {
            return;
        };
        let Some(call) = place.as_mut().filter(|call| call.key == key) else {
            return;
        };
        call.mailbox.set_slot(None);
        if call.sending {
            // The call is over; what this side still had to say is of no use (RFC 9113 §8.1).
            connection.reset(now, key, Reason::NO_ERROR);
        }
        // Looked at where it stands: a call is not moved for its end.
        if let Some(gathered) = &call.gathered
            && let Some(trailers) = &trailers
            && let Some(message) =
                gathered.message(&mut self.plain, trailers, call.mailbox.receive_limit())
        {
            call.mailbox.deliver_message(message, key);
            *place = None;
            return;
        }
        if let Some(call) = place.take() {
            let unreported = call.end(trailers, End::Eof);
            connection.release(now, key, unreported);
        }
    }

    fn on_reset(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        reason: Reason,
        cause: ResetCause,
    ) {
        let Some(mut call) = self.remove(key) else {
            return;
        };
        if is_unprocessed(reason, &cause)
            && let Some(held) = call.held.take()
        {
            return self.send_elsewhere(call.mailbox, held, cause == ResetCause::GoAway);
        }
        match cause {
            ResetCause::Connection => self.orphans.push(call),
            cause => {
                // Both ends watch the deadline. When the server's CANCEL is read first, it is still the deadline.
                let deadline = call.mailbox.deadline();
                let over =
                    reason == Reason::CANCEL && deadline.is_some_and(|at| at <= clock::now());
                let end = match over {
                    true => End::Failed(deadline_exceeded()),
                    false => End::Reset(reason, cause),
                };
                let unreported = call.fail(end);
                connection.release(now, key, unreported);
            }
        }
    }

    /// The server has not processed the call: the channel finds it another stream, here or on another connection.
    #[cold]
    fn send_elsewhere(&mut self, mailbox: Arc<Mailbox>, held: Held, going: bool) {
        if !mailbox.start_over(held.again()) {
            return;
        }
        match going {
            // The channel must hear of the GOAWAY first, or it would pick this connection again.
            true => self.refused.push(mailbox),
            false => self.reporter.tell(News::Unsent(vec![mailbox])),
        }
    }

    fn on_closed(&mut self, error: ConnectionError) {
        self.log.closed(&self.peer, &error);
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
        for call in mem::take(&mut self.orphans) {
            call.fail(End::Failed(
                Status::new(Code::Unavailable, "the connection was lost")
                    .with_cause(Arc::clone(&disconnect)),
            ));
        }
        self.reporter.tell(News::Closed(disconnect));
    }

    fn retry_waiting(&mut self, connection: &mut Connection, now: Instant) {
        while let Some(mailbox) = self.waiting.pop_front() {
            let before = self.waiting.len();
            let outgoing = mailbox.take_outgoing();
            self.open(connection, now, mailbox, outgoing);
            if self.waiting.len() > before {
                break;
            }
        }
    }
}

/// The live call that the key names.
fn find(calls: &mut [Option<Call>], key: StreamKey) -> Option<&mut Call> {
    calls
        .get_mut(key.slot())?
        .as_mut()
        .filter(|call| call.key == key)
}

impl Call {
    /// Sends what the task wants sent.
    fn send(&mut self, connection: &mut Connection, now: Instant, data: Chunks, finish: &Finish) {
        let key = self.key;
        let half_close = matches!(finish, Finish::HalfClose);
        if !self.sending || (data.is_empty() && !half_close) {
            return;
        }
        self.sending = !half_close;
        match &mut self.held {
            Some(held) => {
                if !held.send(connection, now, key, data, half_close) {
                    self.held = None;
                }
            }
            // A stream that has gone meanwhile has an event on its way that says so.
            None => drop(data.send(connection, now, key, half_close)),
        }
        if !half_close {
            self.mailbox.set_outstanding(connection.buffered(key));
        }
    }

    /// Something unusual: the caller's machine has to see it as it comes.
    fn hand_over(&mut self) {
        if let Some(gathered) = self.gathered.take() {
            self.mailbox.hand_over(gathered.into_incoming());
        }
    }

    /// Answers the bytes that the task has read and not reported.
    fn fail(self, end: End) -> usize {
        self.end(None, end)
    }

    /// As `fail`, behind these trailers.
    fn end(self, trailers: Option<Arc<Headers>>, end: End) -> usize {
        match self.gathered {
            Some(gathered) => {
                let mut incoming = gathered.into_incoming();
                (incoming.trailers, incoming.end) = (trailers, Some(end));
                self.mailbox.deliver_all(incoming, Some(self.key));
                0
            }
            None => self.mailbox.deliver_end(trailers, end, Some(self.key)),
        }
    }
}

impl Role for ClientRole {
    const CUTS: bool = false;

    fn on_event(&mut self, connection: &mut Connection, now: Instant, event: Event) {
        match event {
            Event::Ready => self.reporter.tell(News::Ready),
            Event::Headers {
                stream,
                headers,
                trailers,
                end_stream,
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
                    call.mailbox.set_outstanding(connection.buffered(stream));
                }
            }
            Event::CanOpen => self.retry_waiting(connection, now),
            Event::GoAway { reason, debug } => {
                self.log.sent_away(&self.peer, reason, &debug);
                self.goaway = Some((reason, debug));
                let disconnect = self.disconnect(None);
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
            Event::Closed(error) => self.on_closed(error),
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
            if let Some(outgoing) = mailbox.take_outgoing_of(&self.submit) {
                self.open(connection, now, mailbox, outgoing);
            }
        } else {
            self.note_deadline(mailbox.deadline());
            if self.waiting.len() >= 64 && self.waiting.len().is_power_of_two() {
                // Cancelled ones are not told apart before their turn comes, which may be never.
                self.waiting.retain(|mailbox| !mailbox.is_over());
            }
            self.waiting.push_back(mailbox);
        }
    }

    fn on_request(&mut self, connection: &mut Connection, now: Instant, request: Request) {
        match request {
            Request::None => {}
            Request::Drain => connection.drain(now, "the channel has left this connection"),
            Request::Close => connection.shutdown(now, Reason::NO_ERROR, "the channel was closed"),
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
        let open = self
            .calls
            .iter()
            .flatten()
            .map(|call| (Some(call.key), &call.mailbox));
        let waiting = self.waiting.iter().map(|mailbox| (None, mailbox));
        for (key, mailbox) in open.chain(waiting) {
            match mailbox.deadline() {
                Some(deadline) if deadline <= now => passed.push((key, Arc::clone(mailbox))),
                Some(deadline) => next = Some(next.map_or(deadline, |n: Instant| n.min(deadline))),
                None => {}
            }
        }
        self.deadline = next;
        self.waiting.retain(|mailbox| {
            mailbox.deadline().is_none_or(|deadline| deadline > now) && !mailbox.is_over()
        });
        for (key, mailbox) in passed {
            if let Some(key) = key {
                connection.reset(now, key, Reason::CANCEL);
                self.remove(key);
                connection.release(now, key, mailbox.detach(key));
            }
            let key = key.unwrap_or(StreamKey::NONE);
            mailbox.deliver_end(None, End::Failed(deadline_exceeded()), Some(key));
        }
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

pub(crate) fn deadline_exceeded() -> Status {
    Status::new(
        Code::DeadlineExceeded,
        "the deadline passed before the call was over",
    )
}
