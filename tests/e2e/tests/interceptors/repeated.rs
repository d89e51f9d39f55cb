//! Interceptors that run a call again.

use super::{PATHS, call, echo, simulated};
use bytes::Bytes;
use farcall_net::{
    Code, Request, Status,
    interceptor::{Call, Interceptor, Next, Outcome, Payload},
};
use farcall_testkit::stub_server::StubServer;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Runs a call until it is not UNAVAILABLE, if it can be run again.
struct Stubborn;

impl Interceptor for Stubborn {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        call.on_request(|message| {
            *message = Payload::new([&message[..], b"!"].concat());
            Ok(())
        });
        let mut next = match next.repeatable(call) {
            Ok(next) => next,
            Err(next) => return next.run(call).await,
        };
        loop {
            match next.run(call).await {
                Err(status) if status.code() == Code::Unavailable => {}
                outcome => return outcome,
            }
        }
    }
}

/// Counts its runs, and marks the message on each.
struct Counting(Arc<AtomicUsize>);

impl Interceptor for Counting {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        self.0.fetch_add(1, Ordering::Relaxed);
        call.on_request(|message| {
            *message = Payload::new([&message[..], b"?"].concat());
            Ok(())
        });
        next.run(call).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_unary_call_can_be_run_again_and_passes_those_inside_each_time() {
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let stub = StubServer::unary("/t.T/Third", move |request: Request<Bytes>| {
        let third = count.fetch_add(1, Ordering::Relaxed) == 2;
        async move {
            match third {
                true => Ok(request.into_inner()),
                false => Err(Status::unavailable("not yet")),
            }
        }
    });
    let stub = simulated(stub);
    let inside = Arc::new(AtomicUsize::new(0));
    let channel = stub.channel().with_interceptor(Stubborn);
    let channel = channel.with_interceptor(Counting(Arc::clone(&inside)));
    let request = Bytes::from("abc");
    let reply = farcall_testkit::stub_server::calls::unary(&channel, "/t.T/Third", request);
    // The hooks of those inside are those of the last run alone.
    assert_eq!(&reply.await.unwrap()[..], b"abc!?");
    assert_eq!(served.load(Ordering::Relaxed), 3);
    assert_eq!(inside.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn streams_and_the_calls_of_servers_cannot_be_run_again() {
    struct Asking;
    impl Interceptor for Asking {
        async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
            let unary = call.method().name() == "Unary";
            let expected = unary && !call.is_server();
            match next.repeatable(call) {
                Ok(mut next) if expected => next.run(call).await,
                Err(next) if !expected => next.run(call).await,
                _ => Err(Status::internal("it should be the other way round")),
            }
        }
    }
    let stub = simulated(echo().configure(|server| server.interceptor(Asking)));
    let channel = stub.channel().with_interceptor(Asking);
    for path in PATHS {
        assert_eq!(call(&channel, path, "abc").await.unwrap().text, "abc");
    }
}
