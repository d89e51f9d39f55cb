//! Attempts that end with their connection, or never get one.

use super::*;
use farcall_e2e::{PATIENCE, within};
use farcall_http2::Reason;
use farcall_testkit::scripted_peer::{ScriptedPeer, message};
use std::{
    future::{Future, IntoFuture},
    net::SocketAddr,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

type Peer = ScriptedPeer<TcpStream>;

/// Short pauses, on real time.
fn quick(attempts: u32, codes: &str) -> String {
    policy(attempts, codes)
        .replace("1s", "0.01s")
        .replace("4s", "0.02s")
}

/// A fake server for one connection after the other, each with its own part of the play.
async fn scripted<F>(
    count: usize,
    play: impl Fn(usize, Peer) -> F + Send + 'static,
) -> (SocketAddr, JoinHandle<()>)
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        for index in 0..count {
            let mut peer = ScriptedPeer::accept(&listener).await.unwrap();
            peer.handshake().await;
            play(index, peer).await;
        }
    });
    (address, task)
}

fn channel(address: SocketAddr, config: &str) -> Channel {
    let builder = Channel::builder(format!("ipv4:{address}"));
    builder
        .insecure()
        .default_service_config(config)
        .build()
        .unwrap()
}

/// Reads a unary request; what it says about attempts before it.
async fn request(peer: &mut Peer, stream: u32) -> Option<String> {
    let (head, _) = peer.expect_headers(stream).await;
    let (data, end) = peer.expect_data(stream).await;
    assert_eq!((data, end), (message(b"request"), true));
    head.get("grpc-previous-rpc-attempts").map(str::to_owned)
}

async fn answer(peer: &mut Peer, stream: u32) {
    peer.response(stream).await;
    peer.data(stream, &message(b"done"), false).await;
    peer.headers(stream, &[("grpc-status", "0")], true).await;
}

/// Answers the last attempt; the connection ends when its channel is gone.
async fn serve_last(mut peer: Peer) {
    answer(&mut peer, 1).await;
    peer.expect_end().await;
}

/// A call, in at most so many attempts, which the server answers in the end.
async fn succeeds((address, server): (SocketAddr, JoinHandle<()>), attempts: u32) {
    let channel = channel(address, &quick(attempts, r#""UNAVAILABLE""#));
    let call = calls::unary(&channel, PATH, Bytes::from("request"));
    let reply = within(PATIENCE, "the call", call.into_future())
        .await
        .unwrap();
    assert_eq!(reply.into_inner(), "done");
    drop(channel);
    within(PATIENCE, "the server", server).await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_cut_with_its_connection_is_tried_again_on_another_one() {
    let server = scripted(3, |index, mut peer| async move {
        let previous = request(&mut peer, 1).await;
        let expected = (index > 0).then(|| index.to_string());
        assert_eq!(previous, expected);
        if index < 2 {
            return drop(peer);
        }
        serve_last(peer).await;
    })
    .await;
    succeeds(server, 3).await;
}

#[tokio::test]
async fn a_call_that_loses_its_last_connection_tells_of_each() {
    let (address, server) = scripted(2, |_, mut peer| async move {
        request(&mut peer, 1).await;
    })
    .await;
    let channel = channel(address, &quick(2, r#""UNAVAILABLE""#));
    let status = within(PATIENCE, "the call", unary(&channel))
        .await
        .unwrap_err();
    assert_eq!((status.code(), status.attempts()), (Code::Unavailable, 2));
    assert!(status.previous_attempts()[0].cause().is_some(), "{status}");
    within(PATIENCE, "the server", server).await.unwrap();
}

#[tokio::test]
async fn resets_are_tried_again_by_the_code_that_they_mean() {
    for (reason, codes, again) in [
        (Reason::INTERNAL_ERROR, r#""INTERNAL""#, true),
        (Reason::INTERNAL_ERROR, r#""UNAVAILABLE""#, false),
        (Reason::ENHANCE_YOUR_CALM, r#""RESOURCE_EXHAUSTED""#, true),
        (Reason::CANCEL, r#""CANCELLED""#, true),
    ] {
        let (address, server) = scripted(1, move |_, mut peer| async move {
            request(&mut peer, 1).await;
            peer.rst(1, reason).await;
            if again {
                assert_eq!(request(&mut peer, 3).await.as_deref(), Some("1"));
                answer(&mut peer, 3).await;
            }
            peer.expect_end().await;
        })
        .await;
        let channel = channel(address, &quick(3, codes));
        let outcome = within(PATIENCE, "the call", unary(&channel)).await;
        assert_eq!(outcome.is_ok(), again, "{reason}");
        drop(channel);
        within(PATIENCE, "the server", server).await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_call_goes_out_again_unseen_once_and_then_by_the_policy() {
    let (address, server) = scripted(1, |_, mut peer| async move {
        for (stream, previous) in [(1, None), (3, None), (5, Some("1"))] {
            assert_eq!(request(&mut peer, stream).await.as_deref(), previous);
            peer.rst(stream, Reason::REFUSED_STREAM).await;
        }
        peer.expect_end().await;
    })
    .await;
    let channel = channel(address, &quick(2, r#""UNAVAILABLE""#));
    let status = within(PATIENCE, "the call", unary(&channel))
        .await
        .unwrap_err();
    assert_eq!(status.attempts(), 2);
    drop(channel);
    within(PATIENCE, "the server", server).await.unwrap();
}

#[tokio::test]
async fn a_call_of_which_a_goaway_leaves_nothing_is_tried_again_elsewhere() {
    let server = scripted(2, |index, mut peer| async move {
        assert_eq!(
            request(&mut peer, 1).await,
            None,
            "transparent retries do not count"
        );
        if index == 0 {
            peer.goaway(0, Reason::NO_ERROR, "leaving").await;
            return;
        }
        serve_last(peer).await;
    })
    .await;
    succeeds(server, 2).await;
}

#[tokio::test]
async fn a_server_that_goes_away_and_then_dies_is_followed_by_another_attempt() {
    let server = scripted(2, |index, mut peer| async move {
        request(&mut peer, 1).await;
        if index == 0 {
            peer.goaway(1, Reason::NO_ERROR, "leaving").await;
            return drop(peer);
        }
        serve_last(peer).await;
    })
    .await;
    succeeds(server, 2).await;
}

#[tokio::test]
async fn calls_that_find_nobody_are_tried_again_and_calls_that_wait_are_not_failed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let channel = channel(address, &quick(3, r#""UNAVAILABLE""#));
    let status = within(PATIENCE, "the call", unary(&channel))
        .await
        .unwrap_err();
    assert_eq!((status.code(), status.attempts()), (Code::Unavailable, 3));
    assert!(
        status.previous_attempts()[0]
            .to_string()
            .contains("refused"),
        "{status}"
    );
    let call = calls::unary(&channel, PATH, Bytes::new()).wait_for_ready();
    let status = call.timeout(SECOND / 4).await.unwrap_err();
    assert_eq!(
        (status.code(), status.attempts()),
        (Code::DeadlineExceeded, 1)
    );
}

#[tokio::test]
async fn an_answer_in_http_that_means_unavailable_is_tried_again() {
    let server = scripted(1, |_, mut peer| async move {
        request(&mut peer, 1).await;
        peer.headers(1, &[(":status", "503")], true).await;
        request(&mut peer, 3).await;
        answer(&mut peer, 3).await;
        peer.expect_end().await;
    })
    .await;
    succeeds(server, 2).await;
}

#[tokio::test]
async fn a_runtime_that_ends_takes_its_calls_along() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let seen = Seen::new();
    let stub = failing(&seen, 9, down()).start().await;
    let config = unavailable(5);
    let channel = stub
        .channel_builder()
        .insecure()
        .default_service_config(config);
    let channel = channel.build().unwrap();
    let call = tokio::task::spawn_blocking(move || {
        let call = {
            let _guard = runtime.enter();
            let mut call = Box::pin(unary_owned(channel));
            let waker = std::task::Waker::noop();
            assert!(
                call.as_mut()
                    .poll(&mut std::task::Context::from_waker(waker))
                    .is_pending()
            );
            call
        };
        while seen.count() == 0 {
            std::thread::yield_now();
        }
        // About now the first pause begins.
        runtime.shutdown_background();
        call
    });
    let call = call.await.unwrap();
    let status = within(PATIENCE, "the end", call).await.unwrap_err();
    let ends = [Code::Cancelled, Code::Unavailable];
    assert!(ends.contains(&status.code()), "{status}");
}

async fn unary_owned(channel: Channel) -> Result<Bytes, Status> {
    unary(&channel).await
}

#[tokio::test]
async fn calls_that_are_only_counted_go_out_again_unseen_as_others_do() {
    let throttling = r#"{"retryThrottling": {"maxTokens": 10, "tokenRatio": 1}}"#;
    for config in [throttling, "{}"] {
        let (address, server) = scripted(1, |_, mut peer| async move {
            request(&mut peer, 1).await;
            peer.rst(1, Reason::REFUSED_STREAM).await;
            request(&mut peer, 3).await;
            answer(&mut peer, 3).await;
            peer.expect_end().await;
        })
        .await;
        let channel = channel(address, config);
        let call = calls::unary(&channel, PATH, Bytes::from("request"));
        let reply = call.attempt_timeout(5 * SECOND).await.unwrap();
        assert_eq!(reply.attempts(), 1);
        drop(channel);
        within(PATIENCE, "the server", server).await.unwrap();
    }
}
