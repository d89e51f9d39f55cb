//! What the driver asks for.

use super::{Connection, Life, Role};
use crate::{
    budget::Act,
    error::{ConnectionError, Initiator, OpenError, Reason, SendError},
    event::{Event, StreamKey},
    frame::MAX_STREAM_ID,
    headers::Part,
    output::COPY_MAX,
    stream::{Cause, Ending, OwnedParts, State},
};
use bytes::Bytes;
use std::time::Instant;

/// DATA goes straight into the output while that holds less than this; else streams queue and take turns.
const DIRECT: u64 = 64 << 10;

impl Connection {
    pub(super) fn open_stream(
        &mut self,
        head: &[Part<'_>],
        end_stream: bool,
    ) -> Result<StreamKey, OpenError> {
        let id = self.next_id()?;
        self.check_size(head)
            .map_err(|(size, limit)| OpenError::HeaderListTooLarge { size, limit })?;
        self.streams.note_opened(id);
        self.abuse.note_sent(0);
        self.encode_headers(id, head, end_stream);
        let stream = self.new_stream(id, State::opened_by_us(end_stream));
        Ok(self.streams.insert(stream))
    }

    /// The id that a stream has which is opened now.
    #[inline]
    pub(super) fn next_id(&mut self) -> Result<u32, OpenError> {
        let last = self.streams.last_id();
        if self.role == Role::Server
            || self.life == Life::Over
            || self.going.is_going()
            || last >= MAX_STREAM_ID - 1
        {
            return Err(OpenError::GoingAway);
        }
        if self.streams.len() >= self.remote.max_streams as usize {
            self.open_refused = true;
            return Err(OpenError::TooManyStreams);
        }
        Ok(if last == 0 { 1 } else { last + 2 })
    }

    pub(super) fn submit_headers(
        &mut self,
        key: StreamKey,
        head: &[Part<'_>],
        end_stream: bool,
    ) -> Result<(), SendError> {
        let stream = self.streams.get(key).ok_or(SendError::StreamGone)?;
        if stream.queue.is_ending() {
            return Err(SendError::StreamGone);
        }
        stream.state.send_headers(end_stream)?;
        let waits = stream.queue.bytes() > 0;
        self.check_size(head)
            .map_err(|(size, limit)| SendError::HeaderListTooLarge { size, limit })?;
        if !waits {
            self.write_headers(key, head, end_stream);
        } else if let Some(stream) = self.streams.get(key) {
            stream
                .queue
                .end(Ending::Trailers(Box::new(OwnedParts::new(head))));
        }
        Ok(())
    }

    pub(super) fn submit_data(
        &mut self,
        now: Instant,
        key: StreamKey,
        mut data: Bytes,
        end_stream: bool,
    ) -> Result<(), SendError> {
        let stream = self.streams.get(key).ok_or(SendError::StreamGone)?;
        if stream.queue.is_ending() {
            return Err(SendError::StreamGone);
        }
        stream.state.send_data(end_stream)?;
        let queued = stream.queue.bytes() > 0;
        if data.is_empty() && (queued || !end_stream) {
            if end_stream {
                stream.queue.end(Ending::EndStream);
            }
            return Ok(());
        }
        let window = stream.window;
        if !queued && (data.is_empty() || self.goes_directly()) {
            let allowed = window
                .available()
                .min(self.window.available())
                .min(self.remote.quantum) as usize;
            if data.len() <= allowed {
                self.write_data(key, data, end_stream);
                return Ok(());
            }
            if allowed > 0 {
                self.write_data(key, data.split_to(allowed), false);
            }
        }
        self.enqueue(now, key, data, end_stream);
        Ok(())
    }

    /// `own` makes `data` last, and may allocate (also the first clone of a `Bytes` made of a vector does), so what would be
    /// copied into the output anyway is copied from where it is.
    pub(super) fn submit_data_kept(
        &mut self,
        now: Instant,
        key: StreamKey,
        data: &[u8],
        end_stream: bool,
        own: impl FnOnce() -> Bytes,
    ) -> Result<(), SendError> {
        let stream = self.streams.get(key).ok_or(SendError::StreamGone)?;
        let allowed = stream
            .window
            .available()
            .min(self.window.available())
            .min(self.remote.quantum) as usize;
        let goes = stream.queue.bytes() == 0
            && !stream.queue.is_ending()
            && stream.state.send_data(end_stream).is_ok()
            && !data.is_empty()
            && data.len() <= allowed.min(COPY_MAX)
            && self.goes_directly();
        if !goes {
            return self.submit_data(now, key, own(), end_stream);
        }
        self.write_copy(key, data, end_stream);
        Ok(())
    }

    fn enqueue(&mut self, now: Instant, key: StreamKey, data: Bytes, end_stream: bool) {
        self.note_backlog(now, data.len());
        let Some(stream) = self.streams.get(key) else {
            return;
        };
        stream.queue.push(data);
        if end_stream {
            stream.queue.end(Ending::EndStream);
        }
        stream.queue.note_high_water(self.config.send_high_water);
        if stream.can_send() {
            self.schedule.make_ready(key);
        }
    }

    pub(super) fn submit_reset(&mut self, now: Instant, key: StreamKey, reason: Reason) {
        // No event on it follows, also none that was not taken yet.
        self.events.retain(|event| {
            !matches!(event, Event::Reset { stream, .. } | Event::Writable { stream } if *stream == key)
        });
        if self.streams.peek(key).is_some() {
            self.send_reset(key.id, reason);
            self.close(key, Cause::LocalReset);
            // A request that its server has no room for: the client made it refuse (CVE-2025-8671).
            if reason == Reason::REFUSED_STREAM && self.role == Role::Server {
                self.charge_or_fail(Act::Refusal, now);
                self.charge_reply_or_fail();
            }
        }
    }

    pub(super) fn end_now(&mut self, reason: Reason, debug: &'static str) {
        if self.life != Life::Over {
            self.send_goaway(self.last_peer_stream(), reason, debug.as_bytes());
            self.end(ConnectionError::Eof(Initiator::Local));
        }
    }

    /// Whether DATA that its own stream allows may go straight into the output.
    #[inline]
    pub(super) fn goes_directly(&self) -> bool {
        !self.schedule.has_ready() && self.output.end() - self.output.written() < DIRECT
    }

    /// RFC 9113 §6.5.2: the peer's SETTINGS_MAX_HEADER_LIST_SIZE, which we honour.
    #[inline]
    pub(super) fn header_limit(&self) -> usize {
        self.remote
            .max_header_list
            .map_or(usize::MAX, |limit| limit as usize)
    }

    /// `Err` has size and limit.
    #[inline]
    fn check_size(&self, head: &[Part<'_>]) -> Result<(), (usize, usize)> {
        let limit = self.header_limit();
        let size = self.encoder.list_size(head);
        if size > limit {
            Err((size, limit))
        } else {
            Ok(())
        }
    }
}
