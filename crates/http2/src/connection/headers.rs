//! Header lists that arrive: requests, responses, trailers (RFC 9113 §6.2, §8.1).

use super::{
    Connection, Role,
    blocks::{Arrival, Decoded},
};
use crate::{
    budget::Act,
    error::PeerMisbehaved,
    event::{Event, StreamKey},
    flow::Window,
    frame::{Continuation, Headers},
    headers::ListKind,
    stream::{Body, Past, Progress, State, Stream},
};
use std::{sync::Arc, time::Instant};

/// CONTINUATION frames that are smaller than this do less work than they make.
const SMALL_FRAGMENT: usize = 1024;

impl Connection {
    /// A HEADERS frame.
    #[inline]
    pub(super) fn on_headers(
        &mut self,
        now: Instant,
        frame: Headers<'_>,
        event: &mut Option<Event>,
    ) -> Result<(), PeerMisbehaved> {
        let self_dependency = frame
            .priority
            .is_some_and(|priority| priority.is_self_dependency());
        let arrival = Arrival {
            stream: frame.stream,
            end_stream: frame.end_stream,
            self_dependency,
        };
        if !frame.end_headers {
            return self.blocks.begin(now, arrival, frame.fragment);
        }
        self.on_block(now, arrival, frame.fragment, event)
    }

    /// A CONTINUATION frame.
    #[cold]
    pub(super) fn on_continuation(
        &mut self,
        now: Instant,
        frame: Continuation<'_>,
        event: &mut Option<Event>,
    ) -> Result<(), PeerMisbehaved> {
        let Some(block) = self.blocks.append(frame.fragment, frame.end_headers)? else {
            if frame.fragment.len() < SMALL_FRAGMENT {
                self.charge(Act::Idle, now)?;
            }
            return Ok(());
        };
        self.on_block(now, block.arrival, &block.bytes, event)
    }

    /// A whole header block. Whatever becomes of the stream, it is decoded.
    #[inline]
    fn on_block(
        &mut self,
        now: Instant,
        arrival: Arrival,
        block: &[u8],
        event: &mut Option<Event>,
    ) -> Result<(), PeerMisbehaved> {
        let stream = arrival.stream;
        if stream > self.streams.last_id() {
            return match self.role {
                Role::Client => Err(PeerMisbehaved::FrameOnIdleStream),
                Role::Server if stream.is_multiple_of(2) => Err(PeerMisbehaved::WrongStreamParity),
                Role::Server => self.on_request(now, arrival, block, event),
            };
        }
        if let Some(key) = self.streams.find(stream) {
            return self.on_block_of_live(now, key, arrival, block, event);
        }
        self.require_not_idle(stream)?;
        match self.streams.past(stream) {
            Past::WeReset => {
                self.charge(Act::Late, now)?;
                self.blocks.skip(block)?;
                Ok(())
            }
            Past::Skipped => Err(PeerMisbehaved::StreamIdNotIncreasing),
            Past::Ended => Err(PeerMisbehaved::FrameOnClosedStream),
        }
    }

    /// A request opens a stream.
    fn on_request(
        &mut self,
        now: Instant,
        arrival: Arrival,
        block: &[u8],
        event: &mut Option<Event>,
    ) -> Result<(), PeerMisbehaved> {
        let Arrival {
            stream: id,
            end_stream,
            self_dependency,
        } = arrival;
        self.streams.note_opened(id);
        if self.going.refuses(id) {
            // RFC 9113 §6.8: too late; the client has been told.
            self.charge(Act::Idle, now)?;
            self.streams.remember_reset(id);
            self.blocks.skip(block)?;
            return Ok(());
        }
        if let Err(crime) = self.check_room(0) {
            self.blocks.skip(block)?;
            return self.reject(now, id, crime, event);
        }
        let kind = match self.config.allow_connect {
            false => ListKind::Request,
            true => ListKind::RequestOrConnect,
        };
        let known = self.blocks.known(block, kind).cloned();
        let decoded = match known {
            Some(list) => Ok(list),
            None => self.blocks.decode(block, kind)?,
        };
        let Decoded {
            headers,
            timeout,
            size: header_size,
        } = match decoded {
            Ok(_) if self_dependency => {
                return self.reject(now, id, PeerMisbehaved::SelfDependency, event);
            }
            Ok(list) => list,
            Err(crime) => return self.reject(now, id, crime, event),
        };
        let body = Body::new(headers.content_length);
        if end_stream && let Err(crime) = body.finish() {
            return self.reject(now, id, crime, event);
        }
        if let Err(crime) = self.check_room(header_size) {
            return self.reject(now, id, crime, event);
        }
        self.abuse.note_received();
        self.held.headers += u64::from(header_size);
        let mut stream = self.new_stream(id, State::opened_by_peer(end_stream));
        stream.body = body;
        stream.header_size = header_size;
        let stream = self.streams.insert(stream);
        *event = Some(Event::Headers {
            stream,
            headers,
            timeout,
            trailers: false,
            end_stream,
        });
        Ok(())
    }

    /// A request that becomes no stream.
    #[cold]
    fn reject(
        &mut self,
        now: Instant,
        id: u32,
        crime: PeerMisbehaved,
        event: &mut Option<Event>,
    ) -> Result<(), PeerMisbehaved> {
        self.refuse(now, id, crime)?;
        self.streams.remember_reset(id);
        *event = Some(Event::Rejected { id, crime });
        Ok(())
    }

    #[inline]
    pub(super) fn new_stream(&self, id: u32, state: State) -> Stream {
        Stream::new(id, state, self.local.stream_window, self.new_window())
    }

    /// What we may send on a stream that begins now.
    #[inline]
    pub(super) fn new_window(&self) -> Window {
        Window::new(self.remote.initial_window)
    }

    /// A response, an interim response or trailers.
    #[inline]
    fn on_block_of_live(
        &mut self,
        now: Instant,
        key: StreamKey,
        arrival: Arrival,
        block: &[u8],
        event: &mut Option<Event>,
    ) -> Result<(), PeerMisbehaved> {
        let end_stream = arrival.end_stream;
        let Some(stream) = self.streams.get(key) else {
            return Ok(());
        };
        let progress = match stream.state.theirs() {
            Ok(progress) => progress,
            Err(crime) => {
                self.blocks.skip(block)?;
                return self.stream_error(now, key, crime);
            }
        };
        let trailers = progress == Progress::Body;
        let kind = if trailers {
            ListKind::Trailers
        } else {
            ListKind::Response
        };
        let known = self.blocks.known(block, kind);
        let headers = match known.map(|list| Arc::clone(&list.headers)) {
            Some(headers) => headers,
            None => match self.blocks.decode(block, kind)? {
                Ok(list) => list.headers,
                Err(crime) => return self.stream_error(now, key, crime),
            },
        };
        if arrival.self_dependency {
            return self.stream_error(now, key, PeerMisbehaved::SelfDependency);
        }
        if headers.status.is_some_and(|status| status < 200) {
            return self.on_interim(now, key, end_stream);
        }
        let complete = match trailers {
            true => stream.body.finish(),
            false => Ok(()),
        };
        let next = stream.state.after_headers(progress, end_stream);
        match next.and_then(|state| complete.map(|()| state)) {
            Ok(state) => stream.state = state,
            Err(crime) => return self.stream_error(now, key, crime),
        }
        if !trailers && !end_stream {
            // A response without content may tell the length that it would have had (RFC 9110 §8.6).
            stream.body = Body::new(headers.content_length);
        }
        if let State::Closed(cause) = stream.state {
            self.close(key, cause);
        }
        self.abuse.note_received();
        *event = Some(Event::Headers {
            stream: key,
            headers,
            timeout: None,
            trailers,
            end_stream,
        });
        Ok(())
    }

    /// 1xx: nothing that the layers above wait for (RFC 9113 §8.1).
    #[cold]
    fn on_interim(
        &mut self,
        now: Instant,
        key: StreamKey,
        end_stream: bool,
    ) -> Result<(), PeerMisbehaved> {
        if end_stream {
            self.stream_error(now, key, PeerMisbehaved::InterimWithEndStream)?;
        } else {
            self.charge(Act::Idle, now)?;
        }
        Ok(())
    }
}
