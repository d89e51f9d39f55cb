//! The recording: client and server in one thread, over a wire in memory.

use crate::{Error, Scenario, Tape, run_client, server};
use bytes::{Buf, Bytes, BytesMut};
use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Runs a scenario with so many rounds for each task, client against server; a tape for each connection. To be called on
/// [`runtime`](crate::runtime).
///
/// # Errors
/// As [`run_client`].
pub async fn record(scenario: &Scenario, rounds: usize) -> Result<Vec<Tape>, Error> {
    let (mut clients, mut serving, mut recordings) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scenario.work.connections() {
        let (client, server_end, recording) = recorded_pair();
        serving.push(tokio::spawn(server(scenario.work)?.serve(server_end)));
        clients.push(client);
        recordings.push(recording);
    }
    let channel = run_client(scenario, rounds, clients).await?;
    let tapes = recordings.iter().map(Recording::tape).collect();
    drop(channel);
    serving.iter().for_each(|task| task.abort());
    Ok(tapes)
}

/// The client's and the server's end of a wire in memory without delay or limit, and what is written to it.
pub fn recorded_pair() -> (End, End, Recording) {
    let wire = Arc::new(Mutex::new(Wire::default()));
    let end = |client| End {
        wire: Arc::clone(&wire),
        client,
    };
    let (client, server) = (end(true), end(false));
    (client, server, Recording { wire })
}

/// What both ends have written.
#[derive(Clone, Debug)]
pub struct Recording {
    wire: Arc<Mutex<Wire>>,
}

impl Recording {
    /// All of it until now.
    pub fn tape(&self) -> Tape {
        lock(&self.wire).tape()
    }
}

#[derive(Debug, Default)]
struct Wire {
    writes: Vec<(bool, u32)>,
    up: Lane,
    down: Lane,
}

#[derive(Debug, Default)]
struct Lane {
    all: BytesMut,
    under_way: VecDeque<Bytes>,
    reader: Option<Waker>,
}

impl Wire {
    fn lane(&mut self, client: bool) -> &mut Lane {
        if client { &mut self.up } else { &mut self.down }
    }

    fn tape(&mut self) -> Tape {
        Tape {
            writes: self.writes.clone(),
            client: self.up.all.clone().freeze(),
            server: self.down.all.clone().freeze(),
        }
    }
}

/// One end of a [`recorded_pair`].
#[derive(Debug)]
pub struct End {
    wire: Arc<Mutex<Wire>>,
    client: bool,
}

fn lock(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = lock(&self.wire);
        let lane = wire.lane(!self.client);
        let Some(piece) = lane.under_way.front_mut() else {
            lane.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let len = piece.len().min(buf.remaining());
        buf.put_slice(&piece[..len]);
        piece.advance(len);
        if piece.is_empty() {
            lane.under_way.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
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
        let mut wire = lock(&self.wire);
        let mut piece = BytesMut::new();
        for slice in slices {
            piece.extend_from_slice(slice);
        }
        let (len, piece) = (piece.len(), piece.freeze());
        wire.writes.push((self.client, len as u32));
        let lane = wire.lane(self.client);
        lane.all.extend_from_slice(&piece);
        lane.under_way.push_back(piece);
        if let Some(reader) = lane.reader.take() {
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
