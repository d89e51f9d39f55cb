//! The server's end of one connection: requests become handlers, replies become frames.

use super::{
    SILENT_GRACE,
    calls::{Arrived, Call, Calls, State},
    getting_ready::GettingReady,
    handler::{HandlerFuture, Route},
    known::{Known, Parsed},
    running::{self, Running, Slots},
    shared::Shared,
    watch::Watch,
};
use crate::{
    call::{Accepted, Arrival, Context, IncomingCall, Reply, Terms, reply::broken},
    log::Trouble,
    transport::{
        Mailbox, Role, Submit,
        mailbox::{Cancelled, End, Finish, Head, Outgoing},
        submit::Request,
    },
};
use bytes::Bytes;
use farcall_core::{
    Metadata, MethodKind, Status,
    call::{
        HeaderList, Progress, Shape,
        server::{self, Rejection, RequestHead, RequestMachine},
    },
    message::whole_message,
};
use farcall_http2::{Connection, Event, Headers, Part, Reason, SendError, StreamKey};
use std::{
    io, mem,
    sync::{Arc, atomic::Ordering},
    task::Poll,
    time::{Duration, Instant},
};

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
    /// Handlers in tasks of their own have something to do.
    has_woken: bool,
    /// Calls answered, and how many of them when everything was written last: what is between lies in the output.
    answered: u64,
    flushed: u64,
    /// The end of a drain has cut the connection.
    cut: bool,
}

/// How long the answer to a request that is not a gRPC call waits for the request's end.
const REJECT_WITHIN: Duration = Duration::from_secs(1);

impl ServerRole {
    pub(crate) fn new(
        shared: Arc<Shared>,
        terms: Terms,
        submit: Arc<Submit<Mailbox>>,
        max_handlers: usize,
        getting_ready: GettingReady,
    ) -> ServerRole {
        ServerRole {
            shared,
            terms: Arc::new(terms),
            submit,
            calls: Calls::default(),
            slots: Slots::new(max_handlers),
            known: Known::default(),
            spare: None,
            watch: Watch::default(),
            deadline: Some(getting_ready.poll_timeout()),
            getting_ready: Some(Box::new(getting_ready)),
            has_woken: false,
            answered: 0,
            flushed: 0,
            cut: false,
        }
    }

    fn on_request_head(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        headers: Arc<Headers>,
        end: bool,
    ) {
        let (accepted, route) = match self.accept(headers) {
            Ok((accepted, Ok(route))) => (accepted, route),
            Ok((accepted, Err(status))) => {
                self.report(Trouble::Request, &status);
                return self.refuse(connection, now, key, &accepted.head, status);
            }
            Err(rejection) => {
                self.report(Trouble::Request, rejection.status());
                if end || rejection.body().is_none() {
                    reject(connection, now, key, &rejection);
                } else {
                    self.reject_later(now, key, rejection);
                }
                return;
            }
        };
        if !self.slots.is_free() {
            return connection.reset(now, key, Reason::REFUSED_STREAM);
        }
        let deadline = accepted.head.timeout.map(|timeout| now + timeout);
        if let Some(deadline) = deadline {
            self.deadline = Some(self.deadline.map_or(deadline, |d| d.min(deadline)));
        }
        if route.descriptor.kind().client_streams() {
            let (message, compressed) = (Bytes::new(), false);
            let arrived = Arrived {
                accepted,
                route,
                message,
                compressed,
            };
            let mailbox = self.mailbox(deadline);
            if end {
                mailbox.deliver_end(None, End::Eof, None);
            }
            self.start(connection, now, key, mailbox, arrived);
        } else {
            let state = State::Gathering {
                accepted,
                route,
                machine: None,
            };
            self.calls.insert(Call {
                key,
                deadline,
                state,
            });
            if end {
                self.gather(connection, now, key, Bytes::new(), true);
            }
        }
    }

    /// Reads a request head and finds its method.
    fn accept(&mut self, headers: Arc<Headers>) -> Result<Parsed, Rejection> {
        if let Some(parsed) = self.known.find(&headers) {
            return Ok(parsed.clone());
        }
        let head = RequestHead::parse(&headers, &self.terms.compressors)?;
        let route = self.shared.router.find(&head.path);
        let repeats = head.timeout.is_none();
        let terms = Arc::clone(&self.terms);
        let parsed = (Arc::new(Accepted { head, terms }), route);
        if repeats {
            self.known.remember(headers, parsed.clone());
        }
        Ok(parsed)
    }

    /// Keeps the answer to what is not a request of gRPC's until the request has ended.
    fn reject_later(&mut self, now: Instant, key: StreamKey, rejection: Rejection) {
        let by = now + REJECT_WITHIN;
        self.deadline = Some(self.deadline.map_or(by, |deadline| deadline.min(by)));
        self.calls.insert(Call {
            key,
            deadline: Some(by),
            state: State::Rejected(Box::new(rejection)),
        });
    }

    /// Answers a request with a status alone.
    fn refuse(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        head: &RequestHead,
        status: Status,
    ) {
        let reply = Reply::failure(head, status, &Metadata::new());
        self.send(connection, now, key, reply);
    }

    fn report(&self, trouble: Trouble, what: &dyn std::fmt::Display) {
        self.shared.log.report(trouble, &self.terms.peer, what);
    }

    fn mailbox(&mut self, deadline: Option<Instant>) -> Arc<Mailbox> {
        if let Some(mut spare) = self.spare.take()
            && Arc::get_mut(&mut spare).is_some_and(|mailbox| mailbox.renew(deadline))
        {
            return spare;
        }
        Mailbox::attached(Arc::clone(&self.submit), deadline)
    }

    fn on_data(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        data: Bytes,
        end: bool,
    ) {
        let Some(call) = self.calls.find(key) else {
            return connection.release(now, key, data.len());
        };
        match &call.state {
            State::Gathering { .. } => self.gather(connection, now, key, data, end),
            State::Running { mailbox, .. } => {
                self.has_woken = true;
                if !data.is_empty() {
                    let unwanted = mailbox.deliver_data(data);
                    connection.release(now, key, unwanted);
                }
                if end {
                    mailbox.deliver_end(None, End::Eof, None);
                }
            }
            State::Rejected(rejection) => {
                connection.release(now, key, data.len());
                if end {
                    reject(connection, now, key, rejection);
                    self.calls.remove(key);
                }
            }
            State::Answered => connection.release(now, key, data.len()),
        }
    }

    /// Takes a piece of a unary request; starts the handler when it is whole.
    fn gather(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        data: Bytes,
        end: bool,
    ) {
        let limit = self.terms.limits.receive;
        let Some(call) = self.calls.find(key) else {
            return;
        };
        // At most one message within its limit is held: waiting for the reader would only deadlock.
        connection.release(now, key, data.len());
        if end
            && matches!(call.state, State::Gathering { machine: None, .. })
            && let Some(message) = whole_message(&data, limit)
        {
            return self.start_gathered(connection, now, key, message, false);
        }
        let State::Gathering {
            accepted, machine, ..
        } = &mut call.state
        else {
            return;
        };
        let machine = machine
            .get_or_insert_with(|| Box::new(RequestMachine::of(&accepted.head, Shape::One, limit)));
        machine.on_data(data, end);
        match machine.poll() {
            Progress::Pending { missing } => connection.expect(now, key, missing),
            Progress::Message(message) => {
                let compressed = machine.last_was_compressed();
                self.start_gathered(connection, now, key, message, compressed);
            }
            Progress::Done { status, .. } => {
                let accepted = Arc::clone(accepted);
                self.report(Trouble::Request, &status);
                self.refuse(connection, now, key, &accepted.head, status);
            }
        }
    }

    /// Starts the handler of a call whose request is whole.
    fn start_gathered(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        message: Bytes,
        compressed: bool,
    ) {
        let Some(Call {
            deadline,
            state: State::Gathering {
                accepted, route, ..
            },
            ..
        }) = self.calls.remove(key)
        else {
            return;
        };
        let mailbox = self.mailbox(deadline);
        let arrived = Arrived {
            accepted,
            route,
            message,
            compressed,
        };
        self.start(connection, now, key, mailbox, arrived);
    }

    /// Starts the handler: here and now, if its method has earned that, else in a task of its own.
    fn start(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        mailbox: Arc<Mailbox>,
        arrived: Arrived,
    ) {
        if !self.slots.is_free() {
            // They were when the request began to arrive.
            self.calls.remove(key);
            return connection.reset(now, key, Reason::REFUSED_STREAM);
        }
        let Arrived {
            accepted,
            route,
            message,
            compressed,
        } = arrived;
        let arrival = Arrival {
            accepted,
            context: Context::new(Arc::clone(&mailbox)),
            compressed,
        };
        let call = IncomingCall { arrival, message };
        let mut future = match running::guarded(|| route.handler.call(call)) {
            Ok(future) => future,
            Err(panic) => {
                self.report(Trouble::Panic, &panic);
                let mut reply = Reply::broken(panic);
                reply.conclude(false);
                return self.send(connection, now, key, reply);
            }
        };
        if route.earned.inline()
            && let Poll::Ready(mut reply) = self.poll_inline(now, &mailbox, &mut future, &route)
        {
            drop(future);
            if reply.broken.is_some() || route.descriptor.kind() != MethodKind::Unary {
                let head_sent = self.flush_finished(connection, now, key, &mailbox);
                reply.conclude(head_sent);
            }
            self.send(connection, now, key, reply);
            if connection.buffered(key) > 0 {
                let (deadline, state) = (mailbox.deadline(), State::Answered);
                self.calls.insert(Call {
                    key,
                    deadline,
                    state,
                });
            }
            self.spare = Some(mailbox);
            return;
        }
        mailbox.set_slot(Some(key.slot()));
        let deadline = mailbox.deadline();
        self.has_woken = true;
        let task = tokio::spawn(Running::new(
            future,
            Arc::clone(&mailbox),
            Arc::clone(&route),
            self.slots.take(),
            (Arc::clone(&self.shared), Arc::clone(&self.terms)),
        ));
        let state = State::Running {
            mailbox,
            task: task.abort_handle(),
            route,
            head_sent: false,
        };
        self.calls.insert(Call {
            key,
            deadline,
            state,
        });
    }

    /// Sends what a streaming handler that is done already has put into its mailbox. Answers whether that began the
    /// response.
    fn flush_finished(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        mailbox: &Mailbox,
    ) -> bool {
        let outgoing = mailbox.take_outgoing();
        if let Some(Head::Response(head)) = &outgoing.head
            && let Err(SendError::HeaderListTooLarge { size, limit }) =
                connection.send_headers(now, key, &head.parts(), false)
        {
            send_shortened(
                connection,
                now,
                key,
                &head_too_large(size, limit),
                SendError::HeaderListTooLarge { size, limit },
            );
        }
        // A stream that has gone meanwhile has an event on its way that says so.
        outgoing.data.send(connection, now, key, false).ok();
        connection.release(now, key, outgoing.release + mailbox.detach(key));
        outgoing.head.is_some()
    }

    /// The first poll of a method that has earned it, here and now.
    fn poll_inline(
        &mut self,
        now: Instant,
        mailbox: &Arc<Mailbox>,
        future: &mut HandlerFuture,
        route: &Route,
    ) -> Poll<Reply> {
        let mut context = Some(Context::new(Arc::clone(mailbox)));
        self.watch.begin(now);
        let polled = running::poll_inline(&mut context, future);
        if let Some((end, elapsed)) = self.watch.end() {
            route.earned.record(end, elapsed);
        }
        polled.map(|reply| {
            reply.unwrap_or_else(|panic| {
                self.report(Trouble::Panic, &panic);
                Reply::broken(panic)
            })
        })
    }

    /// Sends the end of a call.
    fn send(&mut self, connection: &mut Connection, now: Instant, key: StreamKey, reply: Reply) {
        let Reply {
            head,
            mut data,
            trailers,
            ..
        } = reply;
        if let (Some(head), Some(whole)) = (&head, data.take()) {
            match connection.respond(now, key, &head.parts(), whole, &trailers.parts()) {
                Ok(()) => return self.answered(connection, now, key),
                Err(whole) => data = Some(whole),
            }
        }
        if let Some(head) = &head
            && let Err(SendError::HeaderListTooLarge { size, limit }) =
                connection.send_headers(now, key, &head.parts(), false)
        {
            return self.send_trailers(connection, now, key, &head_too_large(size, limit));
        }
        // Of a stream that has gone meanwhile nothing is left to do but what `send_trailers` does.
        if let Some(data) = data {
            connection.send_data(now, key, data, false).ok();
        }
        self.send_trailers(connection, now, key, &trailers);
    }

    fn send_trailers(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        trailers: &HeaderList,
    ) {
        match connection.send_headers(now, key, &trailers.parts(), true) {
            Ok(()) | Err(SendError::StreamGone) => {}
            Err(error) => {
                self.report(Trouble::Request, &format_args!("trailers: {error}"));
                send_shortened(connection, now, key, trailers, error);
            }
        }
        self.answered(connection, now, key);
    }

    /// The call's last word has been given to the connection.
    fn answered(&mut self, connection: &mut Connection, now: Instant, key: StreamKey) {
        self.answered += 1;
        let Some(call) = self.calls.find(key) else {
            return;
        };
        let waiting = connection.buffered(key) > 0;
        if let State::Running { mailbox, .. } = &call.state {
            mailbox.set_slot(None);
            let unreported = mailbox.detach(key);
            connection.release(now, key, unreported);
        }
        if waiting {
            call.state = State::Answered;
        } else {
            self.calls.remove(key);
        }
    }

    /// What the handler asked for.
    fn transmit(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        outgoing: Outgoing,
    ) {
        if outgoing.release > 0 {
            connection.release(now, key, outgoing.release);
        }
        let Some(call) = self.calls.find(key) else {
            return;
        };
        let State::Running {
            mailbox, head_sent, ..
        } = &mut call.state
        else {
            return;
        };
        if outgoing.expect > 0 {
            connection.expect(now, key, outgoing.expect);
        }
        if let Some(reason) = outgoing.reset {
            connection.reset(now, key, reason);
            if let Some(call) = self.calls.remove(key) {
                let status = Status::cancelled("the handler cancelled the call");
                let unreported = call.cancel(Cancelled::Cancelled, End::Failed(status));
                connection.release(now, key, unreported);
            }
            return;
        }
        if let Some(Head::Response(head)) = &outgoing.head {
            let sent = connection.send_headers(now, key, &head.parts(), false);
            if let Err(SendError::HeaderListTooLarge { size, limit }) = sent {
                return self.give_up(connection, now, key, &head_too_large(size, limit));
            }
            // A stream that has gone meanwhile has an event on its way that says so.
            *head_sent = true;
        }
        if !outgoing.data.is_empty() {
            outgoing.data.send(connection, now, key, false).ok();
            mailbox.set_outstanding(connection.buffered(key));
        }
        let head_sent = *head_sent;
        match &outgoing.finish {
            Finish::Trailers(trailers) => self.send_trailers(connection, now, key, trailers),
            Finish::Broken(status) => {
                let trailers = broken(status, head_sent);
                self.send_trailers(connection, now, key, &trailers);
            }
            Finish::Open | Finish::HalfClose => {}
        }
    }

    /// Ends a call in the place of its handler, which goes on for nobody.
    #[cold]
    fn give_up(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        trailers: &HeaderList,
    ) {
        let Some(call) = self.calls.remove(key) else {
            return;
        };
        if let Err(error) = connection.send_headers(now, key, &trailers.parts(), true) {
            send_shortened(connection, now, key, trailers, error);
        }
        let status = Status::cancelled("the caller does not take response headers of this size");
        let unreported = call.cancel(Cancelled::Cancelled, End::Failed(status));
        connection.release(now, key, unreported);
    }

    /// A call's time is up.
    fn expire(&mut self, connection: &mut Connection, now: Instant, call: Call) {
        let key = call.key;
        let (status, none) = (deadline_exceeded(), Metadata::new());
        let trailers = match &call.state {
            State::Gathering { .. }
            | State::Running {
                head_sent: false, ..
            } => Some(server::trailers_only(b"", &status, &none)),
            State::Running { .. } if connection.buffered(key) == 0 => {
                Some(server::trailers(&status, &none))
            }
            State::Rejected(rejection) => return reject(connection, now, key, rejection),
            State::Running { .. } | State::Answered => None,
        };
        match trailers {
            Some(trailers) => {
                connection
                    .send_headers(now, key, &trailers.parts(), true)
                    .ok();
            }
            None => connection.reset(now, key, Reason::CANCEL),
        }
        let unreported = call.cancel(Cancelled::Deadline, End::Failed(status));
        connection.release(now, key, unreported);
    }
}

/// The list that ends a response did not go out as it was: the caller's limit on header lists leaves room for less.
#[cold]
fn send_shortened(
    connection: &mut Connection,
    now: Instant,
    key: StreamKey,
    list: &HeaderList,
    error: SendError,
) {
    let sent = match error {
        SendError::HeaderListTooLarge { limit, .. } => {
            let list = server::shortened(list, limit);
            connection.send_headers(now, key, &list.parts(), true)
        }
        error => Err(error),
    };
    if sent.is_err_and(|error| error != SendError::StreamGone) {
        // Not even the code fits.
        connection.reset(now, key, Reason::INTERNAL_ERROR);
    }
}

/// The response in place of one whose initial metadata the caller does not take.
#[cold]
fn head_too_large(size: usize, limit: usize) -> HeaderList {
    let text = format!(
        "the response's initial metadata is {size} bytes; the caller accepts {limit} (SETTINGS_MAX_HEADER_LIST_SIZE)"
    );
    server::trailers_only(b"", &Status::internal(text), &Metadata::new())
}

/// Answers what is not a request of gRPC's.
fn reject(connection: &mut Connection, now: Instant, key: StreamKey, rejection: &Rejection) {
    let (head, body) = (rejection.head(), rejection.body());
    let sent = connection.send_headers(now, key, &[Part::Fields(&head)], body.is_none());
    if let (Ok(()), Some(body)) = (sent, body) {
        // A stream that has gone meanwhile needs no answer.
        connection.send_data(now, key, body, true).ok();
    }
}

fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("the deadline passed before the handler was done")
}

impl Role for ServerRole {
    const CUTS: bool = true;

    fn on_event(&mut self, connection: &mut Connection, now: Instant, event: Event) {
        match event {
            Event::Ready => self.getting_ready = None,
            Event::Headers {
                stream,
                headers,
                trailers: false,
                end_stream,
            } => self.on_request_head(connection, now, stream, headers, end_stream),
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
                if let Some(call) = self.calls.remove(stream) {
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
                    mailbox.set_outstanding(buffered);
                }
            }
            Event::Rejected { crime, .. } => self.report(Trouble::Protocol, &crime),
            Event::Closed(error) => self
                .shared
                .log
                .closed(self.terms.peer.remote_address(), &error),
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
            Request::None => {}
            Request::Drain => {
                if let Some(getting_ready) = &mut self.getting_ready {
                    // Nobody has been promised anything yet.
                    let by = getting_ready.hurry(now + SILENT_GRACE);
                    self.deadline = Some(self.deadline.map_or(by, |at| at.min(by)));
                }
                connection.drain(now, "graceful_stop");
            }
            Request::Close => {
                let (answered, open) = self.calls.answered();
                let waiting = |key: &&StreamKey| connection.buffered(**key) > 0;
                // What waits for a window is not written any more.
                let stuck = answered.iter().filter(waiting).count();
                self.shared.cut.fetch_add(open + stuck, Ordering::Relaxed);
                self.answered = self.answered.saturating_sub(stuck as u64);
                self.cut = true;
                connection.shutdown(now, Reason::NO_ERROR, "stop");
            }
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
        let ready = self
            .getting_ready
            .as_ref()
            .map(|ready| ready.poll_timeout());
        self.deadline = match (next, ready) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        for call in expired {
            self.expire(connection, now, call);
        }
    }

    fn on_io_error(&mut self, error: io::Error) {
        self.shared.log.io_error(&self.terms.peer, &error);
    }

    fn on_flushed(&mut self) {
        self.flushed = self.answered;
    }

    fn on_unwritten(&mut self) {
        if self.cut {
            let lost =
                usize::try_from(self.answered.saturating_sub(self.flushed)).unwrap_or(usize::MAX);
            self.shared.cut.fetch_add(lost, Ordering::Relaxed);
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
