//! The machine: contract here, each concern in a file of its own.

mod abuse;
mod blocks;
mod budgets;
mod commands;
mod data;
mod dispatch;
mod goaway;
mod headers;
mod keepalive;
mod ping;
mod preface;
mod respond;
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
use abuse::Abuse;
use blocks::Blocks;
use budgets::Held;
use bytes::{Bytes, BytesMut};
use goaway::Going;
use keepalive::Keepalive;
use ping::Pings;
use settings::{LocalSettings, RemoteSettings};
use std::{collections::VecDeque, sync::Arc, time::Instant};
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
/// * Getters: [`role`](Self::role), [`is_closed`](Self::is_closed), [`is_draining`](Self::is_draining),
///   [`open_streams`](Self::open_streams), [`stream_limit`](Self::stream_limit), [`buffered`](Self::buffered), [`wants_write`](Self::wants_write),
///   [`input_hint`](Self::input_hint), [`windows`](Self::windows), [`stream_windows`](Self::stream_windows),
///   [`counted`](Self::counted), [`reads_paused`](Self::reads_paused).
/// * Inputs: [`poll_event`](Self::poll_event), [`handle_eof`](Self::handle_eof), [`handle_timeout`](Self::handle_timeout).
/// * Commands: everything that takes a [`StreamKey`], [`open`](Self::open), [`ping`](Self::ping),
///   [`drain`](Self::drain), [`shutdown`](Self::shutdown).
/// * Outputs: [`poll_event`](Self::poll_event) again, [`fill`](Self::fill), [`output`](Self::output),
///   [`poll_timeout`](Self::poll_timeout).
///
/// *Drain the outputs after every mutation*: a command may raise events (`Writable`, `CanOpen`, `Closed`) and an
/// input may queue frames. No call fails or panics on anything that a peer sends. Instants must not go back.
///
/// ```
/// use bytes::{Buf, Bytes, BytesMut};
/// use farcall_http2::{Config, Connection, Event, Field, KnownName, Part};
///
/// fn carry(from: &mut Connection, to: &mut BytesMut) {
///     from.fill(std::time::Instant::now(), 64 << 10);
///     let output = from.output();
///     to.extend_from_slice(&output.copy_to_bytes(output.remaining())); // a socket would `writev`
/// }
///
/// let now = std::time::Instant::now();
/// let mut client = Connection::client(Config::default(), now);
/// let mut server = Connection::server(Config::default(), now);
/// let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
///
/// let head = [
///     Field::new(KnownName::Method, "POST"),
///     Field::new(KnownName::Scheme, "http"),
///     Field::new(KnownName::Path, "/echo"),
/// ];
/// let call = client.open(now, &[Part::Fields(&head)], false)?;
/// client.send_data(now, call, Bytes::from_static(b"hello"), true)?;
/// carry(&mut client, &mut up);
///
/// while let Some(event) = server.poll_event(now, &mut up) {
///     if let Event::Data { stream, data, end_stream: true } = event {
///         server.release(now, stream, data.len());
///         let head = [Field::new(KnownName::Status, "200")];
///         server.send_headers(now, stream, &[Part::Fields(&head)], false)?;
///         server.send_data(now, stream, data, true)?;
///     }
/// }
/// carry(&mut server, &mut down);
///
/// let mut answer = None;
/// while let Some(event) = client.poll_event(now, &mut down) {
///     if let Event::Data { stream, data, .. } = event {
///         client.release(now, stream, data.len());
///         answer = Some((stream, data));
///     }
/// }
/// assert_eq!(answer, Some((call, Bytes::from_static(b"hello"))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    role: Role,
    /// Shared by many connections: it is as large as much of the rest.
    config: Arc<Config>,
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
    held: Held,
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
    /// A client's end; its preface, SETTINGS and window are in the output. Streams may be opened at once.
    pub fn client(config: impl Into<Arc<Config>>, now: Instant) -> Connection {
        let mut connection = Connection::new(Role::Client, Life::FirstSettings, config.into(), now);
        connection
            .output
            .frames(|out| out.extend_from_slice(PREFACE));
        connection.begin(now);
        connection
    }

    /// A server's end; its SETTINGS and window are in the output.
    pub fn server(config: impl Into<Arc<Config>>, now: Instant) -> Connection {
        let mut connection = Connection::new(Role::Server, Life::Preface(0), config.into(), now);
        connection.begin(now);
        connection
    }

    fn new(role: Role, life: Life, mut config: Arc<Config>, now: Instant) -> Connection {
        let allowed = MIN_MAX_FRAME_SIZE..=MAX_MAX_FRAME_SIZE;
        if !allowed.contains(&config.max_frame_size) {
            let size = config.max_frame_size;
            Arc::make_mut(&mut config).max_frame_size =
                size.clamp(*allowed.start(), *allowed.end());
        }
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
            held: Held::default(),
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

    /// Whether [`Event::Closed`] has been handed out. Nothing but writing the rest of the output is left to do.
    pub fn is_closed(&self) -> bool {
        self.life == Life::Over && self.events.is_empty()
    }

    /// Whether either side has sent GOAWAY.
    pub fn is_draining(&self) -> bool {
        self.going.is_going()
    }

    /// Streams that are open or half-closed, those included whose last DATA waits for a window.
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// How many streams the peer allows this side to have open (SETTINGS_MAX_CONCURRENT_STREAMS, RFC 9113 §6.5.2).
    pub fn stream_limit(&self) -> u32 {
        self.remote.max_streams
    }

    /// Whether there is anything to write: output, or a queued stream whose window allows it to send.
    pub fn wants_write(&self) -> bool {
        !self.output.is_empty() || self.schedule.has_ready()
    }

    /// DATA bytes accepted by [`send_data`](Self::send_data) for the stream and not yet moved into the output.
    pub fn buffered(&self, stream: StreamKey) -> usize {
        self.streams
            .peek(stream)
            .map_or(0, |stream| stream.queue.bytes())
    }

    /// Takes frames off the front of `input` until one yields an event. `None`: there is no event and `input`
    /// has no whole frame left; a part of one may remain, to be kept and appended to. DATA is handed on
    /// without a copy, in pieces of at least 4 KiB if its frame is larger and has not come whole. The driver may
    /// stop between events and pass the same `input` later. After the end, `input` is emptied.
    ///
    /// # Panics
    /// Never on what the peer sends. `input` must begin where the call before left off.
    pub fn poll_event(&mut self, now: Instant, input: &mut BytesMut) -> Option<Event> {
        let mut event = None;
        self.next_event(now, input, &mut event);
        event
    }

    /// How many bytes `input` must hold before [`poll_event`](Self::poll_event) can go on, after it returned `None`;
    /// 0 if nothing has begun. At most 9 bytes more than [`Config::max_frame_size`].
    pub fn input_hint(&self) -> usize {
        self.inbound.needed()
    }

    /// The peer closed its writing side: open streams are `Reset`, `Closed` follows.
    pub fn handle_eof(&mut self, _now: Instant) {
        self.on_eof();
    }

    /// [`poll_timeout`](Self::poll_timeout) has passed. Events and output may follow. Calling it early does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.on_timeout(now);
    }

    /// (client) Opens a stream with a request header list. Encoded at once, in call order.
    ///
    /// # Errors
    /// See [`OpenError`]; on a server always `GoingAway`. Nothing is sent then.
    pub fn open(
        &mut self,
        _now: Instant,
        head: &[Part<'_>],
        end_stream: bool,
    ) -> Result<StreamKey, OpenError> {
        self.open_stream(head, end_stream)
    }

    /// (client) A request that begins with `data`: as [`open`](Self::open), and then
    /// [`send_data_kept`](Self::send_data_kept), for less if the lists are [shared](Part::Shared) and remembered.
    ///
    /// # Errors
    /// As of `open`.
    #[inline]
    pub fn request(
        &mut self,
        now: Instant,
        head: &[Part<'_>],
        data: &Bytes,
        end_stream: bool,
    ) -> Result<StreamKey, OpenError> {
        self.start_request(now, head, data, end_stream)
    }

    /// Response headers (once), or trailers (with `end_stream`), which wait behind buffered DATA. One list with
    /// `end_stream` may be the whole response. When a server's END_STREAM leaves before the request has ended,
    /// RST_STREAM(NO_ERROR) follows it, the rest of the request is dropped and the key is dead (RFC 9113 §8.1).
    ///
    /// # Errors
    /// See [`SendError`]. The stream is as before.
    pub fn send_headers(
        &mut self,
        _now: Instant,
        stream: StreamKey,
        head: &[Part<'_>],
        end_stream: bool,
    ) -> Result<(), SendError> {
        self.submit_headers(stream, head, end_stream)
    }

    /// Payload. Always accepted in full: it goes straight to the output when windows and fairness allow, else it is
    /// buffered; a sender should pause while [`buffered`](Self::buffered) is at or above
    /// [`Config::send_high_water`], until [`Event::Writable`].
    /// `end_stream` rides on the last DATA frame; with empty `data` it is set on what is buffered, if anything.
    ///
    /// # Errors
    /// `StreamGone` if the stream or our side of it has ended, `OutOfOrder` before the response's header list.
    pub fn send_data(
        &mut self,
        now: Instant,
        stream: StreamKey,
        data: Bytes,
        end_stream: bool,
    ) -> Result<(), SendError> {
        self.submit_data(now, stream, data, end_stream)
    }

    /// (server) A whole response in one go: header list, one piece of DATA, trailers, as the three commands one after
    /// the other would send them, for less.
    ///
    /// # Errors
    /// Gives the data back if anything is in the way of doing it at once: an error, a window, other streams that wait for
    /// their turn, empty or long data, lists that are not [shared](Part::Shared) or not remembered yet. Nothing has
    /// happened then: send the pieces one by one.
    #[inline]
    pub fn respond(
        &mut self,
        _now: Instant,
        stream: StreamKey,
        head: &[Part<'_>],
        data: Bytes,
        trailers: &[Part<'_>],
    ) -> Result<(), Bytes> {
        self.try_respond(stream, [head, trailers], data)
    }

    /// As [`send_data`](Self::send_data), for one who keeps `data`: what is short is copied straight into the output.
    ///
    /// # Errors
    /// As of `send_data`.
    pub fn send_data_kept(
        &mut self,
        now: Instant,
        stream: StreamKey,
        data: &Bytes,
        end_stream: bool,
    ) -> Result<(), SendError> {
        self.submit_data_kept(now, stream, data, end_stream, || data.clone())
    }

    /// As [`send_data`](Self::send_data), for one who lends `data`: what is short is copied straight into the output, anything
    /// else into memory of its own.
    ///
    /// # Errors
    /// As of `send_data`.
    pub fn send_data_copied(
        &mut self,
        now: Instant,
        stream: StreamKey,
        data: &[u8],
        end_stream: bool,
    ) -> Result<(), SendError> {
        let own = || Bytes::copy_from_slice(data);
        self.submit_data_kept(now, stream, data, end_stream, own)
    }

    /// Ends the stream now: buffered DATA is dropped, RST_STREAM sent, no further events on it; frames of the peer
    /// that are on their way are ignored. What the reader still holds is settled by [`release`](Self::release).
    /// No effect on a stream that has ended.
    pub fn reset(&mut self, now: Instant, stream: StreamKey, reason: Reason) {
        self.submit_reset(now, stream, reason);
    }

    /// The reader has taken (or thrown away) `bytes` of the stream's DATA: returns credit. Works for dead
    /// keys too: then only the connection's account is settled. Bytes that are never released narrow the connection
    /// for ever, so release also what was unread when a stream was `Reset`. A reader that collects a
    /// large message releases what it collects, not the whole at its end: the connection's
    /// [`receive_budget`](Config::receive_budget) may be smaller than the message.
    pub fn release(&mut self, now: Instant, stream: StreamKey, bytes: usize) {
        self.return_credit(now, stream, bytes);
    }

    /// The reader waits for a message of which `bytes` more are missing: grants the stream window
    /// for them, so that a message larger than the window never deadlocks. The caller has checked its limit.
    /// Once per message is enough; the window is back to normal afterwards.
    pub fn expect(&mut self, now: Instant, stream: StreamKey, bytes: usize) {
        self.grant_credit(now, stream, bytes);
    }

    /// Sends a PING; [`Event::Pong`] answers. Several may be under way.
    pub fn ping(&mut self, _now: Instant, payload: u64) {
        if self.life != Life::Over {
            self.send_ping(ping::Purpose::User(payload));
        }
    }

    /// Graceful end. Server: GOAWAY(2^31−1) + PING, then GOAWAY(last id) on its answer or after
    /// [`Config::settings_timeout`] (RFC 9113 §6.8). Client: GOAWAY, no more `open`. `Closed` when the last stream
    /// is done. `debug` goes along for people to read. No effect the second time.
    pub fn drain(&mut self, now: Instant, debug: &'static str) {
        self.begin_drain(now, debug);
    }

    /// Ends now: GOAWAY with `reason`; open streams are `Reset`, `Closed` follows.
    pub fn shutdown(&mut self, _now: Instant, reason: Reason, debug: &'static str) {
        self.end_now(reason, debug);
    }

    /// Moves DATA of queued streams into the output, in turns of one frame, until it holds at least `target` bytes or
    /// nothing is left that windows allow. Frames other than DATA are in the output already.
    pub fn fill(&mut self, now: Instant, target: usize) {
        self.transmit_up_to(now, target);
    }

    /// What is ready to be written; consume it as a [`bytes::Buf`] (vectored).
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called. To be looked at after every mutation; not
    /// in the past again once `handle_timeout` has been called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_deadline()
    }
}
