//! Receive windows (RFC 9113 §6.9): what each end says of them, and whether it goes on to estimate what they should be.

use crate::echo::echo;
use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_net::{Channel, ChannelBuilder, Server};
use farcall_testkit::{
    scripted_peer::{Frame, ScriptedPeer, message},
    stub_server::{StubServer, calls},
};
use tokio::net::{TcpListener, TcpStream};

/// SETTINGS_INITIAL_WINDOW_SIZE.
const WINDOW: u16 = 4;

/// What an end said of its windows, and whether a PING measures the path once so much data has come that it gives credit.
#[derive(PartialEq, Debug)]
struct Seen {
    stream: u32,
    connection: u32,
    measures: bool,
}

/// Begins the connection behind our preface, or theirs: SETTINGS, and what is added to the connection's window.
async fn begin(peer: &mut ScriptedPeer<TcpStream>) -> Seen {
    peer.settings(&[]).await;
    let mut seen = Seen {
        stream: 65_535,
        connection: 65_535,
        measures: false,
    };
    loop {
        match peer.next_frame().await.expect("the connection lives") {
            Frame::Settings(settings) => {
                let window = settings.iter().find(|(name, _)| *name == WINDOW);
                seen.stream = window.map_or(seen.stream, |(_, value)| *value);
            }
            Frame::WindowUpdate {
                stream: 0,
                increment,
            } => seen.connection += increment,
            Frame::SettingsAck => return seen,
            _ => {}
        }
    }
}

/// Fills three quarters of the stream's window with messages that are read, and looks what comes of it: behind the answer to a PING of our own
/// the other end may still read, so that its credit is waited for.
async fn fill(peer: &mut ScriptedPeer<TcpStream>, mut seen: Seen) -> Seen {
    let piece = message(&[0; (8 << 10) - 5]);
    for _ in 0..seen.stream / 4 * 3 / (8 << 10) {
        peer.data(1, &piece, false).await;
    }
    let mut credit = false;
    while !credit {
        match peer.next_frame().await.expect("the connection lives") {
            Frame::WindowUpdate { .. } => credit = true,
            Frame::Ping { ack: false, .. } => seen.measures = true,
            _ => {}
        }
    }
    // A PING that rides with the credit has come by the time that ours is answered.
    peer.ping(77, false).await;
    loop {
        match peer.next_frame().await.expect("the connection lives") {
            Frame::Ping { ack: true, .. } => return seen,
            Frame::Ping { ack: false, .. } => seen.measures = true,
            _ => {}
        }
    }
}

async fn server(configure: fn(Server) -> Server) -> Seen {
    let stub = StubServer::client_streaming("/t.T/Read", |request| async move {
        let mut messages = request.into_inner();
        while messages.message().await?.is_some() {}
        Ok(Bytes::new())
    });
    let stub = stub.configure(configure).start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.preface().await;
    let seen = begin(&mut peer).await;
    peer.request(1, "/t.T/Read", &[]).await;
    within(PATIENCE, "the credit", fill(&mut peer, seen)).await
}

async fn channel(configure: fn(ChannelBuilder) -> ChannelBuilder) -> Seen {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let builder = Channel::builder(target).insecure();
    let channel = configure(builder).build().unwrap();
    let call = tokio::spawn(async move {
        let call = calls::server_streaming(&channel, "/t.T/Any", Bytes::new());
        let mut replies = call.await.unwrap();
        while let Ok(Some(_)) = replies.message().await {}
    });
    let mut peer = ScriptedPeer::accept(&listener).await.unwrap();
    peer.expect_preface().await;
    let seen = begin(&mut peer).await;
    peer.expect_headers(1).await;
    peer.response(1).await;
    let seen = within(PATIENCE, "the credit", fill(&mut peer, seen)).await;
    call.abort();
    seen
}

fn seen(stream: u32, connection: u32, measures: bool) -> Seen {
    Seen {
        stream,
        connection,
        measures,
    }
}

#[tokio::test]
async fn a_server_says_its_windows_at_the_start_and_measures_unless_they_are_fixed() {
    let default = server(|server| server).await;
    assert_eq!(default, seen(256 << 10, 1 << 20, true));
    let larger = server(|server| server.initial_windows(512 << 10, 2 << 20));
    assert_eq!(larger.await, seen(512 << 10, 2 << 20, true));
    let fixed = server(|server| server.static_windows(512 << 10, 2 << 20));
    assert_eq!(fixed.await, seen(512 << 10, 2 << 20, false));
    let last = server(|server| {
        server
            .static_windows(1, 65_535)
            .initial_windows(100_000, 200_000)
    });
    assert_eq!(last.await, seen(100_000, 200_000, true));
}

#[tokio::test]
async fn a_channel_says_its_windows_at_the_start_and_measures_unless_they_are_fixed() {
    let default = channel(|channel| channel).await;
    assert_eq!(default, seen(256 << 10, 1 << 20, true));
    let larger = channel(|channel| channel.initial_windows(512 << 10, 2 << 20));
    assert_eq!(larger.await, seen(512 << 10, 2 << 20, true));
    let fixed = channel(|channel| channel.static_windows(512 << 10, 2 << 20));
    assert_eq!(fixed.await, seen(512 << 10, 2 << 20, false));
}

#[tokio::test]
async fn windows_that_cannot_be_are_errors_of_either_end() {
    let error = echo()
        .server()
        .initial_windows(0, 1 << 20)
        .bind("127.0.0.1:0")
        .await;
    assert!(error.unwrap_err().to_string().contains("initial_windows"));
    let builder = Channel::builder("127.0.0.1:1").insecure();
    let error = builder.initial_windows(1, 65_534).build().unwrap_err();
    assert!(error.to_string().contains("initial_windows"), "{error}");
}
