//! A server on HTTP/2 alone: any request gets 200 and a short body. A target for conformance tools.
//!
//! ```text
//! cargo run --example h2_target -- --port 8080
//! h2spec -S -p 8080 -P /
//! ```

use bytes::{Buf, Bytes, BytesMut};
use farcall_http2::{Config, Connection, Event, Field, KnownName, Part, StreamKey};
use std::{sync::Arc, time::Duration, time::Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time,
};

/// How long the end of the peer's input is waited for after the last write.
const LINGER: Duration = Duration::from_millis(500);

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port())).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(async move {
            // A broken socket ends its connection and nothing else.
            let _ = serve(socket).await;
        });
    }
}

/// The value of `--port`; 0, any free port, without it.
fn port() -> u16 {
    let mut args = std::env::args().skip_while(|arg| arg != "--port").skip(1);
    args.next().and_then(|port| port.parse().ok()).unwrap_or(0)
}

/// The driver: input, events, output, and again.
async fn serve(mut socket: TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut config = Config::default();
    config.max_concurrent_streams = 100;
    let mut connection = Connection::server(config, Instant::now());
    let mut input = BytesMut::new();
    let head = Arc::new(vec![
        Field::new(KnownName::Status, "200"),
        Field::new(KnownName::ContentType, "text/plain"),
        Field::new(KnownName::ContentLength, "14"),
    ]);
    loop {
        let now = Instant::now();
        while let Some(event) = connection.poll_event(now, &mut input) {
            match event {
                Event::Headers {
                    stream,
                    end_stream: true,
                    ..
                } => answer(&mut connection, now, stream, &head),
                Event::Data {
                    stream,
                    data,
                    end_stream,
                } => {
                    connection.release(now, stream, data.len());
                    if end_stream {
                        answer(&mut connection, now, stream, &head);
                    }
                }
                _ => {}
            }
        }
        connection.fill(now, 64 << 10);
        while connection.output().has_remaining() {
            socket.write_buf(connection.output()).await?;
            connection.fill(now, 64 << 10);
        }
        if connection.is_closed() {
            return linger(socket).await;
        }
        input.reserve(connection.input_hint().max(16 << 10));
        let deadline = connection.poll_timeout();
        tokio::select! {
            read = socket.read_buf(&mut input) => {
                if read? == 0 {
                    connection.handle_eof(Instant::now());
                }
            }
            () = sleep_until(deadline) => connection.handle_timeout(Instant::now()),
        }
    }
}

fn answer(connection: &mut Connection, now: Instant, stream: StreamKey, head: &Arc<Vec<Field>>) {
    // The stream may have been reset meanwhile: then nobody waits for the answer.
    let _ = connection.send_headers(now, stream, &[Part::Shared(head)], false);
    let _ = connection.send_data(now, stream, Bytes::from_static(b"hello, world!\n"), true);
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// An orderly end: a socket that is closed with unread input sends RST, and the peer may never see our GOAWAY.
async fn linger(mut socket: TcpStream) -> std::io::Result<()> {
    socket.shutdown().await?;
    let mut rest = [0; 4096];
    let drain = async { while socket.read(&mut rest).await.is_ok_and(|len| len > 0) {} };
    let _ = time::timeout(LINGER, drain).await;
    Ok(())
}
