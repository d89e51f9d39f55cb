//! The transparent retry of gRFC A6: calls that a server has certainly not processed go out again.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_http2::Reason;
use farcall_net::{
    Channel, Code, Status,
    interceptor::{Attempt, AttemptInterceptor},
    lb::balancer::PickOutcome,
};
use farcall_testkit::{
    scripted_peer::{Frame, ScriptedPeer, message, setting},
    stub_server::{StubServer, calls},
};
use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

type Peer = ScriptedPeer<TcpStream>;

/// A fake server for one connection.
async fn scripted<F>(play: impl FnOnce(Peer) -> F + Send + 'static) -> (SocketAddr, JoinHandle<()>)
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut peer = ScriptedPeer::accept(&listener).await.unwrap();
        drop(listener);
        peer.handshake().await;
        play(peer).await;
    });
    (address, task)
}

fn channel(addresses: &[SocketAddr]) -> Channel {
    let list: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
    let builder = Channel::builder(format!("ipv4:{}", list.join(",")));
    builder.insecure().build().unwrap()
}

/// Reads a unary request and answers how it looked.
async fn request(peer: &mut Peer, stream: u32) -> (Option<String>, Bytes) {
    let (head, end) = peer.expect_headers(stream).await;
    assert!(!end, "the message comes");
    let (data, end) = peer.expect_data(stream).await;
    assert!(end, "a unary request is one message");
    (head.get("tenant").map(str::to_owned), data)
}

async fn no_request_follows(peer: &mut Peer) {
    let rest = peer.expect_end().await;
    let request = |frame: &Frame| matches!(frame, Frame::Headers { .. } | Frame::Data { .. });
    assert!(!rest.iter().any(request), "{rest:?}");
}

async fn answer(peer: &mut Peer, stream: u32, text: &[u8]) {
    peer.response(stream).await;
    peer.data(stream, &message(text), false).await;
    peer.headers(stream, &[("grpc-status", "0")], true).await;
}

async fn unary(channel: &Channel, payload: Bytes) -> Result<Bytes, Status> {
    let call = calls::unary(channel, "/t.T/Any", payload).metadata("tenant", "blue");
    let outcome = within(PATIENCE, "the call", call.into_future()).await;
    outcome.map(|response| response.into_inner())
}

#[tokio::test]
async fn a_refused_call_is_sent_once_more_as_it_was() {
    for size in [0, 10, 100_000] {
        let (address, server) = scripted(move |mut peer| async move {
            peer.window_update(0, 1 << 20).await;
            peer.settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 20)])
                .await;
            let first = whole_request(&mut peer, 1).await;
            peer.rst(1, Reason::REFUSED_STREAM).await;
            let second = whole_request(&mut peer, 3).await;
            assert_eq!(first, second);
            assert_eq!(
                (first.0.as_deref(), first.1.len()),
                (Some("blue"), size + 5)
            );
            answer(&mut peer, 3, b"done").await;
            peer.expect_end().await;
        })
        .await;
        let channel = channel(&[address]);
        let reply = unary(&channel, Bytes::from(vec![7; size])).await;
        assert_eq!(reply.unwrap(), "done");
        drop(channel);
        within(PATIENCE, "the server", server).await.unwrap();
    }
}

/// As `request`, in any number of frames.
async fn whole_request(peer: &mut Peer, stream: u32) -> (Option<String>, Vec<u8>) {
    let (head, _) = peer.expect_headers(stream).await;
    let mut body = Vec::new();
    loop {
        let (data, end) = peer.expect_data(stream).await;
        body.extend_from_slice(&data);
        if end {
            return (head.get("tenant").map(str::to_owned), body);
        }
    }
}

#[tokio::test]
async fn a_call_that_is_refused_again_fails() {
    let (address, server) = scripted(|mut peer| async move {
        for stream in [1, 3] {
            request(&mut peer, stream).await;
            peer.rst(stream, Reason::REFUSED_STREAM).await;
        }
        no_request_follows(&mut peer).await;
    })
    .await;
    let channel = channel(&[address]);
    let status = unary(&channel, Bytes::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    drop(channel);
    within(PATIENCE, "the server", server).await.unwrap();
}

#[tokio::test]
async fn calls_above_the_last_stream_of_a_goaway_move_to_another_backend() {
    let (leaving, server) = scripted(|mut peer| async move {
        for stream in [1, 3, 5] {
            request(&mut peer, stream).await;
        }
        peer.goaway(1, Reason::NO_ERROR, "leaving").await;
        answer(&mut peer, 1, b"old").await;
        peer.expect_end().await;
    })
    .await;
    let other = StubServer::unary("/t.T/Any", |_| async { Ok(Bytes::from("new")) });
    let other = other.start().await;
    let channel = channel(&[leaving, other.address()]);
    channel.connect().await.unwrap();
    let call = || {
        let channel = channel.clone();
        tokio::spawn(async move { unary(&channel, Bytes::new()).await })
    };
    let mut replies = Vec::new();
    for call in [call(), call(), call()] {
        replies.push(call.await.unwrap().unwrap());
    }
    replies.sort();
    assert_eq!(replies, ["new", "new", "old"]);
    within(PATIENCE, "the server", server).await.unwrap();
}

#[tokio::test]
async fn a_stream_of_requests_is_sent_again_as_far_as_it_has_come_and_goes_on() {
    let (address, server) = scripted(|mut peer| async move {
        let messages = [message(b"one"), message(b"two")].concat();
        peer.expect_headers(1).await;
        let mut first = Vec::new();
        while first.len() < messages.len() {
            first.extend_from_slice(&peer.expect_data(1).await.0);
        }
        assert_eq!(first, messages);
        peer.rst(1, Reason::REFUSED_STREAM).await;
        peer.expect_headers(3).await;
        let mut second = Vec::new();
        while second.len() < messages.len() {
            second.extend_from_slice(&peer.expect_data(3).await.0);
        }
        assert_eq!(second, messages, "what was sent before comes first");
        peer.response(3).await;
        let mut rest = Vec::new();
        loop {
            let (data, end) = peer.expect_data(3).await;
            rest.extend_from_slice(&data);
            if end {
                break;
            }
        }
        assert_eq!(rest, message(b"three"));
        peer.headers(3, &[("grpc-status", "0")], true).await;
        peer.expect_end().await;
    })
    .await;
    let channel = channel(&[address]);
    let (mut requests, mut replies) = calls::bidi(&channel, "/t.T/Any").split();
    requests.send(Bytes::from("one")).await.unwrap();
    requests.send(Bytes::from("two")).await.unwrap();
    within(PATIENCE, "the head", replies.metadata())
        .await
        .unwrap();
    requests.send(Bytes::from("three")).await.unwrap();
    requests.half_close();
    let end = within(PATIENCE, "the end", replies.message())
        .await
        .unwrap();
    assert_eq!(end, None);
    drop((replies, channel));
    within(PATIENCE, "the server", server).await.unwrap();
}

#[tokio::test]
async fn a_call_whose_response_has_begun_is_not_sent_again() {
    let (address, server) = scripted(|mut peer| async move {
        request(&mut peer, 1).await;
        peer.response(1).await;
        peer.rst(1, Reason::REFUSED_STREAM).await;
        no_request_follows(&mut peer).await;
    })
    .await;
    let channel = channel(&[address]);
    let status = unary(&channel, Bytes::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    drop(channel);
    within(PATIENCE, "the server", server).await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_too_large_to_be_kept_is_not_sent_again() {
    let (address, server) = scripted(|mut peer| async move {
        peer.window_update(0, 1 << 20).await;
        peer.settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 20)])
            .await;
        whole_request(&mut peer, 1).await;
        peer.rst(1, Reason::REFUSED_STREAM).await;
        no_request_follows(&mut peer).await;
    })
    .await;
    let channel = channel(&[address]);
    let status = unary(&channel, Bytes::from(vec![7; 256 << 10]))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    drop(channel);
    within(PATIENCE, "the server", server).await.unwrap();
}

#[tokio::test]
async fn interceptors_of_attempts_are_asked_again_and_told_that_it_is_transparent() {
    type Notes = Arc<Mutex<Vec<String>>>;
    struct Noting(Notes);
    impl AttemptInterceptor for Noting {
        async fn on_start(&self, attempt: &mut Attempt) -> Result<(), Status> {
            let transparent = attempt.is_transparent_retry();
            let note = format!("{} {transparent}", attempt.number());
            attempt.metadata_mut().insert("tenant", note.clone());
            self.0.lock().unwrap().push(note);
            Ok(())
        }

        fn on_end(&self, _: &Attempt, outcome: &PickOutcome<'_>) {
            let note = format!("{} {}", outcome.status.code(), outcome.was_sent);
            self.0.lock().unwrap().push(note);
        }
    }
    let (address, server) = scripted(|mut peer| async move {
        let (tenant, _) = request(&mut peer, 1).await;
        assert_eq!(tenant.as_deref(), Some("1 false"));
        peer.rst(1, Reason::REFUSED_STREAM).await;
        let (tenant, _) = request(&mut peer, 3).await;
        assert_eq!(tenant.as_deref(), Some("1 true"));
        answer(&mut peer, 3, b"done").await;
        peer.expect_end().await;
    })
    .await;
    let notes = Notes::default();
    let channel = channel(&[address]).with_attempt_interceptor(Noting(Arc::clone(&notes)));
    assert_eq!(unary(&channel, Bytes::new()).await.unwrap(), "done");
    drop(channel);
    within(PATIENCE, "the server", server).await.unwrap();
    let expected = ["1 false", "UNAVAILABLE true", "1 true", "OK true"];
    assert_eq!(notes.lock().unwrap()[..], expected);
}
