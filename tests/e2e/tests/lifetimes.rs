//! How long connections last: their greatest idleness and age, what open calls get after that, and how handlers are told.

use bytes::Bytes;
use farcall_e2e::{Probe, within};
use farcall_net::{Code, Server};
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{SimulatedStub, StubServer, calls},
};
use std::{future::pending, time::Duration};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// `/t.T/Quick` answers at once, `/t.T/Wait` never.
fn stub(
    seed: u64,
    probe: &Probe,
    settings: impl Fn(Server) -> Server + Send + Sync + 'static,
) -> SimulatedStub {
    let probe = probe.clone();
    let wait = StubServer::unary("/t.T/Wait", move |_| {
        let guard = probe.enter();
        async move {
            let _guard = guard;
            pending::<Result<Bytes, _>>().await
        }
    });
    let quick = StubServer::unary("/t.T/Quick", |_| async { Ok(Bytes::from("here")) });
    wait.and(quick)
        .configure(settings)
        .simulated(seed, NetConfig::default())
}

async fn quick(stub: &SimulatedStub) {
    calls::unary(stub.channel(), "/t.T/Quick", Bytes::new())
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_calls_ends_after_the_greatest_idleness() {
    let stub = stub(1, &Probe::new(), |server| {
        server.max_connection_idle(MINUTE)
    });
    for _ in 0..5 {
        quick(&stub).await;
        sleep(MINUTE - SECOND).await;
    }
    quick(&stub).await;
    assert_eq!(stub.connections(), 1);
    sleep(MINUTE + SECOND).await;
    quick(&stub).await;
    assert_eq!(stub.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_connection_with_an_open_call_is_not_idle() {
    let probe = Probe::new();
    let stub = stub(2, &probe, |server| server.max_connection_idle(MINUTE));
    let call = calls::unary(stub.channel(), "/t.T/Wait", Bytes::new());
    let call = tokio::spawn(call.into_future());
    probe.begun(1).await;
    sleep(MINUTE * 10).await;
    assert!(!call.is_finished());
    // The call ends by its caller's will, and from then on the minute counts.
    call.abort();
    probe.ended(1).await;
    sleep(MINUTE - SECOND).await;
    quick(&stub).await;
    assert_eq!(stub.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn connections_of_a_greatest_age_follow_each_other_without_a_failed_call() {
    let stub = stub(3, &Probe::new(), |server| {
        server.max_connection_age(10 * MINUTE)
    });
    let start = Instant::now();
    while start.elapsed() < 100 * MINUTE {
        quick(&stub).await;
        sleep(SECOND / 3).await;
    }
    // Each lasts from nine to eleven minutes.
    let connections = stub.connections();
    assert!((10..=12).contains(&connections), "{connections}");
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_after_the_age_of_its_connection_until_the_grace_is_over() {
    let probe = Probe::new();
    let stub = stub(4, &probe, |server| {
        server
            .max_connection_age(10 * MINUTE)
            .max_connection_age_grace(5 * MINUTE)
    });
    let start = Instant::now();
    let call = calls::unary(stub.channel(), "/t.T/Wait", Bytes::new());
    let status = call.await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.to_string().contains("max_age"), "{status}");
    let took = start.elapsed();
    assert!((14 * MINUTE..=16 * MINUTE).contains(&took), "{took:?}");
    probe.ended(1).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_grace_a_call_outlives_the_age_of_its_connection_for_as_long_as_it_likes() {
    let stub = StubServer::unary("/t.T/Slow", |_| async {
        sleep(600 * MINUTE).await;
        Ok(Bytes::from("at last"))
    });
    let stub = stub
        .configure(|server| server.max_connection_age(MINUTE))
        .simulated(5, NetConfig::default());
    let call = calls::unary(stub.channel(), "/t.T/Slow", Bytes::new());
    assert_eq!(*call.await.unwrap(), "at last");
}

/// `/t.T/Watch` sends until it is told of the drain.
fn watcher() -> StubServer {
    StubServer::server_streaming("/t.T/Watch", |request, replies| {
        Box::pin(async move {
            assert!(!request.is_draining());
            let mut draining = std::pin::pin!(request.draining());
            loop {
                tokio::select! {
                    () = &mut draining => break,
                    () = sleep(SECOND) => replies.send(Bytes::from("tick")).await?,
                }
            }
            assert!(request.is_draining());
            Ok(())
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_an_end_ends_well_when_its_handler_hears_of_the_drain() {
    let stub = watcher().simulated(6, NetConfig::default());
    let mut stream = calls::server_streaming(stub.channel(), "/t.T/Watch", Bytes::new())
        .await
        .unwrap();
    assert!(stream.message().await.unwrap().is_some());
    let reading = tokio::spawn(async move {
        while stream.message().await?.is_some() {}
        Ok::<_, farcall_net::Status>(())
    });
    let start = Instant::now();
    let report = stub.shut_down(10 * MINUTE).await;
    assert_eq!((report.connections_cut, report.calls_cut), (0, 0));
    assert!(start.elapsed() < SECOND * 5, "{:?}", start.elapsed());
    within(SECOND, "the stream's end", reading)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_an_end_ends_well_when_its_connection_is_old() {
    let stub = watcher()
        .configure(|server| server.max_connection_age(10 * MINUTE))
        .simulated(7, NetConfig::default());
    let mut stream = calls::server_streaming(stub.channel(), "/t.T/Watch", Bytes::new())
        .await
        .unwrap();
    let start = Instant::now();
    while stream.message().await.unwrap().is_some() {}
    let took = start.elapsed();
    assert!((9 * MINUTE..=11 * MINUTE).contains(&took), "{took:?}");
}
