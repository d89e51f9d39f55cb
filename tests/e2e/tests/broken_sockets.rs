//! Sockets that fail in one direction, and answers that lie in them when a timer rings.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_net::{Address, Channel, Code, client::ByteStream};
use farcall_testkit::{
    scripted_peer::{Frame, ScriptedPeer, message},
    stub_server::calls,
};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

#[derive(Default)]
struct Switch {
    /// Nothing can be read for now.
    deaf: AtomicBool,
    /// Writing fails, and reading works again from then on.
    broken: AtomicBool,
}

struct Fragile {
    inner: DuplexStream,
    switch: Arc<Switch>,
}

impl AsyncRead for Fragile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.switch.deaf.load(Ordering::Relaxed) {
            true => Poll::Pending,
            false => Pin::new(&mut self.inner).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Fragile {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.switch.broken.load(Ordering::Relaxed) {
            self.switch.deaf.store(false, Ordering::Relaxed);
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A channel over one such stream, and the other end of it.
fn pair(
    settings: impl FnOnce(farcall_net::ChannelBuilder) -> farcall_net::ChannelBuilder,
) -> (Channel, ScriptedPeer<DuplexStream>, Arc<Switch>) {
    let switch = Arc::new(Switch::default());
    let (near, far) = duplex(1 << 20);
    let near = Mutex::new(Some(Fragile {
        inner: near,
        switch: Arc::clone(&switch),
    }));
    let connect = move |_: &Address| {
        let near = near.lock().unwrap().take();
        Box::pin(async move {
            let near = near.ok_or(io::ErrorKind::ConnectionRefused)?;
            Ok(Box::new(near) as Box<dyn ByteStream>)
        }) as _
    };
    let builder = Channel::builder("passthrough:///pair").connector(connect);
    let channel = settings(builder.insecure()).build().unwrap();
    (channel, ScriptedPeer::server(far), switch)
}

#[tokio::test]
async fn an_answer_that_came_before_writing_failed_arrives() {
    let (channel, mut server, switch) = pair(|channel| channel);
    let call = || tokio::spawn(calls::unary(&channel, "/t.T/Any", Bytes::new()).into_future());
    let first = call();
    server.handshake().await;
    server.expect_headers(1).await;
    server.expect_data(1).await;
    switch.deaf.store(true, Ordering::Relaxed);
    server.response(1).await;
    server.data(1, &message(b"the answer"), false).await;
    server.headers(1, &[("grpc-status", "0")], true).await;
    server.close().await;
    switch.broken.store(true, Ordering::Relaxed);
    let second = call();
    let reply = within(PATIENCE, "the answer", first)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(*reply, "the answer");
    let status = within(PATIENCE, "the failure", second)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_ping_counts_although_the_process_slept_beyond_its_time() {
    let (interval, timeout) = (Duration::from_secs(10), Duration::from_secs(1));
    let (channel, mut server, _) = pair(|channel| channel.keepalive(interval, timeout, true));
    server.set_patience(10 * interval);
    server.set_polite(false);
    let connected = tokio::spawn({
        let channel = channel.clone();
        async move { channel.connect().await }
    });
    server.expect_preface().await;
    server.settings(&[]).await;
    server.settings_ack().await;
    within(PATIENCE, "the connection", connected)
        .await
        .unwrap()
        .unwrap();
    let payload = loop {
        let frame = server.next_frame().await.expect("the connection lives");
        if let Frame::Ping {
            ack: false,
            payload,
        } = frame
        {
            break payload;
        }
    };
    server.ping(payload, true).await;
    // The answer is there, but the process does not run before its time is over.
    tokio::time::advance(5 * timeout).await;
    let call = tokio::spawn(calls::unary(&channel, "/t.T/Any", Bytes::new()).into_future());
    loop {
        let frame = server.next_frame().await.expect("the connection lives");
        if matches!(
            frame,
            Frame::Data {
                end_stream: true,
                ..
            }
        ) {
            break;
        }
    }
    server.response(1).await;
    server.data(1, &message(b"alive"), false).await;
    server.headers(1, &[("grpc-status", "0")], true).await;
    let reply = within(PATIENCE, "the reply", call).await.unwrap();
    assert_eq!(*reply.unwrap(), "alive");
}
