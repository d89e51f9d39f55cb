//! Mailboxes become streams, events become answers.

use crate::{
    mailbox::{Mailbox, Outgoing},
    turn::Role,
};
use bytes::Bytes;
use farcall_http2::{Connection, Event, Part, StreamKey};
use std::{sync::Arc, time::Instant};
use tokio::sync::Notify;

struct Call {
    key: StreamKey,
    mailbox: Arc<Mailbox>,
    received: usize,
    /// The last piece of a unary response: mostly the whole message.
    piece: Bytes,
}

/// See the module.
#[derive(Default)]
pub(crate) struct ClientRole {
    calls: Vec<Option<Call>>,
    ready: Arc<Notify>,
    deadline: Option<Instant>,
}

impl ClientRole {
    /// `ready` is told when the server has sent its settings.
    pub(crate) fn new(ready: Arc<Notify>) -> ClientRole {
        ClientRole {
            ready,
            ..ClientRole::default()
        }
    }

    fn call(&mut self, key: StreamKey) -> Option<&mut Call> {
        let call = self.calls.get_mut(key.slot())?.as_mut();
        call.filter(|call| call.key == key)
    }

    fn end(&mut self, key: StreamKey, good: bool) {
        if self.call(key).is_some()
            && let Some(call) = self.calls[key.slot()].take()
        {
            call.mailbox.deliver_end(good.then_some(call.received));
        }
    }

    fn open(&mut self, connection: &mut Connection, now: Instant, mailbox: Arc<Mailbox>) {
        let outgoing = mailbox.take_outgoing();
        let head = mailbox.head.as_ref().map(Part::Shared);
        let opened = connection.open(now, head.as_slice(), false);
        let Ok(key) = opened else {
            return mailbox.deliver_end(None);
        };
        self.deadline = self.deadline.into_iter().chain(mailbox.deadline).min();
        mailbox.set_slot(key.slot());
        if self.calls.len() <= key.slot() {
            self.calls.resize_with(key.slot() + 1, || None);
        }
        self.transmit(connection, now, key, &mailbox, outgoing);
        self.calls[key.slot()] = Some(Call {
            key,
            mailbox,
            received: 0,
            piece: Bytes::new(),
        });
    }

    fn transmit(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        key: StreamKey,
        mailbox: &Mailbox,
        mut outgoing: Outgoing,
    ) {
        if outgoing.release > 0 {
            connection.release(now, key, outgoing.release);
        }
        let sends = !outgoing.data.is_empty();
        while let Some(piece) = outgoing.data.pop() {
            let last = outgoing.finish && outgoing.data.is_empty();
            // A stream that has gone meanwhile has an event on its way that says so.
            connection.send_data(now, key, piece, last).ok();
        }
        if sends && !mailbox.unary {
            mailbox.set_outstanding(connection.buffered(key));
        }
    }

    fn on_data(&mut self, connection: &mut Connection, now: Instant, key: StreamKey, data: Bytes) {
        let Some(call) = self.call(key) else {
            return connection.release(now, key, data.len());
        };
        call.received += data.len();
        if call.mailbox.unary {
            connection.release(now, key, data.len());
            call.piece = data;
        } else {
            call.mailbox.deliver(data);
        }
    }
}

impl Role for ClientRole {
    const CUTS: bool = false;

    fn on_event(&mut self, connection: &mut Connection, now: Instant, event: Event) {
        match event {
            Event::Ready => self.ready.notify_one(),
            Event::Headers {
                stream,
                end_stream: true,
                ..
            } => self.end(stream, true),
            Event::Data { stream, data, .. } => self.on_data(connection, now, stream, data),
            Event::Reset { stream, .. } => self.end(stream, false),
            Event::Writable { stream } => {
                let buffered = connection.buffered(stream);
                if let Some(call) = self.call(stream) {
                    call.mailbox.set_outstanding(buffered);
                }
            }
            _ => {}
        }
    }

    fn attend(&mut self, connection: &mut Connection, now: Instant, mailbox: Arc<Mailbox>) {
        let Some(slot) = mailbox.slot() else {
            return self.open(connection, now, mailbox);
        };
        let outgoing = mailbox.take_outgoing();
        if let Some(Some(call)) = self.calls.get(slot) {
            let key = call.key;
            self.transmit(connection, now, key, &mailbox, outgoing);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn handle_timeout(&mut self, now: Instant) {
        let calls = self.calls.iter().flatten();
        let (passed, open): (Vec<_>, Vec<_>) = calls
            .filter_map(|call| Some((call.mailbox.deadline?, call.key)))
            .partition(|(deadline, _)| *deadline <= now);
        self.deadline = open.iter().map(|(deadline, _)| *deadline).min();
        for (_, key) in passed {
            self.end(key, false);
        }
    }
}
