//! Requests that arrive: accepted, gathered, handed to their handlers.

use super::{
    super::{
        calls::{Arrived, Call, State},
        handler::{Interceptors, Route},
        known::Parsed,
        router::DEFAULT_LIMITS,
        running::{self, Running},
        tap::{Tapped, tapped},
    },
    ServerRole,
    replies::reject,
};
use crate::{
    call::{Accepted, Arrival, Context, Extensions, Reply, handler::HandlerFuture, reply::Special},
    log::Trouble,
    transport::{Mailbox, mailbox::End},
};
use bytes::Bytes;
use farcall_core::{
    Metadata, MethodKind, Status,
    call::{
        Progress, Shape,
        server::{Rejection, RequestHead, RequestMachine, parse_timeout},
    },
    message::whole_message,
};
use farcall_http2::{Connection, Headers, Reason, StreamKey, TimeoutValue};
use std::{
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

/// How long the answer to a request that is not a gRPC call waits for the request's end.
const REJECT_WITHIN: Duration = Duration::from_secs(1);

impl ServerRole {
    pub(super) fn on_request_head(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        (headers, timeout): (Arc<Headers>, Option<TimeoutValue>),
        end: bool,
    ) {
        let accepted = self.accept(headers).and_then(|(accepted, route)| {
            let timeout = match (accepted.head.timeout, timeout) {
                // Of several the last one counts.
                (Some(timeout), _) => Some(timeout),
                (None, Some(value)) => Some(parse_timeout(&value)?),
                (None, None) => None,
            };
            Ok((accepted, route, timeout))
        });
        let (accepted, route, timeout) = match accepted {
            Ok((accepted, Ok(route), timeout)) => (accepted, route, timeout),
            Ok((accepted, Err(status), _)) => {
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
        let deadline = route.timeouts.of(timeout).map(|timeout| now + timeout);
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
        let (mut route, tap) = (self.shared.router.find(&head.path), &self.shared.tap);
        if let Some(tap) = tap
            && let Err(status) = tapped(tap, &Tapped::new(&head, &self.terms.peer))
        {
            route = Err(status);
        }
        // A tap wants to see every call.
        let repeats = head.timeout.is_none() && tap.is_none();
        let terms = Arc::clone(&self.terms);
        let around = route
            .as_ref()
            .ok()
            .and_then(|route| route.interceptors.as_ref());
        let (open, immediate) = (around.is_some(), around.and_then(Interceptors::immediate));
        let own = route.as_ref().ok().and_then(|route| route.compression);
        let accepted = Accepted {
            compression: own.or(terms.compression),
            limits: route.as_ref().map_or(DEFAULT_LIMITS, |route| route.limits),
            head,
            terms,
            open,
            immediate,
        };
        let parsed = (Arc::new(accepted), route);
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

    fn mailbox(&mut self, deadline: Option<Instant>) -> Arc<Mailbox> {
        if let Some(mut spare) = self.spare.take()
            && Arc::get_mut(&mut spare).is_some_and(|mailbox| mailbox.renew(deadline))
        {
            return spare;
        }
        Mailbox::attached(Arc::clone(&self.submit), deadline)
    }

    pub(super) fn on_data(
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
        let Some(call) = self.calls.find(key) else {
            return;
        };
        let State::Gathering { accepted, .. } = &call.state else {
            return;
        };
        let limit = accepted.limits.receive;
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
        let permit = match route.enter() {
            Ok(permit) => permit,
            Err(status) => {
                self.calls.remove(key);
                return self.refuse(connection, now, key, &accepted.head, status);
            }
        };
        let arrival = Arrival {
            accepted,
            context: Context::new(Arc::clone(&mailbox)),
            compressed,
        };
        let mut future = match route.start(arrival, message, Extensions::default()) {
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
            if matches!(reply.special, Special::Broken(_))
                || route.descriptor.kind() != MethodKind::Unary
            {
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
            self.slots.take(permit),
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
}
