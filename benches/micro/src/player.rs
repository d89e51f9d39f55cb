//! The replay: a byte stream whose peer is a tape.

use crate::Tape;
use bytes::{Buf, Bytes};
use std::{
    collections::VecDeque,
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
    time::Sleep,
};

/// One end of a recorded conversation; the other end says what the tape has.
///
/// Each write of the peer can be read once this side has written as much as it had when the peer wrote. If this side falls
/// silent before that, because it groups its output otherwise than it did in the recording, the peer goes on all the same.
#[derive(Debug)]
pub struct Player {
    /// The peer's writes: after how many of our bytes, and how long.
    input: VecDeque<(usize, usize)>,
    bytes: Bytes,
    written: usize,
    /// Bytes that this side wrote in the recording.
    expected: usize,
    silences: usize,
    reader: Option<Waker>,
    silence: Option<Pin<Box<Sleep>>>,
    over: Option<oneshot::Sender<Report>>,
}

/// How a replay went.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Bytes that this side wrote.
    pub written: usize,
    /// Bytes that it wrote in the recording.
    pub expected: usize,
    /// How often it fell silent before the tape expected it.
    pub silences: usize,
}

impl Player {
    /// The client's end of the conversation or the server's, and what fires when the tape is at its end.
    pub fn new(tape: &Tape, client: bool) -> (Player, oneshot::Receiver<Report>) {
        let (mut input, mut expected) = (VecDeque::new(), 0);
        for &(by_client, len) in &tape.writes {
            let len = len as usize;
            if by_client == client {
                expected += len;
            } else {
                input.push_back((expected, len));
            }
        }
        let bytes = if client { &tape.server } else { &tape.client };
        let (over, end) = oneshot::channel();
        let player = Player {
            input,
            bytes: bytes.clone(),
            written: 0,
            expected,
            silences: 0,
            reader: None,
            silence: None,
            over: Some(over),
        };
        (player, end)
    }

    /// Waits until it is the peer's turn; answers how much the peer says.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let (after, len) = self.input.front().copied().unwrap_or((self.expected, 0));
        if self.written < after {
            self.reader = Some(cx.waker().clone());
            // The clock only moves when nothing else does.
            let silence = self
                .silence
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(Duration::from_micros(1))));
            ready!(silence.as_mut().poll(cx));
            self.silences += 1;
        }
        self.silence = None;
        Poll::Ready(len)
    }
}

impl AsyncRead for Player {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.over.is_none() {
            return Poll::Pending;
        }
        let len = ready!(this.poll_turn(cx)).min(buf.remaining());
        let Some((_, left)) = this.input.front_mut() else {
            let report = Report {
                written: this.written,
                expected: this.expected,
                silences: this.silences,
            };
            if let Some(over) = this.over.take() {
                over.send(report).ok();
            }
            return Poll::Pending;
        };
        buf.put_slice(&this.bytes[..len]);
        this.bytes.advance(len);
        *left -= len;
        if *left == 0 {
            this.input.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Player {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let len = slices.iter().map(|slice| slice.len()).sum();
        this.written += len;
        if let Some(reader) = this.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(len))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
