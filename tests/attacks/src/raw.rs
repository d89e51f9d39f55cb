//! The attacker's end of a connection: writes what it is given, and notes what comes back.

use crate::{
    seen::{GoAway, Seen},
    wire::{PREFACE, Wire, flag, kind, setting},
};
use bytes::{Buf, BytesMut};
use farcall_http2::hpack::{DecodeLimits, Decoder};
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    net::TcpStream,
    time::{Instant, sleep_until, timeout_at},
};

/// Anything that bytes go through.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection under an attacker's hand.
pub(crate) struct Raw {
    rx: ReadHalf<Box<dyn Stream>>,
    tx: WriteHalf<Box<dyn Stream>>,
    input: BytesMut,
    decoder: Decoder,
    block: BytesMut,
    /// To be written by the next flush.
    pub(crate) out: Wire,
    pub(crate) seen: Seen,
    /// SETTINGS and PINGs are acknowledged.
    pub(crate) polite: bool,
    /// Received DATA is given back to the windows.
    pub(crate) generous: bool,
    /// Nothing is read.
    pub(crate) deaf: bool,
    /// How long a write may make no progress before the peer counts as one that has stopped reading.
    pub(crate) patience: Duration,
    broken: bool,
    /// What is left of the peer's connection preface.
    preface: usize,
}

impl Raw {
    pub(crate) fn new(io: impl Stream + 'static) -> Raw {
        let (rx, tx) = tokio::io::split(Box::new(io) as Box<dyn Stream>);
        Raw {
            rx,
            tx,
            input: BytesMut::new(),
            decoder: Decoder::new(4096),
            block: BytesMut::new(),
            out: Wire::default(),
            seen: Seen::default(),
            polite: true,
            generous: true,
            deaf: false,
            patience: Duration::from_millis(700),
            broken: false,
            preface: 0,
        }
    }

    /// A server's end.
    pub(crate) fn server(io: impl Stream + 'static) -> Raw {
        let mut raw = Raw::new(io);
        raw.preface = PREFACE.len();
        raw
    }

    /// A connection on which nothing has been said.
    pub(crate) async fn silent(addr: SocketAddr) -> io::Result<Raw> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Raw::new(stream))
    }

    /// A connection of a client that has said these SETTINGS and heard the server's.
    pub(crate) async fn open(addr: SocketAddr, settings: &[(u16, u32)]) -> io::Result<Raw> {
        let mut raw = Raw::silent(addr).await?;
        raw.begin(settings).await;
        Ok(raw)
    }

    /// Says the preface and these SETTINGS, and hears the server's.
    pub(crate) async fn begin(&mut self, settings: &[(u16, u32)]) {
        self.out.raw(PREFACE).settings(settings);
        self.until(Duration::from_secs(5), |seen| {
            seen.settings.is_some() && seen.settings_acks > 0
        })
        .await;
    }

    /// Writes all that is to be written, and reads meanwhile. False: the connection is over, or stuck.
    pub(crate) async fn flush(&mut self) -> bool {
        let (mut written, mut progress) = (0, Instant::now());
        while written < self.out.0.len() && !self.seen.closed && !self.broken {
            let mut chunk = [0; 16 << 10];
            tokio::select! {
                sent = self.tx.write(&self.out.0[written..]) => match sent {
                    Ok(n) => {
                        written += n;
                        progress = Instant::now();
                    }
                    Err(_) => self.broken = true,
                },
                got = self.rx.read(&mut chunk), if !self.deaf => self.on_read(got, &chunk),
                () = sleep_until(progress + self.patience) => {
                    self.seen.stuck = true;
                    break;
                }
            }
            if self.out.0.len() > 8 << 20 {
                self.out.0.drain(..written); // what is answered to a peer that floods
                written = 0;
            }
        }
        let whole = written == self.out.0.len();
        self.out.0.clear();
        if !self.seen.stuck && !self.deaf {
            self.tx.flush().await.ok();
        }
        whole
    }

    /// Writes what is to be written and reads until this holds, the connection is over or the time is up. Answers whether it
    /// holds.
    pub(crate) async fn until(&mut self, limit: Duration, done: impl Fn(&Seen) -> bool) -> bool {
        let end = Instant::now() + limit;
        loop {
            self.flush().await;
            if done(&self.seen) {
                return true;
            }
            if self.seen.closed {
                return false;
            }
            let mut chunk = [0; 16 << 10];
            let Ok(got) = timeout_at(end, self.rx.read(&mut chunk)).await else {
                return done(&self.seen);
            };
            self.on_read(got, &chunk);
        }
    }

    /// Waits until nothing more is to be expected: GOAWAY or the end.
    pub(crate) async fn until_over(&mut self, limit: Duration) {
        self.deaf = false;
        self.until(limit, |seen| seen.goaway.is_some()).await;
        // The end follows a GOAWAY at once, if it follows.
        let rest = limit.min(Duration::from_millis(200));
        self.until(rest, |seen| seen.closed).await;
    }

    /// Writes what `each` puts down, so many times, until the peer does something about it or the time is up. Answers how many
    /// went out.
    pub(crate) async fn flood(
        &mut self,
        times: usize,
        limit: Duration,
        mut each: impl FnMut(&mut Wire, usize),
    ) -> usize {
        let end = Instant::now() + limit;
        for i in 0..times {
            each(&mut self.out, i);
            if self.out.0.len() < 4 << 10 && i + 1 < times {
                continue;
            }
            if !self.flush().await || self.seen.goaway.is_some() || Instant::now() >= end {
                return i + 1;
            }
        }
        times
    }

    fn on_read(&mut self, got: io::Result<usize>, chunk: &[u8]) {
        match got {
            Ok(0) | Err(_) => self.seen.closed = true,
            Ok(n) => {
                self.input.extend_from_slice(&chunk[..n]);
                let preface = self.preface.min(self.input.len());
                self.input.advance(preface);
                self.preface -= preface;
                while self.on_frame() {}
            }
        }
    }

    /// Takes a frame out of the input, if it is whole.
    fn on_frame(&mut self) -> bool {
        let Some(head) = self.input.first_chunk::<9>() else {
            return false;
        };
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        if self.input.len() < 9 + len {
            return false;
        }
        self.input.advance(9);
        let payload = self.input.split_to(len);
        self.note(kind, flags, stream, &payload);
        true
    }

    fn note(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        if matches!(kind, kind::DATA | kind::HEADERS) && flags & flag::END_STREAM != 0 {
            self.seen.ended.push(stream);
        }
        match kind {
            kind::SETTINGS if flags & flag::ACK != 0 => self.seen.settings_acks += 1,
            kind::SETTINGS => {
                let entries = payload.chunks_exact(6).map(|entry| {
                    let value = [entry[2], entry[3], entry[4], entry[5]];
                    let id = u16::from_be_bytes([entry[0], entry[1]]);
                    (id, u32::from_be_bytes(value))
                });
                let entries: Vec<_> = entries.collect();
                let window = entries
                    .iter()
                    .find(|(id, _)| *id == setting::INITIAL_WINDOW_SIZE);
                self.seen.initial_window =
                    window.map(|(_, value)| *value).or(self.seen.initial_window);
                self.seen.settings = Some(entries);
                if self.polite {
                    self.out.settings_ack();
                }
            }
            kind::PING if flags & flag::ACK != 0 => self.seen.ping_acks += 1,
            kind::PING if self.polite => {
                self.out.frame(kind::PING, flag::ACK, 0, payload);
            }
            kind::DATA => {
                self.seen.data += payload.len() as u64;
                if self.generous && !payload.is_empty() {
                    self.out.window(0, payload.len() as u32);
                    if flags & flag::END_STREAM == 0 {
                        self.out.window(stream, payload.len() as u32);
                    }
                }
            }
            kind::HEADERS => {
                self.block = payload.into();
                self.end_of_block(flags, stream);
            }
            kind::CONTINUATION => {
                self.block.extend_from_slice(payload);
                self.end_of_block(flags, stream);
            }
            kind::WINDOW_UPDATE if payload.len() == 4 => {
                *self.seen.increments.entry(stream).or_default() += u64::from(be(payload));
            }
            kind::RST_STREAM if payload.len() == 4 => {
                self.seen.resets.insert(stream, be(payload));
            }
            kind::GOAWAY if payload.len() >= 8 => {
                let debug = String::from_utf8_lossy(&payload[8..]).into_owned();
                let code = be(&payload[4..]);
                self.seen.goaway = Some(GoAway { code, debug });
            }
            _ => {}
        }
    }

    /// A list of the peer's. Ours to read is what it says about the call.
    fn end_of_block(&mut self, flags: u8, stream: u32) {
        if flags & flag::END_HEADERS == 0 {
            return;
        }
        let block = std::mem::take(&mut self.block);
        let mut list = Vec::new();
        let sink = |name: farcall_http2::Name, value: bytes::Bytes, _| {
            list.push((String::from_utf8_lossy(name.as_bytes()).into_owned(), value));
        };
        let limits = DecodeLimits {
            max_list_size: 1 << 20,
            max_count: 10_000,
            max_string: 1 << 20,
        };
        if self.decoder.decode(&block, limits, sink).is_err() {
            return;
        }
        for (name, value) in list {
            let text = String::from_utf8_lossy(&value).into_owned();
            let number = text.parse().unwrap_or(u32::MAX);
            match name.as_str() {
                ":status" => drop(self.seen.http.insert(stream, number)),
                "grpc-status" => drop(self.seen.status.insert(stream, number)),
                "grpc-message" => drop(self.seen.message.insert(stream, text)),
                _ => {}
            }
        }
    }
}

fn be(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}
