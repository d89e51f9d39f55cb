//! The machine: contract here, each concern in a file of its own.

mod abuse;
mod blocks;
mod commands;
mod data;
mod dispatch;
mod goaway;
mod headers;
mod keepalive;
mod ping;
mod preface;
mod settings;
mod streams;
mod timer;
mod transmit;
mod windows;

#[cfg(test)]
mod tests;

use crate::{
    config::Config,
    error::{OpenError, Reason, SendError},
    event::{Event, StreamKey},
    flow::{BdpEstimator, ConnectionCredit, Window},
    frame::{DEFAULT_WINDOW, MAX_MAX_FRAME_SIZE, MIN_MAX_FRAME_SIZE, PREFACE},
    headers::Part,
    hpack::Encoder,
    output::Output,
    schedule::Schedule,
    stream::Store,
};
use abuse::{Abuse, Act};
use blocks::Blocks;
use bytes::{Bytes, BytesMut};
use goaway::Going;
use keepalive::Keepalive;
use ping::Pings;
use settings::{LocalSettings, RemoteSettings};
use std::{collections::VecDeque, time::Instant};
pub use windows::Windows;

/// Which end of the connection this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Opens streams.
    Client,
    /// Answers them.
    Server,
}

/// One end of an HTTP/2 connection.
///
/// Getters: [`role`](Self::role), [`is_closed`](Self::is_closed), [`is_draining`](Self::is_draining),
/// [`open_streams`](Self::open_streams), [`buffered`](Self::buffered). Inputs: [`poll_event`](Self::poll_event),
/// [`handle_eof`](Self::handle_eof), [`handle_timeout`](Self::handle_timeout). Commands: everything that
/// takes a [`StreamKey`], [`open`](Self::open), [`ping`](Self::ping), [`drain`](Self::drain), [`shutdown`](Self::shutdown).
/// Outputs: [`fill`](Self::fill), [`output`](Self::output), [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Connection {
    role: Role,
    config: Config,
    life: Life,
    streams: Store,
    schedule: Schedule,
    output: Output,
    encoder: Encoder,
    blocks: Blocks,
    inbound: data::Inbound,
    local: LocalSettings,
    remote: RemoteSettings,
    /// What we may send on all streams together.
    window: Window,
    /// What the peer may send on all streams together.
    credit: ConnectionCredit,
    bandwidth: BdpEstimator,
    pings: Pings,
    keepalive: Keepalive,
    going: Going,
    abuse: Abuse,
    /// `open` failed for the peer's limit: `CanOpen` is owed.
    open_refused: bool,
    /// Events that could not be handed out directly.
    events: VecDeque<Event>,
}

/// How far the connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    /// So many octets of the client's preface have come.
    Preface(usize),
    /// The first frame must be SETTINGS.
    FirstSettings,
    Running,
    /// `Closed` is in the events or was taken from them.
    Over,
}

impl Connection {
    /// A client's end; its preface is queued for output.
    pub fn client(config: Config, now: Instant) -> Connection {
        let mut connection = Connection::new(Role::Client, Life::FirstSettings, config, now);
        connection
            .output
            .frames(|out| out.extend_from_slice(PREFACE));
        connection.begin(now);
        connection
    }
    /// A server's end; its SETTINGS are queued for output.
    pub fn server(config: Config, now: Instant) -> Connection {
        let mut connection = Connection::new(Role::Server, Life::Preface(0), config, now);
        connection.begin(now);
        connection
    }

    fn new(role: Role, life: Life, mut config: Config, now: Instant) -> Connection {
        config.max_frame_size = config
            .max_frame_size
            .clamp(MIN_MAX_FRAME_SIZE, MAX_MAX_FRAME_SIZE);
        let local = LocalSettings::new(&config);
        let target = config.initial_connection_window;
        let limit = if config.adaptive_window {
            config.receive_budget
        } else {
            0
        };
        Connection {
            role,
            life,
            streams: Store::default(),
            schedule: Schedule::default(),
            output: Output::default(),
            encoder: Encoder::new(config.max_send_header_table_size as usize),
            blocks: Blocks::new(&config),
            inbound: data::Inbound::default(),
            remote: RemoteSettings::new(&config),
            window: Window::new(DEFAULT_WINDOW),
            credit: ConnectionCredit::new(DEFAULT_WINDOW, target, config.receive_budget),
            bandwidth: BdpEstimator::new(
                local.target_window,
                u32::try_from(limit).unwrap_or(u32::MAX),
            ),
            pings: Pings::default(),
            keepalive: Keepalive::new(&config, now),
            going: Going::default(),
            abuse: Abuse::new(now),
            open_refused: false,
            events: VecDeque::new(),
            local,
            config,
        }
    }

    fn begin(&mut self, now: Instant) {
        self.announce_settings(now);
        self.return_connection_credit(now);
    }

    /// Which end this is.
    pub fn role(&self) -> Role {
        self.role
    }
    /// After `Event::Closed`.
    pub fn is_closed(&self) -> bool {
        self.life == Life::Over && self.events.is_empty()
    }
    /// Whether either side has sent GOAWAY.
    pub fn is_draining(&self) -> bool {
        self.going.is_going()
    }
    /// Streams that are not closed.
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }
    /// Whether there is anything to write: output, or a queued stream that windows allow to send.
    pub fn wants_write(&self) -> bool {
        !self.output.is_empty() || self.schedule.has_ready()
    }
    /// DATA bytes accepted by `send_data` for the stream and not yet moved into the output.
    pub fn buffered(&self, stream: StreamKey) -> usize {
        self.streams
            .peek(stream)
            .map_or(0, |stream| stream.queue.bytes())
    }

    /// Takes whole frames off the front of `input` until one yields an event. `None`: `input` has no
    /// whole frame left (a part of one may remain: keep it and append). Large DATA frames need not be
    /// whole: what has arrived is handed on. The driver may stop between events.
    pub fn poll_event(&mut self, now: Instant, input: &mut BytesMut) -> Option<Event> {
        self.next_event(now, input)
    }
    /// The number of bytes that `input` should have room for so that the frame at its front fits; 0 if unknown.
    pub fn input_hint(&self) -> usize {
        self.inbound.needed()
    }
    /// The peer closed its writing side. Events follow.
    pub fn handle_eof(&mut self, _now: Instant) {
        self.on_eof();
    }
    /// `poll_timeout` has passed. Events and output may follow.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.on_timeout(now);
    }

    /// (client) Opens a stream with a request header list. Encoded at once, in call order.
    pub fn open(
        &mut self,
        _now: Instant,
        head: &[Part<'_>],
        end_stream: bool,
    ) -> Result<StreamKey, OpenError> {
        self.open_stream(head, end_stream)
    }
    /// Response headers, or trailers (`end_stream`): trailers wait behind buffered DATA.
    pub fn send_headers(
        &mut self,
        _now: Instant,
        stream: StreamKey,
        head: &[Part<'_>],
        end_stream: bool,
    ) -> Result<(), SendError> {
        self.submit_headers(stream, head, end_stream)
    }
    /// Payload. Always accepted: goes straight to the output when windows and fairness allow, else is buffered;
    /// a sender should pause while `buffered` is above the high-water mark, until `Event::Writable`.
    /// `end_stream` rides on the last DATA frame; with empty `data` it is set on what is buffered, if anything.
    pub fn send_data(
        &mut self,
        _now: Instant,
        stream: StreamKey,
        data: Bytes,
        end_stream: bool,
    ) -> Result<(), SendError> {
        self.submit_data(stream, data, end_stream)
    }
    /// Ends the stream now: buffered DATA is dropped, RST_STREAM sent, no further events on it.
    /// No effect on a stream that has ended.
    pub fn reset(&mut self, _now: Instant, stream: StreamKey, reason: Reason) {
        self.submit_reset(stream, reason);
    }
    /// The reader has taken (or thrown away) `bytes` of the stream's DATA: returns credit. Works for dead
    /// keys too: then only the connection's account is settled.
    pub fn release(&mut self, now: Instant, stream: StreamKey, bytes: usize) {
        self.return_credit(now, stream, bytes);
    }
    /// The reader waits for a message of which `bytes` more are missing: grants the stream window
    /// for them, so that a message larger than the window never deadlocks. The caller has checked its limit.
    pub fn expect(&mut self, now: Instant, stream: StreamKey, bytes: usize) {
        self.grant_credit(now, stream, bytes);
    }
    /// Sends a PING; `Event::Pong` answers.
    pub fn ping(&mut self, _now: Instant, payload: u64) {
        if self.life != Life::Over {
            self.send_ping(ping::Purpose::User(payload));
        }
    }
    /// Graceful end. Server: GOAWAY(2^31−1) + PING, then GOAWAY(last id) on its answer (RFC 9113 §6.8).
    /// Client: GOAWAY, no more `open`. `Event::Closed` when the last stream is done.
    pub fn drain(&mut self, now: Instant, debug: &'static str) {
        self.begin_drain(now, debug);
    }
    /// Ends now: GOAWAY with `reason`; open streams are `Reset`, `Closed` follows.
    pub fn shutdown(&mut self, _now: Instant, reason: Reason, debug: &'static str) {
        self.end_now(reason, debug);
    }

    /// Moves control frames and, fairly over streams, DATA into the output until it holds about `target` bytes.
    pub fn fill(&mut self, _now: Instant, target: usize) {
        self.transmit_up_to(target);
    }
    /// What is ready to be written; consume it as a [`bytes::Buf`] (vectored).
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }
    /// When `handle_timeout` wants to be called. Looked at after every mutation; never in the past twice.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_deadline()
    }
}
