//! Requests become handlers, replies become frames.

use super::handlers::{self, Work};
use crate::{
    heads::{Method, RESPONSE, TRAILERS},
    mailbox::{Mailbox, Outgoing},
    message,
    setup::{Handler, Handlers, Setup},
    shape::Queue,
    turn::Role,
};
use bytes::Bytes;
use farcall_http2::{Connection, Event, Headers, Part, Reason, StreamKey};
use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};
use tokio::task::AbortHandle;

struct Call {
    key: StreamKey,
    state: State,
}

enum State {
    /// A request of which less has come than says how large the answer shall be.
    Opened(Method, Vec<u8>),
    /// A unary request that is not whole yet; the answer's size is known.
    Gathering(Handler, usize),
    Running {
        mailbox: Arc<Mailbox>,
        task: AbortHandle,
        head_sent: bool,
    },
}

/// See the module.
pub(crate) struct ServerRole {
    queue: Arc<Queue>,
    calls: Vec<Option<Call>>,
    handlers: Handlers,
    own_budget: bool,
    water: usize,
}

impl ServerRole {
    pub(crate) fn new(queue: Arc<Queue>, setup: &Setup) -> ServerRole {
        ServerRole {
            queue,
            calls: Vec::new(),
            handlers: setup.handlers,
            own_budget: setup.own_budget,
            water: setup.water,
        }
    }

    fn insert(&mut self, key: StreamKey, state: State) {
        if self.calls.len() <= key.slot() {
            self.calls.resize_with(key.slot() + 1, || None);
        }
        self.calls[key.slot()] = Some(Call { key, state });
    }

    fn find(&mut self, key: StreamKey) -> Option<&mut Call> {
        let call = self.calls.get_mut(key.slot())?.as_mut();
        call.filter(|call| call.key == key)
    }

    fn remove(&mut self, key: StreamKey) {
        if self.find(key).is_some()
            && let Some(call) = self.calls[key.slot()].take()
            && let State::Running { task, .. } = call.state
        {
            task.abort();
        }
    }

    fn on_head(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        head: &Headers,
    ) {
        let path = head.path.as_deref().unwrap_or_default();
        match Method::of_path(path) {
            Some(method) => self.insert(key, State::Opened(method, Vec::new())),
            None => connection.reset(now, key, Reason::REFUSED_STREAM),
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
        let Some(call) = self.find(key) else {
            return connection.release(now, key, data.len());
        };
        // A window may let a few bytes through and no more.
        if let State::Opened(_, first) = &mut call.state
            && first.len() + data.len() < message::HEAD
        {
            first.extend_from_slice(&data);
            return connection.release(now, key, data.len());
        }
        let (handler, wanted) = match &call.state {
            State::Running { mailbox, .. } => return mailbox.deliver(data),
            State::Gathering(handler, wanted) => (*handler, *wanted),
            State::Opened(method, first) => {
                let (method, whole) = (*method, joined(first, &data));
                match method {
                    Method::Unary(handler) => (handler, message::wanted(&whole)),
                    method => return self.start_stream(key, method, whole),
                }
            }
        };
        connection.release(now, key, data.len());
        if end {
            self.start(connection, now, key, handlers::unary(handler, wanted));
        } else {
            call.state = State::Gathering(handler, wanted);
        }
    }

    fn start_stream(&mut self, key: StreamKey, method: Method, first: Bytes) {
        let (mailbox, queue) = (Mailbox::handler(false, self.water), Arc::clone(&self.queue));
        mailbox.set_slot(key.slot());
        let (size, reply) = (first.len(), message::response(message::wanted(&first)));
        mailbox.deliver(first);
        let own = Arc::clone(&mailbox);
        let task = match method {
            Method::PingPong => tokio::spawn(handlers::ping_pong(own, queue, size, reply)),
            _ => tokio::spawn(handlers::stream(own, queue, reply)),
        };
        self.insert(key, running(mailbox, task.abort_handle()));
    }

    /// Starts a unary handler: here and now, or in a task of its own.
    fn start(&mut self, connection: &mut Connection, now: Instant, key: StreamKey, mut work: Work) {
        if self.handlers == Handlers::Inline
            && let Poll::Ready(reply) = self.poll_inline(&mut work)
        {
            self.calls[key.slot()] = None;
            return respond(connection, now, key, reply, true, true);
        }
        let (mailbox, queue) = (Mailbox::handler(true, self.water), Arc::clone(&self.queue));
        mailbox.set_slot(key.slot());
        let own = Arc::clone(&mailbox);
        let task = tokio::spawn(async move {
            let reply = work.await;
            if own.send(reply, true) {
                queue.push(own);
            }
        });
        self.insert(key, running(mailbox, task.abort_handle()));
    }

    /// One poll that wakes nobody: a handler that waits moves to a task, which polls it again.
    fn poll_inline(&self, work: &mut Work) -> Poll<Bytes> {
        let mut cx = Context::from_waker(Waker::noop());
        match self.own_budget {
            true => pin!(tokio::task::unconstrained(work)).poll(&mut cx),
            false => work.as_mut().poll(&mut cx),
        }
    }

    fn transmit(&mut self, connection: &mut Connection, now: Instant, slot: usize, sent: Outgoing) {
        let Some(Some(call)) = self.calls.get_mut(slot) else {
            return;
        };
        let key = call.key;
        let State::Running {
            mailbox, head_sent, ..
        } = &mut call.state
        else {
            return;
        };
        if sent.release > 0 {
            connection.release(now, key, sent.release);
        }
        let mut data = sent.data;
        while let Some(piece) = data.pop() {
            let last = sent.finish && data.is_empty();
            let head = !std::mem::replace(head_sent, true);
            respond(connection, now, key, piece, head, last);
        }
        mailbox.set_outstanding(connection.buffered(key));
        if sent.finish {
            self.calls[slot] = None;
        }
    }
}

/// Almost always `data` itself.
fn joined(first: &[u8], data: &Bytes) -> Bytes {
    match first {
        [] => data.clone(),
        first => [first, data].concat().into(),
    }
}

fn running(mailbox: Arc<Mailbox>, task: AbortHandle) -> State {
    State::Running {
        mailbox,
        task,
        head_sent: false,
    }
}

/// A part of a response. A stream that has gone meanwhile has an event on its way that says so.
fn respond(
    connection: &mut Connection,
    now: Instant,
    key: StreamKey,
    mut data: Bytes,
    head: bool,
    end: bool,
) {
    let (first, last) = ([Part::Shared(&RESPONSE)], [Part::Shared(&TRAILERS)]);
    if head && end {
        match connection.respond(now, key, &first, data, &last) {
            Ok(()) => return,
            Err(back) => data = back,
        }
    }
    if head {
        connection.send_headers(now, key, &first, false).ok();
    }
    connection.send_data(now, key, data, false).ok();
    if end {
        connection.send_headers(now, key, &last, true).ok();
    }
}

impl Role for ServerRole {
    const CUTS: bool = true;

    fn on_event(&mut self, connection: &mut Connection, now: Instant, event: Event) {
        match event {
            Event::Headers {
                stream, headers, ..
            } => self.on_head(connection, now, stream, &headers),
            Event::Data {
                stream,
                data,
                end_stream,
            } => self.on_data(connection, now, stream, data, end_stream),
            Event::Reset { stream, .. } => self.remove(stream),
            Event::Writable { stream } => {
                let buffered = connection.buffered(stream);
                if let Some(call) = self.find(stream)
                    && let State::Running { mailbox, .. } = &call.state
                {
                    mailbox.set_outstanding(buffered);
                }
            }
            _ => {}
        }
    }

    fn attend(&mut self, connection: &mut Connection, now: Instant, mailbox: Arc<Mailbox>) {
        let outgoing = mailbox.take_outgoing();
        if let Some(slot) = mailbox.slot() {
            self.transmit(connection, now, slot, outgoing);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _now: Instant) {}
}
