//! A pair of byte streams over the simulated network, for programs that run on tokio.

use super::{Arrival, Link, NetConfig, Side};
use crate::Rng;
use bytes::BytesMut;
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Instant,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// Two connected byte streams, and the control over the network between them. Time is tokio's clock: under
/// `tokio::time::pause` (or `#[tokio::test(start_paused = true)]`) it is simulated.
///
/// ```
/// use farcall_testkit::sim::{NetConfig, duplex};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> std::io::Result<()> {
/// let start = tokio::time::Instant::now();
/// let (mut client, mut server, _control) = duplex(7, NetConfig { delay: std::time::Duration::from_secs(60), ..NetConfig::default() });
/// client.write_all(b"hello").await?;
/// drop(client);
/// let mut text = String::new();
/// server.read_to_string(&mut text).await?;
/// assert_eq!((text.as_str(), start.elapsed().as_secs()), ("hello", 60));
/// # Ok(())
/// # }
/// ```
pub fn duplex(seed: u64, net: NetConfig) -> (SimStream, SimStream, Control) {
    let mut rng = Rng::new(seed);
    let lane = |link| Lane {
        link,
        reader: None,
        writer: None,
    };
    let up = lane(Link::new(net.clone(), rng.fork()));
    let down = lane(Link::new(net, rng.fork()));
    let wire = Arc::new(Mutex::new(Wire { up, down }));
    let stream = |side| SimStream {
        side,
        wire: Arc::clone(&wire),
        input: BytesMut::new(),
        sleep: None,
    };
    (
        stream(Side::Client),
        stream(Side::Server),
        Control {
            wire: Arc::clone(&wire),
        },
    )
}

/// One end of a [`duplex`]. Dropping it, or shutting it down, lets the other end read the end of the stream behind
/// what is under way.
pub struct SimStream {
    side: Side,
    wire: Arc<Mutex<Wire>>,
    /// What has arrived and did not fit into the reader's buffer.
    input: BytesMut,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// Breaks or stalls the network under a [`duplex`] from outside.
#[derive(Clone)]
pub struct Control {
    wire: Arc<Mutex<Wire>>,
}

struct Wire {
    up: Lane,
    down: Lane,
}

/// One direction.
struct Lane {
    link: Link,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Lane {
    fn wake(&mut self) {
        [self.reader.take(), self.writer.take()]
            .into_iter()
            .flatten()
            .for_each(Waker::wake);
    }
}

impl Wire {
    /// The direction that `side` writes to.
    fn from(&mut self, side: Side) -> &mut Lane {
        match side {
            Side::Client => &mut self.up,
            Side::Server => &mut self.down,
        }
    }
}

fn lock(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Control {
    /// The connection breaks: readers get what still arrives, then `ConnectionReset`; writers `BrokenPipe`.
    pub fn lose(&self) {
        let mut wire = lock(&self.wire);
        for side in Side::BOTH {
            wire.from(side).link.lose();
            wire.from(side).wake();
        }
    }

    /// `side` gets nothing to read any more (`true`), or again.
    pub fn stall(&self, side: Side, stalled: bool) {
        let mut wire = lock(&self.wire);
        wire.from(side.other()).link.stall(stalled);
        wire.from(side.other()).wake();
    }

    /// Bytes that `side` has written and the other has not read.
    pub fn under_way(&self, side: Side) -> usize {
        lock(&self.wire).from(side).link.held()
    }
}

impl SimStream {
    /// Waits in `input` for at least a byte; `Ok(false)` at the end.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            if !self.input.is_empty() {
                return Poll::Ready(Ok(true));
            }
            let mut wire = lock(&self.wire);
            let lane = wire.from(self.side.other());
            match lane.link.read(now(), &mut self.input) {
                Arrival::Bytes(_) => {
                    if let Some(writer) = lane.writer.take() {
                        writer.wake();
                    }
                    return Poll::Ready(Ok(true));
                }
                Arrival::End if lane.link.is_lost() => {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
                Arrival::End => return Poll::Ready(Ok(false)),
                Arrival::Nothing => {}
            }
            lane.reader = Some(cx.waker().clone());
            let Some(at) = lane.link.next_arrival() else {
                return Poll::Pending;
            };
            drop(wire);
            let sleep = self
                .sleep
                .insert(Box::pin(tokio::time::sleep_until(at.into())));
            ready!(sleep.as_mut().poll(cx));
        }
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if ready!(this.poll_input(cx))? {
            let piece = this.input.split_to(this.input.len().min(buf.remaining()));
            buf.put_slice(&piece);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut wire = lock(&self.wire);
        let lane = wire.from(self.side);
        if lane.link.is_lost() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if !data.is_empty() && lane.link.room() == 0 {
            lane.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let written = lane.link.write(now(), &mut data);
        if let Some(reader) = lane.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = lock(&self.wire);
        let lane = wire.from(self.side);
        lane.link.close(now());
        lane.wake();
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        let mut wire = lock(&self.wire);
        let lane = wire.from(self.side);
        lane.link.close(now());
        lane.wake();
    }
}

impl std::fmt::Debug for SimStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimStream")
            .field("side", &self.side)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Control")
    }
}

#[cfg(test)]
mod tests;
