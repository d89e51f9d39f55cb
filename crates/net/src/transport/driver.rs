//! The driver: the one task that owns a connection's socket and machine.
//!
//! It follows one rule, *drain, wake myself once, then flush*: after a read batch, and when tasks have
//! submitted something, it goes to the back of the run queue before it writes, so that everything that
//! the tasks it has woken have to say leaves in the same system call. The wake must be its own
//! (`wake_by_ref` in its poll): `tokio::task::yield_now` waits for the next turn of the I/O driver.

use super::{
    buffer,
    io::Io,
    mailbox::Mailbox,
    polling::Polling,
    submit::{Request, Submit},
    timer::Timer,
};
use crate::clock;
use bytes::{Buf, BytesMut};
use farcall_http2::{Connection, Event, StreamKey};
use std::{
    future::Future,
    io::{self, IoSlice},
    mem,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tokio::io::{AsyncReadExt, AsyncWrite};

/// Output that is gathered before it is offered to the socket.
const WRITE_TARGET: usize = 128 << 10;
/// Events after which the driver lets the woken tasks run: more than tokio's local queue holds (256)
/// would spill into the shared one and be served late.
const EVENTS_PER_TURN: usize = 384;
/// Events that make tasks run after which a server lets them, and writes what they answer, so that the client's core has
/// something to do meanwhile.
const WOKEN_PER_TURN: usize = 32;
/// Work after which a server writes in the middle of a read batch, so that the client's core has
/// something to do meanwhile.
const CUT_AFTER: Duration = Duration::from_micros(20);
/// Unprocessed bytes below which cutting is not worth a system call.
const CUT_MINIMUM: usize = 280;
/// How long a closed connection waits for the peer to close too, so that its last words are not lost in a TCP reset.
const LINGER: Duration = Duration::from_secs(1);

/// Reads (of 64 KiB mostly) of what a peer has said before it closed; more than a socket's buffer holds.
const LAST_READS: usize = 256;

/// What differs between the two ends: where events go and what mailboxes mean.
pub(crate) trait Role: Send + Unpin + 'static {
    /// Whether to write in the middle of long read batches. One end must, and only one.
    const CUTS: bool;

    /// Reacts to an event of the machine.
    fn on_event(&mut self, connection: &mut Connection, now: Instant, event: Event);
    /// Looks into a mailbox that a task has submitted.
    fn attend(&mut self, connection: &mut Connection, now: Instant, mailbox: Arc<Mailbox>);
    /// The owner wants the connection to end.
    fn on_request(&mut self, connection: &mut Connection, now: Instant, request: Request);
    /// Releases what tasks have read and not told of.
    fn call_in_credit(&mut self, connection: &mut Connection, now: Instant);
    /// Whether events have made tasks run since it was last asked, which may have something to send in return.
    fn has_woken(&mut self) -> bool;
    /// When `handle_timeout` wants to be called.
    fn poll_timeout(&self) -> Option<Instant>;
    /// That time has come.
    fn handle_timeout(&mut self, connection: &mut Connection, now: Instant);
    /// The socket failed; events that end all streams follow.
    fn on_io_error(&mut self, error: io::Error);
    /// Nothing is read for a while: the peer leaves too much unread, or has spent too much of a budget.
    fn on_reads_paused(&mut self) {}
    /// All output has been written.
    fn on_flushed(&mut self) {}
    /// The connection is over and the rest of its output was not written.
    fn on_unwritten(&mut self) {}
    /// The driver is gone. `unserved` mailboxes were submitted and never looked at.
    fn on_end(&mut self, unserved: Vec<Arc<Mailbox>>);
}

/// See the module.
pub(crate) struct Driver<R: Role> {
    io: Io,
    connection: Connection,
    role: R,
    submit: Arc<Submit<Mailbox>>,
    input: BytesMut,
    batch: Vec<Arc<Mailbox>>,
    timer: Timer,
    /// The strongest request seen.
    request: Request,
    state: State,
    /// The last poll did not ask the socket: the peer leaves too much unread, or has spent too much of a budget.
    read_skipped: bool,
    /// Events that have made tasks run since others had a turn.
    woken: usize,
    polling: Polling,
    /// Everything that the peer has sent was read, and it will send nothing more.
    peer_closed: bool,
    /// What readers have not told of takes much of what the peer may send: they tell of every byte.
    short_of_credit: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing happened since the last flush.
    Rested,
    /// Something happened and the driver has gone to the back of the queue once: flush now.
    Yielded,
    /// The machine is closed: write what it has left, until then.
    Closing(Instant),
    /// Written; waiting for the peer to close.
    Lingering(Instant),
}

impl<R: Role> Driver<R> {
    pub(crate) fn new(
        io: Io,
        connection: Connection,
        submit: Arc<Submit<Mailbox>>,
        role: R,
    ) -> Driver<R> {
        Driver {
            io,
            connection,
            role,
            submit,
            input: BytesMut::new(),
            batch: Vec::new(),
            timer: Timer::default(),
            request: Request::None,
            state: State::Rested,
            read_skipped: false,
            woken: 0,
            polling: Polling::new(Duration::ZERO),
            peer_closed: false,
            short_of_credit: false,
        }
    }

    /// Begins with what was read already.
    pub(crate) fn after(mut self, input: BytesMut) -> Driver<R> {
        self.input = input;
        self
    }

    /// Polls for at most so long before it rests.
    pub(crate) fn polling(mut self, limit: Duration) -> Driver<R> {
        self.polling = Polling::new(limit);
        self
    }

    /// Looks into every submitted mailbox. True if there was one.
    fn drain(&mut self, now: Instant) -> bool {
        let request = self.submit.take(&mut self.batch);
        let settled = self.submit.take_settled();
        if settled > 0 {
            self.connection.release(now, StreamKey::NONE, settled);
        }
        let mut busy = !self.batch.is_empty();
        for mailbox in self.batch.drain(..) {
            self.role.attend(&mut self.connection, now, mailbox);
        }
        // After what was submitted before it, and perhaps because of it.
        if request != self.request {
            self.request = request;
            self.role.on_request(&mut self.connection, now, request);
            busy = true;
        }
        busy
    }

    fn fire_timers(&mut self, now: Instant) {
        self.timer.elapsed(now);
        if self.connection.poll_timeout().is_some_and(|at| at <= now) {
            self.connection.handle_timeout(now);
        }
        if self.role.poll_timeout().is_some_and(|at| at <= now) {
            self.role.handle_timeout(&mut self.connection, now);
        }
    }

    /// Reads once, if nothing is left of the last read, and lets the role react. True if anything happened.
    fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.process(cx, now) {
            return true;
        }
        let paused = self.connection.reads_paused();
        let before = mem::replace(&mut self.read_skipped, paused);
        if paused {
            if !before {
                self.role.on_reads_paused();
            }
            return false;
        }
        buffer::make_room(&mut self.input, self.connection.input_hint());
        let outcome = pin!(self.io.read_buf(&mut self.input)).poll(cx);
        match outcome {
            Poll::Pending => {
                buffer::put_back(&mut self.input);
                return false;
            }
            Poll::Ready(Ok(0)) => {
                self.peer_closed = true;
                self.connection.handle_eof(now);
            }
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => {
                self.role.on_io_error(error);
                self.connection.handle_eof(now);
            }
        }
        self.process(cx, now);
        // Before others run: of many connections that are served in turn, none keeps a buffer while it waits to write.
        buffer::put_back(&mut self.input);
        true
    }

    /// The socket takes no more output. What the peer said before it closed may still be there to be read: an
    /// answer, perhaps, or why it closed. Of a socket that cannot be written to nothing more is coming.
    #[cold]
    fn read_last_words(&mut self, cx: &mut Context<'_>, now: Instant) {
        for _ in 0..LAST_READS {
            while self.process(cx, now) {}
            if matches!(self.state, State::Closing(_)) {
                return;
            }
            buffer::make_room(&mut self.input, self.connection.input_hint());
            match pin!(self.io.read_buf(&mut self.input)).poll(cx) {
                Poll::Ready(Ok(1..)) => {}
                _ => break,
            }
        }
        while self.process(cx, now) {}
        if !matches!(self.state, State::Closing(_)) {
            self.connection.handle_eof(now);
            while self.process(cx, now) {}
        }
    }

    /// Takes events until the input is used up or it is time for others to run. True if there was one.
    fn process(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut count = 0;
        let (mut last_cut, mut cut_after) = (now, CUT_AFTER);
        while let Some(event) = self.connection.poll_event(now, &mut self.input) {
            let closed = matches!(event, Event::Closed(_));
            self.role.on_event(&mut self.connection, now, event);
            if closed {
                self.state = State::Closing(now + LINGER);
                return true;
            }
            count += 1;
            if count >= EVENTS_PER_TURN {
                break;
            }
            if !R::CUTS {
                continue;
            }
            self.woken += usize::from(self.role.has_woken());
            if self.woken >= WOKEN_PER_TURN {
                break;
            }
            if count % 16 == 0 && self.input.len() >= CUT_MINIMUM {
                let instant = clock::now();
                if instant - last_cut >= cut_after {
                    let _ = self.flush(cx, instant);
                    // The peer has something to do now; the next piece may be larger. Writing is not work on it.
                    (last_cut, cut_after) = (clock::now(), 2 * cut_after);
                }
            }
        }
        count > 0
    }

    /// Writes what is ready. `Ready`: everything is out.
    fn flush(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<io::Result<()>> {
        loop {
            self.connection.fill(now, WRITE_TARGET);
            let output = self.connection.output();
            if !output.has_remaining() {
                self.role.on_flushed();
                return Pin::new(&mut self.io).poll_flush(cx);
            }
            let written = if self.io.is_write_vectored() {
                let mut slices = [IoSlice::new(&[]); 64];
                let count = output.chunks_vectored(&mut slices);
                ready!(Pin::new(&mut self.io).poll_write_vectored(cx, &slices[..count]))
            } else {
                ready!(Pin::new(&mut self.io).poll_write(cx, output.chunk()))
            };
            match written {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => self.connection.output().advance(count),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Readers keep what they have read to themselves until it is worth a word. Of very many readers that is more than the peer
    /// may send: then they tell of all, and what they have kept so far is called in. True: it was.
    #[cold]
    fn change_credit(&mut self, now: Instant) -> bool {
        self.short_of_credit = !self.short_of_credit;
        self.submit.set_exacting(self.short_of_credit);
        if self.short_of_credit {
            self.role.call_in_credit(&mut self.connection, now);
        }
        self.short_of_credit
    }

    /// Arms the timer for whatever comes first.
    fn arm(&mut self, cx: &mut Context<'_>) {
        let at = match (self.connection.poll_timeout(), self.role.poll_timeout()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if let Some(at) = at {
            self.timer.arm(at, cx);
        }
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut first = true;
        loop {
            let now = clock::now();
            let submitted = self.drain(now);
            let busy = submitted | (self.state == State::Rested && self.read(cx, now));
            if matches!(self.state, State::Closing(_)) {
                return Poll::Ready(());
            }
            if self.state == State::Rested {
                // After reading: after a pause of the whole process the answer that a timer gives up may lie in the socket.
                self.fire_timers(now);
            }
            if busy && self.state == State::Rested {
                self.polling.on_event();
                self.state = State::Yielded;
                // Where nobody can have anything to add, waiting for it is a turn of the queue for nothing. But only once:
                // a peer that goes on sending must not keep the thread.
                let woken = mem::take(&mut self.woken) > 0 || self.role.has_woken();
                if submitted | woken | !mem::take(&mut first) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            let flushed = self.flush(cx, now);
            if let Poll::Ready(Err(error)) = flushed {
                self.role.on_io_error(error);
                self.read_last_words(cx, now);
                return Poll::Ready(());
            }
            if self.state == State::Yielded {
                self.state = State::Rested;
                continue;
            }
            // Commands and writing raise events too: a sender may go on now.
            if self.process(cx, now) {
                continue;
            }
            if self.read_skipped && !self.connection.reads_paused() {
                continue;
            }
            let short = self.connection.is_short_of_credit(self.short_of_credit);
            if short != self.short_of_credit && self.change_credit(now) {
                continue;
            }
            self.arm(cx);
            if self.polling.look_again(cx, now) {
                return Poll::Pending;
            }
            self.connection.output().rest();
            if self.submit.rest(cx, self.request) {
                return Poll::Pending;
            }
        }
    }

    /// The machine is closed: its last words, then an orderly end of the transport.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = clock::now();
        self.timer.elapsed(now);
        if self.closes_by().is_none_or(|until| until <= now) {
            if let State::Closing(_) = self.state {
                self.role.on_unwritten();
            }
            return Poll::Ready(());
        }
        if self.poll_last_words(cx, now).is_ready() {
            return Poll::Ready(());
        }
        // Only now: mostly the peer is gone already, and to set a timer that is earlier than others wakes the runtime.
        if let Some(until) = self.closes_by() {
            self.timer.arm(until, cx);
        }
        Poll::Pending
    }

    fn closes_by(&self) -> Option<Instant> {
        match self.state {
            State::Closing(until) | State::Lingering(until) => Some(until),
            State::Rested | State::Yielded => None,
        }
    }

    fn poll_last_words(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if let State::Closing(_) = self.state {
            if ready!(self.flush(cx, now)).is_err() {
                self.role.on_unwritten();
            }
            if self.peer_closed && self.io.ends_by_closing() {
                return Poll::Ready(());
            }
            ready!(Pin::new(&mut self.io).poll_shutdown(cx)).ok();
            self.state = State::Lingering(now + LINGER);
        }
        loop {
            self.input.clear();
            buffer::make_room(&mut self.input, 0);
            let outcome = pin!(self.io.read_buf(&mut self.input)).poll(cx);
            match outcome {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    // Of many connections that end together, none keeps a buffer while it waits.
                    buffer::put_back(&mut self.input);
                    self.connection.output().rest();
                    return Poll::Pending;
                }
            }
        }
    }
}

impl<R: Role> Future for Driver<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if matches!(this.state, State::Rested | State::Yielded) {
            ready!(this.poll_open(cx));
            let unserved = this.submit.close();
            this.role.on_end(unserved);
        }
        this.poll_close(cx)
    }
}

impl<R: Role> Drop for Driver<R> {
    fn drop(&mut self) {
        if matches!(self.state, State::Rested | State::Yielded) {
            let unserved = self.submit.close();
            self.role.on_end(unserved);
        }
    }
}
