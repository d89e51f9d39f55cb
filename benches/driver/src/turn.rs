//! What all shapes have in common: one end's socket, machine and role, and the steps of turning them.

use crate::{
    io::Io,
    mailbox::Mailbox,
    setup::{Setup, Write},
};
use bytes::{Buf, BytesMut};
use farcall_http2::{Connection, Event};
use std::{
    future::Future,
    io::{self, IoSlice},
    mem,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tokio::io::AsyncReadExt;

const READ_SIZE: usize = 64 << 10;
/// Room below which the input is renewed before a read.
const MIN_ROOM: usize = 8 << 10;
/// Output that is gathered before it is offered to the socket.
const WRITE_TARGET: usize = 128 << 10;
/// Unprocessed bytes below which cutting a read batch is not worth a system call.
const CUT_MINIMUM: usize = 280;

/// What differs between client and server.
pub(crate) trait Role: Send + Unpin + 'static {
    /// Whether this end may write in the middle of a read batch.
    const CUTS: bool;

    fn on_event(&mut self, connection: &mut Connection, now: Instant, event: Event);
    /// Looks into a mailbox whose task has something to say.
    fn attend(&mut self, connection: &mut Connection, now: Instant, mailbox: Arc<Mailbox>);
    /// The earliest deadline.
    fn poll_timeout(&self) -> Option<Instant>;
    /// It may have passed.
    fn handle_timeout(&mut self, now: Instant);
}

/// See the module.
pub(crate) struct Turn<R> {
    io: Io,
    connection: Connection,
    role: R,
    input: BytesMut,
    events_per_turn: usize,
    cut: Option<Duration>,
    /// For [`Write::Copied`].
    copy: Option<Vec<u8>>,
    over: bool,
}

impl<R: Role> Turn<R> {
    pub(crate) fn new(io: Io, connection: Connection, role: R, setup: &Setup) -> Turn<R> {
        Turn {
            io,
            connection,
            role,
            input: BytesMut::new(),
            events_per_turn: setup.turn,
            cut: setup.cut.filter(|_| R::CUTS),
            copy: (setup.write == Write::Copied).then(Vec::new),
            over: false,
        }
    }

    /// The connection has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    pub(crate) fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    pub(crate) fn attend(&mut self, now: Instant, mailbox: Arc<Mailbox>) {
        self.role.attend(&mut self.connection, now, mailbox);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.role.poll_timeout()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.role.handle_timeout(now);
    }

    /// Nothing is to be done for now.
    pub(crate) fn rest(&mut self) {
        self.connection.output().rest();
    }

    /// Reads once, if nothing is left of the last read. True if anything happened.
    pub(crate) fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.process(cx, now) {
            return true;
        }
        let room = self.input.capacity() - self.input.len();
        if room < MIN_ROOM.max(self.connection.input_hint().min(READ_SIZE)) {
            self.input.reserve(READ_SIZE);
        }
        match pin!(self.io.read_buf(&mut self.input)).poll(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(count)) if count > 0 => {}
            Poll::Ready(_) => self.connection.handle_eof(now),
        }
        self.process(cx, now);
        true
    }

    /// Takes events until the input is used up or it is time for others to run. True if there was one.
    pub(crate) fn process(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let (mut count, mut last_cut) = (0, now);
        while let Some(event) = self.connection.poll_event(now, &mut self.input) {
            self.over |= matches!(event, Event::Closed(_));
            self.role.on_event(&mut self.connection, now, event);
            count += 1;
            if count >= self.events_per_turn {
                break;
            }
            if let Some(cut) = self.cut
                && count % 16 == 0
                && self.input.len() >= CUT_MINIMUM
            {
                let instant = Instant::now();
                if instant - last_cut >= cut {
                    last_cut = instant;
                    let _ = self.flush(cx, instant);
                }
            }
        }
        count > 0
    }

    /// Writes what is ready. `Ready`: everything is out.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        loop {
            self.connection.fill(now, WRITE_TARGET);
            let output = self.connection.output();
            if !output.has_remaining() {
                return self.io.poll_flush(cx).map(|_| ());
            }
            let written = if self.copy.is_some() {
                ready!(self.write_copied(cx))
            } else {
                let mut slices = [IoSlice::new(&[]); 64];
                let count = output.chunks_vectored(&mut slices);
                ready!(self.io.poll_write(cx, &slices[..count]))
            };
            match written {
                Ok(count) if count > 0 => self.connection.output().advance(count),
                _ => {
                    self.connection.handle_eof(now);
                    return Poll::Ready(());
                }
            }
        }
    }

    /// Copies what lies in several places into one, and writes that.
    fn write_copied(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); 64];
        let output = self.connection.output();
        let count = output.chunks_vectored(&mut slices);
        if count == 1 {
            return self.io.poll_write(cx, &slices[..1]);
        }
        let mut whole = mem::take(&mut self.copy).unwrap_or_default();
        whole.clear();
        for slice in &slices[..count] {
            whole.extend_from_slice(slice);
        }
        let polled = self.io.poll_write(cx, &[IoSlice::new(&whole)]);
        self.copy = Some(whole);
        polled
    }
}
