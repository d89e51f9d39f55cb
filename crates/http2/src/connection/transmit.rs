//! DATA and header lists that leave (RFC 9113 §6.1, §6.9).

use super::Connection;
use crate::{
    budget::Act,
    error::PeerMisbehaved,
    event::{Event, StreamKey},
    frame::{Data, Headers, WindowUpdate},
    headers::Part,
    output::Output,
    stream::Ending,
};
use bytes::Bytes;
use std::time::Instant;

/// DATA below this that is not the last is a dribble: only the peer's windows cut it so short.
const DRIBBLE: usize = 256;

impl Connection {
    /// Lets the streams take turns until the output holds `target` octets.
    pub(super) fn transmit_up_to(&mut self, now: Instant, target: usize) {
        while self.output.end() - self.output.written() < target as u64 {
            let Some(key) = self.schedule.next() else {
                return;
            };
            self.transmit(now, key);
        }
    }

    /// One turn of one stream: a DATA frame, or its trailers, or both.
    fn transmit(&mut self, now: Instant, key: StreamKey) {
        let Some(stream) = self.streams.get(key) else {
            return;
        };
        if stream.queue.bytes() > 0 {
            if stream.window.available() == 0 {
                return; // its WINDOW_UPDATE brings it back
            }
            if self.window.available() == 0 {
                return self.schedule.park(key);
            }
            self.transmit_data(now, key);
        } else {
            self.transmit_end(key);
        }
    }

    fn transmit_data(&mut self, now: Instant, key: StreamKey) {
        let Some(stream) = self.streams.get(key) else {
            return;
        };
        let allowed = stream
            .window
            .available()
            .min(self.window.available())
            .min(self.remote.quantum);
        let len = stream.queue.bytes().min(allowed as usize);
        let last = stream.queue.ends_with(len);
        let head = Data::head(key.id, len as u32, last);
        self.output.frames(|out| head.encode(out));
        stream.queue.take(len, |piece| self.output.payload(piece));
        stream.window.consume(len as u32);
        self.window.consume(len as u32);
        self.held.on_sent(now, len as u64);
        let dribbles = len < DRIBBLE.min(self.remote.quantum as usize) && stream.queue.bytes() > 0;
        if !dribbles {
            self.abuse.note_sent(len as u32);
        }
        if let Ok(state) = stream.state.send_data(last) {
            stream.state = state;
        }
        if stream.queue.resumes(self.config.send_high_water) {
            self.events.push_back(Event::Writable { stream: key });
        }
        if last {
            stream.queue.take_ending(); // it is sent: a WINDOW_UPDATE must not send it again
            let state = stream.state;
            return self.on_our_end(key, state);
        }
        if stream.queue.bytes() == 0 {
            self.transmit_end(key);
        } else if stream.can_send() {
            self.schedule.make_ready(key);
        }
        if dribbles {
            self.charge_or_fail(Act::Dribble, now);
        }
    }

    /// The ending of a stream that has no DATA left.
    fn transmit_end(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get(key) else {
            return;
        };
        match stream.queue.take_ending() {
            Ending::Open => {}
            Ending::EndStream => self.write_data(key, Bytes::new(), true),
            Ending::Trailers(parts) => self.write_headers(key, &parts.as_parts(), true),
        }
    }

    /// Puts a header list into the output; the stream allows it.
    #[inline]
    pub(super) fn write_headers(&mut self, key: StreamKey, head: &[Part<'_>], end_stream: bool) {
        self.abuse.note_sent(0);
        self.encode_headers(key.id, head, end_stream);
        let Some(stream) = self.streams.get(key) else {
            return;
        };
        if let Ok(state) = stream.state.send_headers(end_stream) {
            stream.state = state;
            if end_stream {
                self.on_our_end(key, state);
            }
        }
    }

    #[inline]
    pub(super) fn encode_headers(&mut self, id: u32, head: &[Part<'_>], end_stream: bool) {
        let (encoder, max_frame_size) = (&mut self.encoder, self.remote.max_frame_size);
        self.output.frames(|out| {
            Headers::encode(id, end_stream, max_frame_size, out, |out| {
                encoder.encode(head, out)
            });
        });
    }

    /// Puts one DATA frame into the output; windows and the stream allow it.
    #[inline]
    pub(super) fn write_data(&mut self, key: StreamKey, data: Bytes, end_stream: bool) {
        let len = data.len() as u32;
        self.write_payload(key, len, end_stream, |output| output.payload(data));
    }

    /// The same with a payload that is short and that somebody keeps.
    #[inline]
    pub(super) fn write_copy(&mut self, key: StreamKey, data: &[u8], end_stream: bool) {
        let len = data.len() as u32;
        self.write_payload(key, len, end_stream, |output| output.copy(data));
    }

    #[inline]
    fn write_payload(
        &mut self,
        key: StreamKey,
        len: u32,
        end_stream: bool,
        payload: impl FnOnce(&mut Output),
    ) {
        let Some(stream) = self.streams.get(key) else {
            return;
        };
        self.abuse.note_sent(len);
        self.output
            .frames(|out| Data::head(key.id, len, end_stream).encode(out));
        payload(&mut self.output);
        stream.window.consume(len);
        self.window.consume(len);
        if let Ok(state) = stream.state.send_data(end_stream) {
            stream.state = state;
            if end_stream {
                self.on_our_end(key, state);
            }
        }
    }

    /// A WINDOW_UPDATE frame.
    pub(super) fn on_window_update(
        &mut self,
        now: Instant,
        frame: WindowUpdate,
    ) -> Result<(), PeerMisbehaved> {
        self.charge(Act::Idle, now)?;
        if frame.stream == 0 {
            if frame.increment == 0 {
                return Err(PeerMisbehaved::ZeroWindowUpdate);
            }
            self.window
                .grow(frame.increment)
                .map_err(|_| PeerMisbehaved::WindowOverflow)?;
            if self.window.available() > 0 {
                self.schedule.unpark();
            }
            return Ok(());
        }
        let Some(key) = self.streams.find(frame.stream) else {
            return self.require_not_idle(frame.stream);
        };
        if frame.increment == 0 {
            return self.stream_error(now, key, PeerMisbehaved::ZeroWindowUpdate);
        }
        let Some(stream) = self.streams.get(key) else {
            return Ok(());
        };
        if stream.window.grow(frame.increment).is_err() {
            return self.stream_error(now, key, PeerMisbehaved::WindowOverflow);
        }
        if stream.can_send() {
            self.schedule.make_ready(key);
        }
        Ok(())
    }
}
