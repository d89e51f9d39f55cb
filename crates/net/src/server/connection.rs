//! The server's end of one connection: requests become handlers, replies become frames.

use super::{
    handler::{HandlerFuture, Route},
    log::Trouble,
    running::{self, Running, Slots},
    shared::Shared,
};
use crate::{
    call::{Arrival, Context, IncomingCall, Reply},
    clock,
    peer::Peer,
    transport::{
        Mailbox, Role, Submit,
        mailbox::{Cancelled, End, Finish, Head, Outgoing},
        send_data,
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
};
use farcall_http2::{Connection, Event, Headers, Part, Reason, StreamKey};
use std::{
    io,
    sync::{Arc, atomic::Ordering},
    task::Poll,
    time::{Duration, Instant},
};
use tokio::task::AbortHandle;

/// The server's [`Role`].
pub(crate) struct ServerRole {
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    submit: Arc<Submit<Mailbox>>,
    calls: Vec<Option<Call>>,
    /// Handlers of this connection that are running, those of reset streams included.
    slots: Slots,
    /// The last request heads: a caller that repeats a header block is parsed and routed once.
    known: Known,
    /// No call's deadline, nor the one for the client's preface, is earlier.
    deadline: Option<Instant>,
    /// Until when the client must have sent its preface; `None` once it has.
    ready_by: Option<Instant>,
}

/// How long the answer to a request that is not a gRPC call waits for the request's end.
const REJECT_WITHIN: Duration = Duration::from_secs(1);

struct Call {
    key: StreamKey,
    deadline: Option<Instant>,
    state: State,
}

enum State {
    /// A unary request is arriving.
    Gathering {
        head: Arc<RequestHead>,
        route: Arc<Route>,
        machine: RequestMachine,
    },
    /// The handler has the mailbox.
    Running {
        mailbox: Arc<Mailbox>,
        task: Option<AbortHandle>,
        route: Arc<Route>,
        head_sent: bool,
    },
    /// Not a gRPC request. The answer waits for the request's end, so that what is wrong with the rest of it as
    /// HTTP/2 is still found (an answer at once would end the stream), but no longer than [`REJECT_WITHIN`].
    Rejected(Box<Rejection>),
    /// Answered; buffered bytes may wait for the caller's window.
    Answered,
}

/// A request head with its route.
type Parsed = (Arc<RequestHead>, Result<Arc<Route>, Status>);

#[derive(Default)]
struct Known {
    recent: Vec<(Arc<Headers>, Parsed)>,
    next: usize,
}

impl Known {
    const SIZE: usize = 8;

    fn find(&self, headers: &Arc<Headers>) -> Option<&Parsed> {
        self.recent
            .iter()
            .find(|(known, _)| Arc::ptr_eq(known, headers))
            .map(|(_, parsed)| parsed)
    }

    fn remember(&mut self, headers: Arc<Headers>, parsed: Parsed) {
        if self.recent.len() < Known::SIZE {
            self.recent.push((headers, parsed));
        } else {
            self.recent[self.next] = (headers, parsed);
            self.next = (self.next + 1) % Known::SIZE;
        }
    }
}

impl ServerRole {
    pub(crate) fn new(
        shared: Arc<Shared>,
        peer: Arc<Peer>,
        submit: Arc<Submit<Mailbox>>,
        max_handlers: usize,
        ready_by: Instant,
    ) -> ServerRole {
        ServerRole {
            shared,
            peer,
            submit,
            calls: Vec::new(),
            slots: Slots::new(max_handlers),
            known: Known::default(),
            deadline: Some(ready_by),
            ready_by: Some(ready_by),
        }
    }

    fn call(&mut self, key: StreamKey) -> Option<&mut Call> {
        self.calls
            .get_mut(key.slot())?
            .as_mut()
            .filter(|call| call.key == key)
    }

    fn keep(&mut self, key: StreamKey, deadline: Option<Instant>, state: State) {
        if self.calls.len() <= key.slot() {
            self.calls.resize_with(key.slot() + 1, || None);
        }
        self.calls[key.slot()] = Some(Call {
            key,
            deadline,
            state,
        });
    }

    fn remove(&mut self, key: StreamKey) -> Option<Call> {
        self.call(key)?;
        self.calls[key.slot()].take()
    }

    fn on_request_head(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        headers: Arc<Headers>,
        end: bool,
    ) {
        let (head, route) = match self.known.find(&headers) {
            Some((head, route)) => (Arc::clone(head), route.clone()),
            None => match RequestHead::parse(&headers, &self.shared.terms.compressors) {
                Ok(head) => {
                    let head = Arc::new(head);
                    let route = self.shared.router.find(&head.path);
                    if head.timeout.is_none() {
                        self.known
                            .remember(headers, (Arc::clone(&head), route.clone()));
                    }
                    (head, route)
                }
                Err(rejection) => {
                    self.shared
                        .log
                        .report(Trouble::Request, &self.peer, &rejection.status());
                    if end || rejection.body().is_none() {
                        reject(connection, now, key, &rejection);
                    } else {
                        let by = now + REJECT_WITHIN;
                        self.deadline = Some(self.deadline.map_or(by, |deadline| deadline.min(by)));
                        self.keep(key, Some(by), State::Rejected(Box::new(rejection)));
                    }
                    return;
                }
            },
        };
        let deadline = head.timeout.map(|timeout| now + timeout);
        let refused = match &route {
            Err(status) => Some(status.clone()),
            Ok(_) if deadline.is_some_and(|deadline| deadline <= now) => Some(deadline_exceeded()),
            Ok(_) => None,
        };
        if let Some(status) = refused {
            self.send(
                connection,
                now,
                key,
                Reply::failure(&head, status, &Metadata::new()),
            );
            return;
        }
        let Ok(route) = route else { return };
        if !self.slots.is_free() {
            connection.reset(now, key, Reason::REFUSED_STREAM);
            return;
        }
        if let Some(deadline) = deadline {
            self.deadline = Some(self.deadline.map_or(deadline, |d| d.min(deadline)));
        }
        if route.descriptor.kind().client_streams() {
            let mailbox = self.mailbox(key, deadline);
            if end {
                mailbox.deliver_end(None, End::Eof, None);
            }
            self.start(
                connection,
                now,
                key,
                mailbox,
                head,
                route,
                Bytes::new(),
                false,
            );
        } else {
            let machine = RequestMachine::of(&head, Shape::One, self.shared.terms.limits.receive);
            let state = State::Gathering {
                head,
                route,
                machine,
            };
            self.keep(key, deadline, state);
            if end {
                self.gather(connection, now, key, Bytes::new(), true);
            }
        }
    }

    fn mailbox(&self, key: StreamKey, deadline: Option<Instant>) -> Arc<Mailbox> {
        let mailbox = Mailbox::attached(Arc::clone(&self.submit), deadline);
        mailbox.set_slot(Some(key.slot()));
        mailbox
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
        match &call.state {
            State::Gathering { .. } => self.gather(connection, now, key, data, end),
            State::Running { mailbox, .. } => {
                let unwanted = if data.is_empty() {
                    0
                } else {
                    mailbox.deliver_data(data)
                };
                if end {
                    mailbox.deliver_end(None, End::Eof, None);
                }
                connection.release(now, key, unwanted);
            }
            State::Rejected(rejection) => {
                connection.release(now, key, data.len());
                if end {
                    reject(connection, now, key, rejection);
                    self.calls[key.slot()] = None;
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
        let Some(call) = self.call(key) else { return };
        let deadline = call.deadline;
        let State::Gathering {
            head,
            route,
            machine,
        } = &mut call.state
        else {
            return;
        };
        // The machine holds at most one message within its limit: waiting for the reader would only deadlock.
        connection.release(now, key, data.len());
        machine.on_data(data, end);
        match machine.poll() {
            Progress::Pending { missing } => {
                if missing > 0 {
                    connection.expect(now, key, missing);
                }
            }
            Progress::Message(message) => {
                let (head, route, compressed) = (
                    Arc::clone(head),
                    Arc::clone(route),
                    machine.last_was_compressed(),
                );
                let mailbox = self.mailbox(key, deadline);
                mailbox.deliver_end(None, End::Eof, None);
                self.start(
                    connection, now, key, mailbox, head, route, message, compressed,
                );
            }
            Progress::Done { status, .. } => {
                let reply = Reply::failure(head, status.clone(), &Metadata::new());
                self.shared
                    .log
                    .report(Trouble::Request, &self.peer, &status);
                self.send(connection, now, key, reply);
            }
        }
    }

    #[allow(clippy::too_many_arguments)] // everything that is known about a call when its handler starts
    fn start(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        mailbox: Arc<Mailbox>,
        head: Arc<RequestHead>,
        route: Arc<Route>,
        message: Bytes,
        compressed: bool,
    ) {
        let context = Context::new(Arc::clone(&mailbox));
        let peer = Arc::clone(&self.peer);
        let arrival = Arrival {
            head: Arc::clone(&head),
            context: context.clone(),
            peer,
            compressed,
        };
        let terms = Arc::clone(&self.shared.terms);
        let call = IncomingCall {
            arrival,
            mailbox: Arc::clone(&mailbox),
            message,
            terms,
        };
        let mut future = match running::guarded(|| route.handler.call(call)) {
            Ok(future) => future,
            Err(panic) => {
                self.shared.log.report(Trouble::Panic, &self.peer, &panic);
                self.send(
                    connection,
                    now,
                    key,
                    Reply::failure(&head, panic, &Metadata::new()),
                );
                return;
            }
        };
        if route.earned.inline()
            && let Poll::Ready(reply) = self.poll_inline(&context, &mut future, &head, &route)
        {
            if route.descriptor.kind() != MethodKind::Unary {
                self.flush_finished(connection, now, key, &mailbox);
            }
            self.send(connection, now, key, reply);
            return;
        }
        let deadline = mailbox.deadline;
        let task = tokio::spawn(Running::new(
            future,
            context,
            Arc::clone(&mailbox),
            (head, Arc::clone(&route)),
            self.slots.take(),
            Arc::clone(&self.shared),
            Arc::clone(&self.peer),
        ));
        let state = State::Running {
            mailbox,
            task: Some(task.abort_handle()),
            route,
            head_sent: false,
        };
        self.keep(key, deadline, state);
    }

    /// What a handler that is done already has put into its mailbox.
    fn flush_finished(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        mailbox: &Mailbox,
    ) {
        mailbox.set_slot(None);
        let outgoing = mailbox.take_outgoing();
        if let Some(Head::Response(head)) = &outgoing.head {
            let _ = connection.send_headers(now, key, &head.parts(), false);
        }
        let _ = send_data(connection, now, key, outgoing.data, false);
        connection.release(now, key, outgoing.release + mailbox.detach(key));
    }

    /// The first poll of a method that has earned it, here and now.
    fn poll_inline(
        &self,
        context: &Context,
        future: &mut HandlerFuture,
        head: &RequestHead,
        route: &Route,
    ) -> Poll<Reply> {
        let start = clock::now();
        let polled = running::poll_inline(context, future);
        let end = clock::now();
        route.earned.record(end, end - start);
        polled.map(|reply| {
            reply.unwrap_or_else(|panic| {
                self.shared.log.report(Trouble::Panic, &self.peer, &panic);
                Reply::failure(head, panic, &Metadata::new())
            })
        })
    }

    /// Sends the end of a call.
    fn send(&mut self, connection: &mut Connection, now: Instant, key: StreamKey, reply: Reply) {
        if let Some(head) = &reply.head {
            let _ = connection.send_headers(now, key, &head.parts(), false);
        }
        if let Some(data) = reply.data {
            let _ = connection.send_data(now, key, data, false);
        }
        self.send_trailers(connection, now, key, &reply.trailers);
    }

    fn send_trailers(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        trailers: &HeaderList,
    ) {
        if connection
            .send_headers(now, key, &trailers.parts(), true)
            .is_err_and(|error| error != farcall_http2::SendError::StreamGone)
        {
            // The caller's limit on header lists leaves no way to say it.
            connection.reset(now, key, Reason::INTERNAL_ERROR);
        }
        let waiting = connection.buffered(key) > 0;
        if let Some(call) = self.call(key) {
            if let State::Running { mailbox, .. } = &call.state {
                mailbox.set_slot(None);
                let unreported = mailbox.detach(key);
                connection.release(now, key, unreported);
            }
            if waiting {
                call.state = State::Answered;
            } else {
                self.calls[key.slot()] = None;
            }
        }
    }

    /// The caller is gone: the handler is dropped at its next await, or told, if it runs to completion.
    fn cancel(call: Call, cause: Cancelled, end: End) {
        if let State::Running {
            mailbox,
            task,
            route,
            ..
        } = call.state
        {
            mailbox.set_slot(None);
            mailbox.deliver_end(None, end, Some(call.key));
            mailbox.cancel_context(cause);
            if !route.run_to_completion
                && let Some(task) = task
            {
                task.abort();
            }
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
        let Some(call) = self.call(key) else { return };
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
            if let Some(call) = self.remove(key) {
                Self::cancel(
                    call,
                    Cancelled::Cancelled,
                    End::Failed(Status::cancelled("the handler cancelled the call")),
                );
            }
            return;
        }
        if let Some(Head::Response(head)) = &outgoing.head {
            *head_sent = true;
            let _ = connection.send_headers(now, key, &head.parts(), false);
        }
        if !outgoing.data.is_empty() {
            let _ = send_data(connection, now, key, outgoing.data, false);
            mailbox.set_outstanding(connection.buffered(key));
        }
        if let Finish::Trailers(trailers) = &outgoing.finish {
            self.send_trailers(connection, now, key, trailers);
        }
    }

    /// A call's time is up.
    fn expire(&mut self, connection: &mut Connection, now: Instant, call: Call) {
        let key = call.key;
        let sayable = connection.buffered(key) == 0;
        let (answer, trailers) = match &call.state {
            State::Gathering { .. } => (
                true,
                server::trailers_only(b"", &deadline_exceeded(), &Metadata::new()),
            ),
            State::Running {
                head_sent: false, ..
            } => (
                true,
                server::trailers_only(b"", &deadline_exceeded(), &Metadata::new()),
            ),
            State::Running { .. } => (
                sayable,
                server::trailers(&deadline_exceeded(), &Metadata::new()),
            ),
            State::Rejected(rejection) => return reject(connection, now, key, rejection),
            State::Answered => (false, HeaderList::default()),
        };
        if answer {
            let _ = connection.send_headers(now, key, &trailers.parts(), true);
        } else {
            connection.reset(now, key, Reason::CANCEL);
        }
        Self::cancel(call, Cancelled::Deadline, End::Failed(deadline_exceeded()));
    }
}

/// Answers a request that is not a gRPC call.
fn reject(connection: &mut Connection, now: Instant, key: StreamKey, rejection: &Rejection) {
    let body = rejection.body();
    let head = rejection.head();
    let _ = connection.send_headers(now, key, &[Part::Fields(&head)], body.is_none());
    if let Some(body) = body {
        let _ = connection.send_data(now, key, body, true);
    }
}

fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("the deadline passed before the handler was done")
}

impl Role for ServerRole {
    const CUTS: bool = true;

    fn on_event(&mut self, connection: &mut Connection, now: Instant, event: Event) {
        match event {
            Event::Ready => self.ready_by = None,
            Event::Headers {
                stream,
                headers,
                trailers: false,
                end_stream,
            } => {
                self.on_request_head(connection, now, stream, headers, end_stream);
            }
            // Callers have nothing to say in trailers; they end the request.
            Event::Headers { stream, .. } => {
                self.on_data(connection, now, stream, Bytes::new(), true)
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
                if let Some(call) = self.remove(stream) {
                    Self::cancel(call, Cancelled::Cancelled, End::Reset(reason, cause));
                }
            }
            Event::Writable { stream } => {
                let buffered = connection.buffered(stream);
                if let Some(Call {
                    state: State::Running { mailbox, .. },
                    ..
                }) = self.call(stream)
                {
                    mailbox.set_outstanding(buffered);
                }
            }
            Event::Rejected { crime, .. } => {
                self.shared
                    .log
                    .report(Trouble::Protocol, &self.peer, &crime)
            }
            Event::Closed(error) => self.shared.log.closed(&self.peer, &error),
            _ => {}
        }
    }

    fn attend(&mut self, connection: &mut Connection, now: Instant, mailbox: Arc<Mailbox>) {
        let Some(slot) = mailbox.slot() else { return };
        let outgoing = mailbox.take_outgoing();
        if let Some(Some(call)) = self.calls.get(slot) {
            let key = call.key;
            self.transmit(connection, now, key, outgoing);
        }
    }

    fn on_request(&mut self, connection: &mut Connection, now: Instant, request: Request) {
        match request {
            Request::None => {}
            Request::Drain => connection.drain(now, "graceful_stop"),
            Request::Close => {
                let open = self.calls.iter().flatten().count();
                self.shared.cut.fetch_add(open, Ordering::Relaxed);
                connection.shutdown(now, Reason::NO_ERROR, "stop");
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn handle_timeout(&mut self, connection: &mut Connection, now: Instant) {
        let mut next = self.ready_by;
        if self.ready_by.is_some_and(|at| at <= now) {
            self.shared.log.report(
                Trouble::Protocol,
                &self.peer,
                &"no HTTP/2 preface in time (connection_timeout)",
            );
            (self.ready_by, next) = (None, None);
            connection.shutdown(now, Reason::NO_ERROR, "no preface in time");
        }
        for slot in 0..self.calls.len() {
            let Some(deadline) = self.calls[slot].as_ref().and_then(|call| call.deadline) else {
                continue;
            };
            if deadline > now {
                next = Some(next.map_or(deadline, |n: Instant| n.min(deadline)));
            } else if let Some(call) = self.calls[slot].take() {
                self.expire(connection, now, call);
            }
        }
        self.deadline = next;
    }

    fn on_io_error(&mut self, error: io::Error) {
        self.shared.log.io_error(&self.peer, &error);
    }

    fn on_end(&mut self, _unserved: Vec<Arc<Mailbox>>) {
        for call in self.calls.drain(..).flatten() {
            let status = Status::cancelled("the connection is gone");
            Self::cancel(call, Cancelled::Cancelled, End::Failed(status));
        }
    }
}
