//! A relay that passes bytes on badly: slowly, in slivers, or not at all.

use socket2::SockRef;
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What a relay does to the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Bytes that are written at once at most.
    pub slice: usize,
    /// Before each of these writes.
    pub delay: Duration,
}

/// A running relay. Dropping it ends its connections.
#[derive(Debug)]
pub struct Relay {
    /// Where clients connect to.
    pub address: SocketAddr,
    resets: watch::Sender<u32>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Passes on to `server`.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(server: SocketAddr, manners: Manners) -> io::Result<Relay> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (resets, watched) = watch::channel(0);
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(client, server, manners, watched.clone()));
            }
        });
        Ok(Relay {
            address,
            resets,
            connections,
            task,
        })
    }

    /// Ends all connections with a TCP reset, in both directions.
    pub fn reset(&self) {
        self.resets.send_modify(|count| *count += 1);
    }

    /// Connections that it has accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    client: TcpStream,
    server: SocketAddr,
    manners: Manners,
    mut resets: watch::Receiver<u32>,
) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    resets.mark_unchanged();
    for socket in [&client, &server] {
        socket.set_nodelay(true).ok();
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut up = tokio::spawn(copy(from_client, to_server, manners));
    let mut down = tokio::spawn(copy(from_server, to_client, manners));
    tokio::select! {
        _ = async { (&mut up).await.ok(); (&mut down).await.ok() } => return,
        // Also when the relay has gone.
        _ = resets.changed() => {}
    }
    up.abort();
    down.abort();
}

/// When it is aborted, the sockets are closed with a reset: that is what SO_LINGER 0 means.
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, manners: Manners) {
    let socket: &TcpStream = to.as_ref();
    SockRef::from(socket).set_linger(Some(Duration::ZERO)).ok();
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            let most = rest.len().min(manners.slice);
            // Evenly if it is about time, else at random.
            let size = if manners.delay.is_zero() && most < length {
                fastrand::usize(1..=most)
            } else {
                most
            };
            let (slice, behind) = rest.split_at(size);
            rest = behind;
            if !manners.delay.is_zero() {
                tokio::time::sleep(manners.delay).await;
            }
            if to.write_all(slice).await.is_err() {
                return;
            }
        }
    }
    // An orderly end is passed on as one.
    let socket: &TcpStream = to.as_ref();
    SockRef::from(socket).set_linger(None).ok();
    to.shutdown().await.ok();
}
