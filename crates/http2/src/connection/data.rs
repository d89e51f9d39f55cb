//! DATA that arrives, and the credit that goes back for it (RFC 9113 §6.1, §6.9).

use super::{Connection, Life, dispatch::Step, ping::Purpose};
use crate::{
    budget::Act,
    error::PeerMisbehaved,
    event::{Event, StreamKey},
    frame::{Data, HEAD_LEN, Head, WindowUpdate, flags},
    stream::{Past, State},
};
use bytes::{Buf, BytesMut};
use std::time::Instant;

/// DATA is handed on in pieces of at least this, unless its rest is smaller: large frames need not be
/// whole in the input, and small ones are not torn.
const PIECE: usize = 4096;

/// DATA below this cannot hold a message of gRPC's.
const TINY: u32 = 5;

/// Where the reading of the input stands.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    /// The DATA frame that we are inside of.
    data: Option<Remainder>,
    /// Octets that the input must hold before the next step.
    needed: usize,
}

/// What is left of a DATA frame whose head has been dealt with.
#[derive(Clone, Copy, Debug)]
struct Remainder {
    /// A dead key if nobody wants it.
    stream: StreamKey,
    left: usize,
    padding: usize,
    end_stream: bool,
}

impl Inbound {
    #[inline]
    pub(super) fn is_inside(&self) -> bool {
        self.data.is_some()
    }

    pub(super) fn need(&mut self, octets: usize) {
        self.needed = octets;
    }

    pub(super) fn needed(&self) -> usize {
        self.needed
    }
}

impl Connection {
    /// The head of a DATA frame, and as much of its payload as has come.
    #[inline]
    pub(super) fn on_data(
        &mut self,
        now: Instant,
        head: &Head,
        input: &mut BytesMut,
        event: &mut Option<Event>,
    ) -> Result<Step, PeerMisbehaved> {
        let pad_length = match (head.has(flags::PADDED), input.get(HEAD_LEN)) {
            (true, None) => return Ok(Step::Starved(HEAD_LEN + 1)),
            (true, Some(&octet)) => octet,
            (false, _) => 0,
        };
        let data = Data::parse(head, pad_length)?;
        let prefix = HEAD_LEN + data.prefix as usize;
        let needed = prefix + PIECE.min(data.len as usize);
        if input.len() < needed {
            return Ok(Step::Starved(needed));
        }
        if data.len < TINY && !data.end_stream {
            self.charge_for_tiny(now, data.len)?;
        }
        let received = self.credit.receive(head.len, data.len);
        received.map_err(|_| PeerMisbehaved::ConnectionWindowExceeded)?;
        self.bandwidth.on_data(head.len);
        let stream = self.accept_data(now, &data, head.len)?;
        self.return_connection_credit(now);
        input.advance(prefix);
        let rest = Remainder {
            stream: stream.unwrap_or(StreamKey::NONE),
            left: data.len as usize,
            padding: data.padding as usize,
            end_stream: data.end_stream,
        };
        Ok(self.read_data(now, rest, input, event))
    }

    /// DATA that cannot hold a message.
    #[cold]
    fn charge_for_tiny(&mut self, now: Instant, len: u32) -> Result<(), PeerMisbehaved> {
        let act = match len {
            0 => Act::EmptyData,
            _ => Act::TinyData,
        };
        self.charge(act, now)
    }

    /// Checks a DATA frame against its stream. `None`: nobody wants the payload.
    #[inline]
    fn accept_data(
        &mut self,
        now: Instant,
        data: &Data,
        flow: u32,
    ) -> Result<Option<StreamKey>, PeerMisbehaved> {
        let found = self
            .streams
            .find(data.stream)
            .and_then(|key| Some((key, self.streams.get(key)?)));
        let Some((key, stream)) = found else {
            self.require_not_idle(data.stream)?;
            return self.refuse_late_data(now, data.stream);
        };
        let checked = stream.state.receive_data(data.end_stream).and_then(|_| {
            stream
                .credit
                .receive(flow, data.len)
                .map_err(|_| PeerMisbehaved::StreamWindowExceeded)?;
            stream.body.receive(data.len)?;
            if data.end_stream {
                stream.body.finish()
            } else {
                Ok(())
            }
        });
        if let Err(crime) = checked {
            self.stream_error(now, key, crime)?;
            return Ok(None);
        }
        if data.len >= TINY {
            self.abuse.note_received();
        }
        if flow != data.len && !data.end_stream {
            self.return_stream_credit(now, key, 0); // padding is read as soon as it is there
        }
        Ok(Some(key))
    }

    /// DATA for a stream that is gone.
    #[cold]
    fn refuse_late_data(
        &mut self,
        now: Instant,
        id: u32,
    ) -> Result<Option<StreamKey>, PeerMisbehaved> {
        match self.streams.past(id) {
            Past::WeReset => self.charge(Act::Late, now)?,
            Past::Ended | Past::Skipped => {
                let crime = PeerMisbehaved::FrameOnClosedStream;
                self.refuse(now, id, crime)?;
                self.streams.remember_reset(id);
                self.events.push_back(Event::Rejected { id, crime });
            }
        }
        Ok(None)
    }

    /// Goes on inside of a DATA frame.
    #[inline(never)]
    pub(super) fn go_on_with_data(
        &mut self,
        now: Instant,
        input: &mut BytesMut,
        event: &mut Option<Event>,
    ) -> Step {
        match self.inbound.data.take() {
            Some(rest) => self.read_data(now, rest, input, event),
            None => Step::Next,
        }
    }

    /// Hands on what has come of `rest` and keeps what is left of it.
    #[inline]
    fn read_data(
        &mut self,
        now: Instant,
        mut rest: Remainder,
        input: &mut BytesMut,
        event: &mut Option<Event>,
    ) -> Step {
        if rest.left > 0 || rest.end_stream {
            let len = rest.left.min(input.len());
            if len < rest.left.min(PIECE) {
                self.inbound.data = Some(rest);
                return Step::Starved(rest.left.min(PIECE));
            }
            rest.left -= len;
            let last = rest.end_stream && rest.left == 0;
            // An empty piece must not hold on to the input's memory.
            let piece = if len > 0 {
                input.split_to(len)
            } else {
                BytesMut::new()
            };
            self.hand_on(now, rest.stream, piece, last, event);
            rest.end_stream &= !last;
        } else {
            let len = rest.padding.min(input.len());
            input.advance(len);
            rest.padding -= len;
        }
        if rest.left > 0 || rest.padding > 0 {
            self.inbound.data = Some(rest);
        }
        Step::Next
    }

    #[inline]
    fn hand_on(
        &mut self,
        now: Instant,
        key: StreamKey,
        piece: BytesMut,
        end_stream: bool,
        event: &mut Option<Event>,
    ) {
        let Some(stream) = self.streams.get(key) else {
            if self.credit.release(piece.len()) {
                self.return_connection_credit(now);
            }
            return;
        };
        *event = Some(Event::Data {
            stream: key,
            data: piece.freeze(),
            end_stream,
        });
        if end_stream && let Ok(state) = stream.state.receive_data(true) {
            stream.state = state;
            if let State::Closed(cause) = state {
                self.close(key, cause);
            }
        }
    }

    /// The reader has taken `bytes`.
    pub(super) fn return_credit(&mut self, now: Instant, key: StreamKey, bytes: usize) {
        let is_due = self.credit.release(bytes);
        if self.life == Life::Over {
            return; // nothing follows the GOAWAY
        }
        if is_due {
            self.return_connection_credit(now);
        }
        if bytes > 0 {
            self.return_stream_credit(now, key, bytes);
        }
    }

    #[inline]
    fn return_stream_credit(&mut self, now: Instant, key: StreamKey, bytes: usize) {
        let target = self.local.target_window;
        let Some(stream) = self.streams.get(key) else {
            return;
        };
        stream.credit.release(bytes);
        if stream.receives()
            && let Some(increment) = stream.credit.update(target)
        {
            self.send_window_update(now, key.id, increment);
        }
    }

    /// The reader waits for `bytes` more.
    pub(super) fn grant_credit(&mut self, now: Instant, key: StreamKey, bytes: usize) {
        let Some(stream) = self.streams.get(key) else {
            return;
        };
        if stream.receives()
            && let Some(increment) = stream.credit.expect(bytes)
        {
            self.send_window_update(now, key.id, increment);
        }
    }

    #[inline]
    pub(super) fn return_connection_credit(&mut self, now: Instant) {
        if let Some(increment) = self.credit.update() {
            self.send_window_update(now, 0, increment);
        }
    }

    /// Tells the peer of credit, and measures the path on the occasion.
    #[inline(never)]
    fn send_window_update(&mut self, now: Instant, stream: u32, increment: u32) {
        self.output
            .frames(|out| WindowUpdate { stream, increment }.encode(out));
        if self.local.known && self.bandwidth.begin(now, increment) {
            self.send_ping(Purpose::Bandwidth);
        }
    }

    /// The path's measure is in: windows may grow. A stream gets at most half of the budget, so that no
    /// unread one can use it up.
    pub(super) fn on_bandwidth_sample(&mut self, now: Instant) {
        let Some(window) = self.bandwidth.end(now) else {
            return;
        };
        let half = u32::try_from(self.config.receive_budget / 2).unwrap_or(u32::MAX);
        self.raise_stream_window(now, window.min(half));
        self.credit.raise_target(window);
        self.return_connection_credit(now);
    }
}
