//! Servers that are offered more than they take.

use crate::{everywhere, reach::Reach};
use bytes::Bytes;
use farcall_e2e::{PATIENCE, Probe, within};
use farcall_net::{
    Channel, Code, Request,
    interceptor::{Call, Interceptor, Next, Outcome},
    server::{Intercepted, MethodLimits, Overload},
};
use farcall_services::{
    health::{
        self,
        proto::{HealthCheckRequest, HealthClient},
    },
    reflection,
};
use farcall_testkit::stub_server::{StubServer, calls};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

everywhere![
    calls_beyond_the_limit_are_refused_before_their_handler_starts,
    a_call_without_a_timeout_gets_the_default_and_no_call_more_than_the_most,
    watches_of_health_take_no_place_and_a_full_server_tells_that_it_is_well,
];

/// Handlers of two kinds that wait at a gate.
fn gated(probe: &Probe, gate: &Arc<Semaphore>) -> StubServer {
    let (unary, chat) = (probe.clone(), probe.clone());
    let doors = [Arc::clone(gate), Arc::clone(gate)];
    let [door, other] = doors;
    StubServer::unary("/t.T/Wait", move |_| {
        let (guard, door) = (unary.enter(), Arc::clone(&door));
        async move {
            let _guard = guard;
            door.acquire().await.unwrap().forget();
            Ok(Bytes::from("done"))
        }
    })
    .and(StubServer::bidi("/t.T/Chat", move |_, replies| {
        let (guard, door) = (chat.enter(), Arc::clone(&other));
        Box::pin(async move {
            let _guard = guard;
            replies.send("first".into()).await?;
            door.acquire().await.unwrap().forget();
            Ok(())
        })
    }))
}

fn spawn(channel: &Channel) -> tokio::task::JoinHandle<Result<Bytes, farcall_net::Status>> {
    let call = calls::unary(channel, "/t.T/Wait", Bytes::new()).into_future();
    tokio::spawn(async move { Ok(call.await?.into_inner()) })
}

async fn calls_beyond_the_limit_are_refused_before_their_handler_starts() {
    let (probe, gate) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let server = gated(&probe, &gate).configure(|server| {
        let overload = Overload::fixed(2).code(Code::ResourceExhausted);
        server.overload(overload.pushback(Duration::from_millis(40)))
    });
    let server = server.run().await;
    // The limit is the server's, whatever connection the calls come on.
    let (one, two) = (server.channel(), server.channel());
    let call = spawn(&one);
    within(PATIENCE, "the first handler", probe.begun(1)).await;
    let (_requests, mut replies) = calls::bidi(&two, "/t.T/Chat").split();
    assert_eq!(replies.message().await.unwrap().unwrap(), "first");
    for channel in [&one, &two] {
        let status = within(PATIENCE, "the refusal", spawn(channel))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert_eq!(status.metadata().get("grpc-retry-pushback-ms"), Some("40"));
        let (_requests, mut refused) = calls::bidi(channel, "/t.T/Chat").split();
        let status = within(PATIENCE, "the refusal", refused.message())
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    }
    assert_eq!(probe.counts(), (2, 0), "refused calls have no handler");
    // A place is free again when a handler is gone, however it went.
    drop(replies);
    within(PATIENCE, "the stream's end", probe.ended(1)).await;
    let next = spawn(&two);
    within(PATIENCE, "the next handler", probe.begun(3)).await;
    gate.add_permits(2);
    for call in [call, next] {
        assert_eq!(
            within(PATIENCE, "a call", call).await.unwrap().unwrap(),
            "done"
        );
    }
}

async fn a_call_without_a_timeout_gets_the_default_and_no_call_more_than_the_most() {
    let left = |request: &Request<Bytes>| {
        let deadline = request.deadline().expect("every call has one");
        deadline
            .saturating_duration_since(std::time::Instant::now())
            .as_secs()
    };
    let stub = StubServer::unary("/t.T/Left", move |request| {
        Ok(Bytes::from(left(&request).to_string()))
    });
    let channel = stub
        .configure(|server| {
            server
                .default_timeout(Duration::from_secs(50))
                .max_timeout(Duration::from_secs(200))
        })
        .reach();
    for (timeout, expected) in [
        (None, 40..=50),
        (Some(100), 90..=100),
        (Some(1000), 190..=200),
    ] {
        let mut call = calls::unary(&channel, "/t.T/Left", Bytes::new());
        if let Some(timeout) = timeout {
            call = call.timeout(Duration::from_secs(timeout));
        }
        let reply = call.await.unwrap();
        let left: u64 = std::str::from_utf8(&reply).unwrap().parse().unwrap();
        assert!(expected.contains(&left), "{timeout:?}: {left}");
    }
}

async fn watches_of_health_take_no_place_and_a_full_server_tells_that_it_is_well() {
    let (probe, gate) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let server = gated(&probe, &gate).configure(|server| {
        server
            .overload(Overload::fixed(1))
            .add_service(Intercepted::new(health::service(), Pass))
            .add_service(reflection::service())
    });
    let server = server.run().await;
    let channel = server.channel();
    let health = HealthClient::new(channel.clone());
    let request = || HealthCheckRequest::default();
    let mut watches = Vec::new();
    for _ in 0..8 {
        let mut watch = health.watch(request()).await.unwrap();
        assert!(watch.message().await.unwrap().is_some());
        watches.push(watch);
    }
    let call = spawn(&channel);
    within(PATIENCE, "the only place", probe.begun(1)).await;
    let status = spawn(&channel).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    health.check(request()).await.unwrap();
    for path in [
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ] {
        let (mut questions, mut answers) = calls::bidi(&channel, path).split();
        // list_services: field 7, empty.
        questions.send(Bytes::from_static(b"\x3a\0")).await.unwrap();
        let answer = within(PATIENCE, "reflection", answers.message()).await;
        assert!(answer.unwrap().is_some(), "{path}");
    }
    gate.add_permits(1);
    call.await.unwrap().unwrap();
}

/// Stands around a service and changes nothing.
struct Pass;

impl Interceptor for Pass {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        next.run(call).await
    }
}

#[tokio::test]
async fn methods_that_are_said_to_be_operational_are_counted_by_their_own_limit_alone() {
    let (probe, gate) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let channel = gated(&probe, &gate)
        .configure(|server| {
            let own = MethodLimits::new().overload(Overload::fixed(3));
            server
                .overload(Overload::fixed(1))
                .limits_of("/t.T/Wait", own)
                .limits_of("/t.T/", MethodLimits::new().operational())
        })
        .channel();
    let calls: Vec<_> = (0..3).map(|_| spawn(&channel)).collect();
    within(PATIENCE, "three handlers", probe.begun(3)).await;
    let status = spawn(&channel).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let mut streams = Vec::new();
    for _ in 0..2 {
        let (requests, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
        assert_eq!(replies.message().await.unwrap().unwrap(), "first");
        streams.push((requests, replies));
    }
    gate.add_permits(5);
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_default_timeout_ends_a_call_that_has_none() {
    let (probe, gate) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let server =
        gated(&probe, &gate).configure(|server| server.default_timeout(Duration::from_secs(30)));
    let start = tokio::time::Instant::now();
    let status = spawn(&server.channel()).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert_eq!(start.elapsed().as_secs(), 30);
    probe.ended(1).await;
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_limit_falls_when_calls_slow_each_other_down_and_rises_when_they_do_not() {
    // Handlers take turns at one core, or have as many as they like.
    let work = |cores: usize, millis| {
        let cores = Arc::new(Semaphore::new(cores));
        move |_: Request<Bytes>| {
            let cores = Arc::clone(&cores);
            async move {
                let _turn = cores.acquire().await.unwrap();
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Ok(Bytes::new())
            }
        }
    };
    let stub = StubServer::unary("/t.T/One", work(1, 1))
        .and(StubServer::unary("/t.T/Many", work(10_000, 20)));
    let channel = stub
        .configure(|server| server.overload(Overload::adaptive()))
        .channel();
    // How many of 100 calls at a time are let in, at last.
    let mut let_in = Vec::new();
    for path in ["/t.T/One", "/t.T/Many"] {
        calls::unary(&channel, path, Bytes::new()).await.unwrap();
        let mut good = 0;
        for _ in 0..100 {
            good = 0;
            let calls: Vec<_> = (0..100)
                .map(|_| tokio::spawn(calls::unary(&channel, path, Bytes::new()).into_future()))
                .collect();
            for call in calls {
                match call.await.unwrap() {
                    Ok(_) => good += 1,
                    Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
                }
            }
        }
        let_in.push(good);
    }
    assert!((4..=16).contains(&let_in[0]), "{let_in:?}");
    assert_eq!(let_in[1], 100, "{let_in:?}");
}
