//! The halves of a stream while its interceptors are at work.

use super::{Diary, echo, simulated};
use bytes::Bytes;
use farcall_net::{
    Code, Status,
    interceptor::{Call, Interceptor, Next, Outcome},
};
use farcall_testkit::stub_server::calls;
use std::{
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};
use tokio::{sync::Notify, time::sleep};

/// Lets calls go on when it is told to.
struct Barrier(Arc<Notify>, Diary);

impl Interceptor for Barrier {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        self.0.notified().await;
        let diary = self.1.clone();
        call.on_request(move |message| {
            diary.note(String::from_utf8_lossy(message));
            Ok(())
        });
        next.run(call).await
    }
}

#[tokio::test(start_paused = true)]
async fn the_halves_of_a_call_that_is_held_back_are_usable_at_once_and_nothing_is_lost() {
    let (open, diary) = (Arc::new(Notify::new()), Diary::default());
    let stub = simulated(echo());
    let barrier = Barrier(Arc::clone(&open), diary.clone());
    let channel = stub.channel().with_interceptor(barrier);
    let (mut requests, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
    let sending = tokio::spawn(async move {
        for message in ["a", "b", "c"] {
            requests.send(Bytes::from(message)).await.unwrap();
        }
        requests.half_close();
    });
    sleep(Duration::from_secs(9)).await;
    assert!(!sending.is_finished(), "messages wait for the interceptor");
    open.notify_one();
    // Nobody reads yet, and the call is started all the same.
    sending.await.unwrap();
    assert_eq!(diary.take(), ["a", "b", "c"]);
    for message in ["a", "b", "c"] {
        assert_eq!(replies.message().await.unwrap().unwrap(), message);
    }
    assert!(replies.message().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_half_close_before_the_call_is_started_is_kept() {
    let (open, diary) = (Arc::new(Notify::new()), Diary::default());
    let stub = simulated(echo());
    let barrier = Barrier(Arc::clone(&open), diary);
    let channel = stub.channel().with_interceptor(barrier);
    let (mut requests, response) = calls::client_streaming(&channel, "/t.T/Join").split();
    requests.half_close();
    drop(requests);
    open.notify_one();
    assert_eq!(response.await.unwrap().into_inner(), "");
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_that_fails_while_it_holds_a_call_back_fails_both_halves() {
    struct Failing;
    impl Interceptor for Failing {
        async fn intercept(&self, _call: &mut Call, _next: Next<'_>) -> Outcome {
            sleep(Duration::from_secs(1)).await;
            Err(Status::unauthenticated("no token"))
        }
    }
    let stub = simulated(echo());
    let channel = stub.channel().with_interceptor(Failing);
    let (mut requests, response) = calls::client_streaming(&channel, "/t.T/Join").split();
    let sent = requests.send(Bytes::from("a")).await;
    assert_eq!(sent.unwrap_err().code(), Code::Unavailable);
    assert_eq!(response.await.unwrap_err().code(), Code::Unauthenticated);
    let stream = tokio_stream(["a", "b"]);
    let all = calls::client_streaming(&channel, "/t.T/Join").send_all(stream);
    // An ended call says better than its sender why it ended.
    assert_eq!(all.await.unwrap_err().code(), Code::Unauthenticated);
    let (_requests, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
    for _ in 0..2 {
        let status = replies.message().await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
    }
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_that_panics_while_it_holds_a_call_back_fails_it() {
    struct Panicking;
    impl Interceptor for Panicking {
        async fn intercept(&self, _call: &mut Call, _next: Next<'_>) -> Outcome {
            tokio::task::yield_now().await;
            panic!("on purpose")
        }
    }
    let stub = simulated(echo());
    let channel = stub.channel().with_interceptor(Panicking);
    let (_requests, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
    let status = replies.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Internal, "{status}");
}

#[test]
fn a_stream_that_is_held_back_needs_a_runtime_and_says_so() {
    struct Never;
    impl Interceptor for Never {
        async fn intercept(&self, _call: &mut Call, _next: Next<'_>) -> Outcome {
            std::future::pending().await
        }
    }
    let channel = farcall_net::Channel::builder("ipv4:127.0.0.1:1")
        .interceptor(Never)
        .insecure()
        .build()
        .unwrap();
    let (_requests, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
    let polled = replies.poll_message(&mut Context::from_waker(Waker::noop()));
    let std::task::Poll::Ready(Err(status)) = polled else {
        panic!("{polled:?}");
    };
    assert_eq!(status.code(), Code::FailedPrecondition);
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_that_waits_after_the_end_holds_the_end_back() {
    struct Late;
    impl Interceptor for Late {
        async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
            let outcome = next.run(call).await;
            sleep(Duration::from_secs(3)).await;
            outcome
        }
    }
    let stub = simulated(echo());
    let channel = stub.channel().with_interceptor(Late);
    let mut replies = calls::server_streaming(&channel, "/t.T/Split", Bytes::from("ab"))
        .await
        .unwrap();
    let start = tokio::time::Instant::now();
    for expected in ["a", "b"] {
        assert_eq!(replies.message().await.unwrap().unwrap(), expected);
    }
    assert_eq!(start.elapsed().as_secs(), 0);
    assert!(replies.trailers().is_none());
    assert!(replies.message().await.unwrap().is_none());
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(replies.trailers().unwrap().get("x-end"), Some("split"));
}

/// A stream of these messages.
fn tokio_stream(
    messages: [&'static str; 2],
) -> impl futures_core::Stream<Item = Bytes> + Send + 'static {
    struct Messages(std::array::IntoIter<&'static str, 2>);
    impl futures_core::Stream for Messages {
        type Item = Bytes;

        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> std::task::Poll<Option<Bytes>> {
            std::task::Poll::Ready(self.0.next().map(Bytes::from))
        }
    }
    Messages(messages.into_iter())
}
