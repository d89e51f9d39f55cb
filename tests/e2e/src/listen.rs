//! Servers that are nothing but a function of a connection.

use std::{future::Future, net::SocketAddr};
use tokio::net::{TcpListener, TcpStream};

/// Serves every connection by `serve`, on a free port.
///
/// # Panics
/// No port is free.
pub async fn listen<F>(serve: fn(TcpStream) -> F) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream));
        }
    });
    address
}
