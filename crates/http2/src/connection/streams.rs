//! The ends of streams: by themselves, by an error, by a reset.

use super::{Connection, Role};
use crate::{
    budget::Act,
    error::{PeerMisbehaved, Reason},
    event::{Event, ResetCause, StreamKey},
    frame::RstStream,
    stream::{Cause, State},
};
use std::time::Instant;

impl Connection {
    /// Takes a stream out of everything; its key is dead. What lies unread of it stays on the connection's
    /// account until it is released.
    pub(super) fn retire(&mut self, key: StreamKey, cause: Cause) {
        let Some(gone) = self.streams.remove(key) else {
            return;
        };
        self.held.headers -= u64::from(gone.header_size);
        self.held
            .drop_backlog(gone.queued as u64, self.config.send_budget as u64);
        self.schedule.forget(key);
        if self.streams.len() == 0 {
            self.schedule.shrink();
        }
        match cause {
            Cause::EndStream => self.abuse.note_stream_done(),
            Cause::LocalReset => {
                self.abuse.note_reset(gone.window);
                self.streams.remember_reset(key.id);
            }
            Cause::PeerReset => {}
        }
        if self.open_refused {
            self.offer_streams();
        }
    }

    /// Retires a stream and ends the connection if that was the last one and somebody goes.
    #[inline]
    pub(super) fn close(&mut self, key: StreamKey, cause: Cause) {
        self.retire(key, cause);
        if self.going.is_going() {
            self.end_if_done();
        }
    }

    /// Tells the driver, once, that `open` may work again.
    pub(super) fn offer_streams(&mut self) {
        if self.open_refused && self.streams.len() < self.remote.max_streams as usize {
            self.open_refused = false;
            self.events.push_back(Event::CanOpen);
        }
    }

    /// Our END_STREAM is in the output. A server that is done before its client's request is says so
    /// (RFC 9113 §8.1), and does not look at the rest.
    #[inline]
    pub(super) fn on_our_end(&mut self, key: StreamKey, state: State) {
        match (state, self.role) {
            (State::Closed(cause), _) => self.close(key, cause),
            (State::HalfClosedLocal { .. }, Role::Server) => {
                self.send_reset(key.id, Reason::NO_ERROR);
                self.close(key, Cause::LocalReset);
            }
            _ => {}
        }
    }

    pub(super) fn send_reset(&mut self, stream: u32, reason: Reason) {
        self.output
            .frames(|out| RstStream { stream, reason }.encode(out));
    }

    /// The peer broke a rule on a stream that the driver knows.
    #[cold]
    pub(super) fn stream_error(
        &mut self,
        now: Instant,
        key: StreamKey,
        crime: PeerMisbehaved,
    ) -> Result<(), PeerMisbehaved> {
        self.refuse(now, key.id, crime)?;
        let cause = ResetCause::Misbehaved(crime);
        self.events.push_back(Event::Reset {
            stream: key,
            reason: crime.reason(),
            cause,
        });
        self.close(key, Cause::LocalReset);
        Ok(())
    }

    /// The peer broke a rule on a stream that the driver does not know, or which `stream_error` tells it about.
    #[cold]
    pub(super) fn refuse(
        &mut self,
        now: Instant,
        stream: u32,
        crime: PeerMisbehaved,
    ) -> Result<(), PeerMisbehaved> {
        // What passes a limit may have been sent before the peer knew of it: that is charged as a refusal, of which a peer has more.
        let act = match crime.reason() {
            Reason::REFUSED_STREAM => Act::Refusal,
            _ => Act::StreamError,
        };
        self.charge(act, now)?;
        self.send_reset(stream, crime.reason());
        self.charge_reply()
    }

    /// A RST_STREAM frame.
    pub(super) fn on_reset(
        &mut self,
        now: Instant,
        frame: RstStream,
    ) -> Result<(), PeerMisbehaved> {
        let Some(stream) = self.streams.find(frame.stream) else {
            self.require_not_idle(frame.stream)?;
            return self.charge(Act::Idle, now);
        };
        match self.role {
            Role::Server => self.charge(Act::Reset, now)?,
            Role::Client => self.abuse.count(Act::Reset),
        }
        self.events.push_back(Event::Reset {
            stream,
            reason: frame.reason,
            cause: ResetCause::Peer,
        });
        self.close(stream, Cause::PeerReset);
        Ok(())
    }

    /// RFC 9113 §5.1: on a stream that nobody opened there may be HEADERS and PRIORITY only.
    pub(super) fn require_not_idle(&self, stream: u32) -> Result<(), PeerMisbehaved> {
        if stream.is_multiple_of(2) || stream > self.streams.last_id() {
            return Err(PeerMisbehaved::FrameOnIdleStream);
        }
        Ok(())
    }
}
