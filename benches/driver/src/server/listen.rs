//! The server process.

use super::role::ServerRole;
use crate::{
    Failure,
    io::Io,
    setup::Setup,
    shape::{Owner, Queue},
    turn::Turn,
};
use farcall_http2::{Config, Connection};
use std::{net::SocketAddr, sync::Arc, time::Instant};
use tokio::net::{TcpListener, TcpStream};

/// Streams of one connection.
const MAX_STREAMS: u32 = 4096;

/// Prints the address and serves for ever.
///
/// # Errors
/// The socket could not be bound, or accepting failed.
pub(crate) async fn run(setup: Setup) -> Result<(), Failure> {
    let (listener, address) = listen().await?;
    println!("{address}");
    serve(listener, setup).await
}

/// A socket on a free port of the loopback.
///
/// # Errors
/// Those of the system.
pub(crate) async fn listen() -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Accepts for ever.
///
/// # Errors
/// Those of `accept`.
pub(crate) async fn serve(listener: TcpListener, setup: Setup) -> Result<(), Failure> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(connection(stream, setup.clone()));
    }
}

async fn connection(stream: TcpStream, setup: Setup) -> Result<(), Failure> {
    #[cfg(feature = "tls")]
    let io = match setup.tls {
        true => crate::tls::accept(stream).await?,
        false => Io::Tcp(stream),
    };
    #[cfg(not(feature = "tls"))]
    let io = Io::Tcp(stream);
    let mut config = Config::default();
    config.max_concurrent_streams = MAX_STREAMS;
    config.send_high_water = setup.water;
    config.initial_stream_window = setup.window;
    let connection = Connection::server(config, Instant::now());
    let queue = Arc::new(Queue::default());
    let role = ServerRole::new(Arc::clone(&queue), &setup);
    let turn = Turn::new(io, connection, role, &setup);
    Owner::new(turn, queue, &setup).await;
    Ok(())
}
