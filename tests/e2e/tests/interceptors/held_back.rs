//! Interceptors that wait: for a token, or for ever.

use super::{PATHS, call, echo, simulated};
use bytes::Bytes;
use farcall_e2e::Probe;
use farcall_net::{
    Code, Request, Status,
    interceptor::{Call, Interceptor, Next, Outcome},
};
use farcall_testkit::stub_server::{StubServer, calls};
use std::{future::pending, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// Holds each call back for a while.
struct Slow(Duration);

impl Interceptor for Slow {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        sleep(self.0).await;
        call.metadata_mut().append("x-in", "slow");
        next.run(call).await
    }
}

/// Holds each call back for ever.
struct Stuck(Probe);

impl Interceptor for Stuck {
    async fn intercept(&self, _call: &mut Call, _next: Next<'_>) -> Outcome {
        let _guard = self.0.enter();
        pending().await
    }
}

/// Lets a call go on for a while, then ends it.
struct Limited(Duration);

impl Interceptor for Limited {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        let late = || Status::unavailable("the interceptor's patience is at an end");
        timeout(self.0, next.run(call))
            .await
            .unwrap_or_else(|_| Err(late()))
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_call_of_any_kind_that_an_interceptor_holds_back_goes_on_when_it_is_let() {
    let stub = simulated(echo());
    let channel = stub.channel().with_interceptor(Slow(SECOND));
    for path in PATHS {
        let start = Instant::now();
        let replied = call(&channel, path, "abc").await.unwrap();
        assert_eq!(
            (&replied.text[..], &replied.out[..]),
            ("abc", &["slow".to_owned()][..])
        );
        assert_eq!(start.elapsed().as_secs(), 1, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_counts_while_an_interceptor_holds_a_call_back() {
    let probe = Probe::new();
    let stub = simulated(echo());
    let channel = stub.channel().with_interceptor(Stuck(probe.clone()));
    let start = Instant::now();
    let unary = calls::unary(&channel, "/t.T/Unary", Bytes::new()).timeout(SECOND);
    let unary = unary.await.unwrap_err();
    let (mut requests, response) = calls::client_streaming(&channel, "/t.T/Join")
        .timeout(SECOND)
        .split();
    let sent = requests.send(Bytes::new()).await;
    assert_eq!(sent.unwrap_err().code(), Code::Unavailable);
    let join = response.await.unwrap_err();
    let mut replies = calls::server_streaming(&channel, "/t.T/Split", Bytes::new())
        .timeout(SECOND)
        .await
        .unwrap();
    let split = replies.message().await.unwrap_err();
    let (requests, mut replies) = calls::bidi(&channel, "/t.T/Chat").timeout(SECOND).split();
    let chat = replies.metadata().await.unwrap_err();
    drop(requests);
    for status in [unary, join, split, chat] {
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        assert!(status.message().contains("interceptor"), "{status}");
    }
    assert_eq!(start.elapsed().as_secs(), 4);
    probe.ended(4).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_is_held_back_ends_its_interceptor() {
    let probe = Probe::new();
    let stub = simulated(echo());
    let channel = stub.channel().with_interceptor(Stuck(probe.clone()));
    let unary = calls::unary(&channel, "/t.T/Unary", Bytes::new());
    assert!(timeout(SECOND, unary.into_future()).await.is_err());
    probe.ended(1).await;
    drop(calls::client_streaming(&channel, "/t.T/Join").split());
    probe.ended(2).await;
    drop(calls::server_streaming(&channel, "/t.T/Split", Bytes::new()).await);
    probe.ended(3).await;
    let (requests, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
    // A truncated upload never looks complete, whether the call was started or not.
    drop(requests);
    assert_eq!(replies.message().await.unwrap_err().code(), Code::Cancelled);
    probe.ended(4).await;
    let (mut requests, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
    requests.cancel();
    assert_eq!(replies.message().await.unwrap_err().code(), Code::Cancelled);
    let (_requests, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
    replies.cancel();
    assert_eq!(replies.message().await.unwrap_err().code(), Code::Cancelled);
    probe.ended(6).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_made_by_a_handler_ends_with_it_also_while_it_is_held_back() {
    let probe = Probe::new();
    let back = simulated(echo());
    let channel = back.channel().with_interceptor(Stuck(probe.clone()));
    let front = StubServer::unary("/t.T/Front", move |_: Request<Bytes>| {
        let channel = channel.clone();
        async move {
            let (_requests, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
            let unary = calls::unary(&channel, "/t.T/Unary", Bytes::new()).into_future();
            let (unary, chat) = tokio::join!(unary, replies.message());
            drop((unary, chat));
            Ok(Bytes::new())
        }
    });
    let front = simulated(front.configure(|server| server.run_to_completion()));
    let call = calls::unary(front.channel(), "/t.T/Front", Bytes::new()).into_future();
    let call = tokio::spawn(call);
    probe.begun(2).await;
    call.abort();
    probe.ended(2).await;
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_can_give_up_a_call_that_is_under_way() {
    let probe = Probe::new();
    let seen = probe.clone();
    let sleeper = StubServer::unary("/t.T/Unary", move |_| {
        let guard = seen.enter();
        async move {
            let _guard = guard;
            pending::<Result<Bytes, Status>>().await
        }
    });
    let seen = probe.clone();
    let stub = simulated(sleeper.and(StubServer::bidi("/t.T/Chat", move |_, _| {
        let guard = seen.enter();
        Box::pin(async move {
            let _guard = guard;
            pending().await
        })
    })));
    let channel = stub.channel().with_interceptor(Limited(SECOND));
    let unary = calls::unary(&channel, "/t.T/Unary", Bytes::new()).await;
    assert_eq!(unary.unwrap_err().code(), Code::Unavailable);
    let (_requests, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
    let status = replies.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    probe.ended(2).await;
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_can_bring_the_deadline_forward_or_put_it_off() {
    let sleeper = || {
        StubServer::unary("/t.T/Sleep", |_| async {
            sleep(5 * SECOND).await;
            Ok(Bytes::new())
        })
    };
    let timeout = |timeout: Duration| {
        super::before(move |call: &mut Call| {
            call.set_timeout(timeout);
            Ok::<(), Status>(())
        })
    };
    let plain = simulated(sleeper());
    let sleep = |channel| calls::unary(&channel, "/t.T/Sleep", Bytes::new());
    let forward = plain.channel().with_interceptor(timeout(SECOND));
    let start = Instant::now();
    let status = sleep(forward).timeout(60 * SECOND).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(start.elapsed().as_secs(), 1);
    let off = plain.channel().with_interceptor(timeout(60 * SECOND));
    sleep(off).timeout(SECOND).await.unwrap();

    let server =
        simulated(sleeper().configure(move |server| server.interceptor(timeout(2 * SECOND))));
    let start = Instant::now();
    let status = sleep(server.channel().clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(status.message().contains("interceptor"), "{status}");
    assert_eq!(start.elapsed().as_secs(), 2);
    let status = sleep(server.channel().clone())
        .timeout(SECOND)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(start.elapsed().as_secs(), 3, "the caller's deadline stands");
}
