//! The machine: contract here, each concern in a file of its own.

#![allow(unused_variables, clippy::todo)]

use crate::{Config, Event, OpenError, Output, Part, Reason, SendError, StreamKey};
use bytes::{Bytes, BytesMut};
use std::time::Instant;

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
pub struct Connection {}

impl Connection {
    /// A client's end; its preface is queued for output.
    pub fn client(config: Config, now: Instant) -> Connection {
        todo!()
    }
    /// A server's end; its SETTINGS are queued for output.
    pub fn server(config: Config, now: Instant) -> Connection {
        todo!()
    }

    /// Which end this is.
    pub fn role(&self) -> Role {
        todo!()
    }
    /// After `Event::Closed`.
    pub fn is_closed(&self) -> bool {
        todo!()
    }
    /// Whether either side has sent GOAWAY.
    pub fn is_draining(&self) -> bool {
        todo!()
    }
    /// Streams that are not closed.
    pub fn open_streams(&self) -> usize {
        todo!()
    }
    /// Whether there is anything to write: output, or a queued stream that windows allow to send.
    pub fn wants_write(&self) -> bool {
        todo!()
    }
    /// DATA bytes accepted by `send_data` for the stream and not yet moved into the output.
    pub fn buffered(&self, stream: StreamKey) -> usize {
        todo!()
    }

    /// Takes whole frames off the front of `input` until one yields an event. `None`: `input` has no
    /// whole frame left (a part of one may remain: keep it and append). Large DATA frames need not be
    /// whole: what has arrived is handed on. The driver may stop between events.
    pub fn poll_event(&mut self, now: Instant, input: &mut BytesMut) -> Option<Event> {
        todo!()
    }
    /// The number of bytes that `input` should have room for so that the frame at its front fits; 0 if unknown.
    pub fn input_hint(&self) -> usize {
        todo!()
    }
    /// The peer closed its writing side. Events follow.
    pub fn handle_eof(&mut self, now: Instant) {
        todo!()
    }
    /// `poll_timeout` has passed. Events and output may follow.
    pub fn handle_timeout(&mut self, now: Instant) {
        todo!()
    }

    /// (client) Opens a stream with a request header list. Encoded at once, in call order.
    pub fn open(
        &mut self,
        now: Instant,
        head: &[Part<'_>],
        end_stream: bool,
    ) -> Result<StreamKey, OpenError> {
        todo!()
    }
    /// Response headers, or trailers (`end_stream`): trailers wait behind buffered DATA.
    pub fn send_headers(
        &mut self,
        now: Instant,
        stream: StreamKey,
        head: &[Part<'_>],
        end_stream: bool,
    ) -> Result<(), SendError> {
        todo!()
    }
    /// Payload. Always accepted: goes straight to the output when windows and fairness allow, else is buffered;
    /// a sender should pause while `buffered` is above the high-water mark, until `Event::Writable`.
    /// `end_stream` rides on the last DATA frame; with empty `data` it is set on what is buffered, if anything.
    pub fn send_data(
        &mut self,
        now: Instant,
        stream: StreamKey,
        data: Bytes,
        end_stream: bool,
    ) -> Result<(), SendError> {
        todo!()
    }
    /// Ends the stream now: buffered DATA is dropped, RST_STREAM sent, no further events on it.
    /// No effect on a stream that has ended.
    pub fn reset(&mut self, now: Instant, stream: StreamKey, reason: Reason) {
        todo!()
    }
    /// The reader has taken (or thrown away) `bytes` of the stream's DATA: returns credit. Works for dead
    /// keys too: then only the connection's account is settled.
    pub fn release(&mut self, now: Instant, stream: StreamKey, bytes: usize) {
        todo!()
    }
    /// The reader waits for a message of which `bytes` more are missing: grants the stream window
    /// for them, so that a message larger than the window never deadlocks. The caller has checked its limit.
    pub fn expect(&mut self, now: Instant, stream: StreamKey, bytes: usize) {
        todo!()
    }
    /// Sends a PING; `Event::Pong` answers.
    pub fn ping(&mut self, now: Instant, payload: u64) {
        todo!()
    }
    /// Graceful end. Server: GOAWAY(2^31−1) + PING, then GOAWAY(last id) on its answer (RFC 9113 §6.8).
    /// Client: GOAWAY, no more `open`. `Event::Closed` when the last stream is done.
    pub fn drain(&mut self, now: Instant, debug: &'static str) {
        todo!()
    }
    /// Ends now: GOAWAY with `reason`; open streams are `Reset`, `Closed` follows.
    pub fn shutdown(&mut self, now: Instant, reason: Reason, debug: &'static str) {
        todo!()
    }

    /// Moves control frames and, fairly over streams, DATA into the output until it holds about `target` bytes.
    pub fn fill(&mut self, now: Instant, target: usize) {
        todo!()
    }
    /// What is ready to be written; consume it as a [`bytes::Buf`] (vectored).
    pub fn output(&mut self) -> &mut Output {
        todo!()
    }
    /// When `handle_timeout` wants to be called. Looked at after every mutation; never in the past twice.
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }
}
