//! From octets to frames, from frames to reactions.

use super::{Connection, Life};
use crate::{
    budget::Act,
    error::PeerMisbehaved,
    event::Event,
    frame::{
        Continuation, GoAway, HEAD_LEN, Head, Headers, Kind, Ping, Priority, RstStream, Settings,
        WindowUpdate,
    },
    stream::Past,
};
use bytes::{Buf, BytesMut};
use std::time::Instant;

/// What one step over the input came to. An `Err` beside it is an error of the connection.
pub(super) enum Step {
    /// Something was consumed. It may have led to an event in the place that the step was given for it, and to
    /// events in the queue, which come after that one.
    Next,
    /// The input holds so few octets that at least this many are needed to go on.
    Starved(usize),
}

impl Connection {
    /// Writes the next event into `event`, which is empty. Steps write it there, once: moving it up from call to call
    /// would cost more than most steps.
    #[inline(never)]
    pub(super) fn next_event(
        &mut self,
        now: Instant,
        input: &mut BytesMut,
        event: &mut Option<Event>,
    ) {
        loop {
            if !self.events.is_empty() {
                *event = self.events.pop_front();
                return;
            }
            if self.life == Life::Over {
                return input.clear(); // nothing after the end is looked at
            }
            if input.is_empty() {
                return self.inbound.need(0);
            }
            match self.step(now, input, event) {
                Ok(Step::Next) => self.keepalive.on_heard(now),
                Ok(Step::Starved(needed)) => {
                    self.inbound.need(needed);
                    if self.events.is_empty() {
                        return;
                    }
                }
                Err(crime) => self.fail(crime),
            }
            if event.is_some() {
                return;
            }
        }
    }

    #[inline]
    fn step(
        &mut self,
        now: Instant,
        input: &mut BytesMut,
        event: &mut Option<Event>,
    ) -> Result<Step, PeerMisbehaved> {
        if let Life::Preface(seen) = self.life {
            self.read_preface(seen, input)?;
            return Ok(Step::Next);
        }
        if self.inbound.is_inside() {
            return Ok(self.go_on_with_data(now, input, event));
        }
        let Some(head) = input.first_chunk::<HEAD_LEN>() else {
            self.refuse_other_protocols(input)?;
            return Ok(Step::Starved(HEAD_LEN));
        };
        let head = Head::parse(head);
        self.check_order(&head, input)?;
        if head.len > self.config.max_frame_size {
            return Err(PeerMisbehaved::FrameTooLarge);
        }
        if head.kind == Kind::DATA {
            return self.on_data(now, &head, input, event);
        }
        let whole = HEAD_LEN + head.len as usize;
        let Some(payload) = input.get(HEAD_LEN..whole) else {
            return Ok(Step::Starved(whole));
        };
        match head.kind {
            Kind::HEADERS => self.on_headers(now, Headers::parse(&head, payload)?, event)?,
            Kind::CONTINUATION => {
                self.on_continuation(now, Continuation::parse(&head, payload)?, event)?;
            }
            _ => self.on_control(now, &head, payload)?,
        }
        input.advance(whole);
        Ok(Step::Next)
    }

    /// The rules about which frame may come when.
    #[inline]
    fn check_order(&self, head: &Head, input: &[u8]) -> Result<(), PeerMisbehaved> {
        if self.life == Life::FirstSettings && head.kind != Kind::SETTINGS {
            self.refuse_other_protocols(input)?;
            return Err(PeerMisbehaved::FirstFrameNotSettings);
        }
        match self.blocks.unfinished() {
            None => Ok(()),
            Some(stream) if head.kind == Kind::CONTINUATION && head.stream == stream => Ok(()),
            Some(_) => Err(PeerMisbehaved::ExpectedContinuation),
        }
    }

    /// Frames that calls mostly do without. Not part of the way of the others: what it needs would be got ready for each.
    #[inline(never)]
    fn on_control(
        &mut self,
        now: Instant,
        head: &Head,
        payload: &[u8],
    ) -> Result<(), PeerMisbehaved> {
        match head.kind {
            Kind::WINDOW_UPDATE => self.on_window_update(now, WindowUpdate::parse(head, payload)?),
            Kind::RST_STREAM => self.on_reset(now, RstStream::parse(head, payload)?),
            Kind::PING => self.on_ping(now, Ping::parse(head, payload)?),
            Kind::SETTINGS => {
                let settings = Settings::parse(head, payload)?;
                if self.life == Life::FirstSettings {
                    self.life = Life::Running;
                    return self.on_first_settings(now, settings);
                }
                self.on_settings(now, settings)
            }
            Kind::GOAWAY => self.on_goaway(now, GoAway::parse(head, payload)?),
            Kind::PRIORITY => self.on_priority(now, head, payload),
            Kind::PUSH_PROMISE => Err(PeerMisbehaved::PushPromise),
            // RFC 9113 §4.1: frames of unknown types are ignored.
            _ => self.charge(Act::Idle, now),
        }
    }

    /// RFC 9113 §6.3: ignored, except for its errors, which are the stream's. An idle stream cannot be reset
    /// (§5.1): its errors are the connection's.
    fn on_priority(
        &mut self,
        now: Instant,
        head: &Head,
        payload: &[u8],
    ) -> Result<(), PeerMisbehaved> {
        let stream = head.require_stream()?;
        self.charge(Act::Idle, now)?;
        let crime = match Priority::parse(head, payload) {
            Ok(priority) if priority.is_self_dependency() => PeerMisbehaved::SelfDependency,
            Ok(_) => return Ok(()),
            Err(crime) => crime,
        };
        match self.streams.find(stream) {
            Some(key) => self.stream_error(now, key, crime),
            None if self.require_not_idle(stream).is_err() => Err(crime),
            // Nothing may be sent on a stream after its RST_STREAM (§5.1).
            None if self.streams.past(stream) == Past::WeReset => Ok(()),
            None => {
                self.streams.remember_reset(stream);
                self.refuse(now, stream, crime)?;
                let id = stream;
                self.events.push_back(Event::Rejected { id, crime });
                Ok(())
            }
        }
    }
}
