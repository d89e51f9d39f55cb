//! The limits that a user sets for a channel's calls: deadlines, the queue, calls in flight.

use bytes::Bytes;
use farcall_core::ServiceConfig;
use farcall_net::{
    Address, Channel, ChannelBuilder, Code, Status, client::Connecting,
    lb::resolver::ResolverUpdate, resolver::ManualResolver,
};
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{SimulatedStub, StubServer, calls},
};
use std::{future::pending, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

const ECHO: &str = "/t.T/Echo";
const SLEEP: &str = "/t.T/Sleep";
const TALK: &str = "/t.T/Talk";
const SECOND: Duration = Duration::from_secs(1);

fn simulated(settings: impl FnOnce(ChannelBuilder) -> ChannelBuilder) -> SimulatedStub {
    let stub = StubServer::unary(ECHO, |request| async move { Ok(Bytes::clone(&request)) })
        .and(StubServer::unary(SLEEP, |_| pending::<Result<Bytes, _>>()))
        .and(StubServer::bidi(TALK, |_, _| Box::pin(pending())));
    stub.simulated_with(7, NetConfig::default(), settings)
}

/// After how many seconds such a call ends, which it must with DEADLINE_EXCEEDED.
async fn ends_after(channel: &Channel, own: Option<u32>) -> u64 {
    let start = Instant::now();
    let mut call = calls::unary(channel, SLEEP, Bytes::new());
    if let Some(own) = own {
        call = call.timeout(own * SECOND);
    }
    let status = call.await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    start.elapsed().as_secs()
}

fn config(seconds: u64) -> String {
    format!(r#"{{"methodConfig": [{{"name": [{{}}], "timeout": "{seconds}s"}}]}}"#)
}

#[tokio::test(start_paused = true)]
async fn the_default_counts_for_calls_without_a_deadline_and_the_maximum_for_all() {
    for early in [true, false] {
        let limits = |channel: ChannelBuilder| {
            channel
                .default_timeout(10 * SECOND)
                .max_timeout(60 * SECOND)
        };
        for (own, expected) in [(None, 10), (Some(5), 5), (Some(30), 30), (Some(90), 60)] {
            let stub = simulated(limits);
            if early {
                stub.channel().connect().await.unwrap();
            }
            assert_eq!(
                ends_after(stub.channel(), own).await,
                expected,
                "{own:?} {early}"
            );
        }
        // A service config's timeout comes before the default, even a longer one.
        for (configured, own, expected) in [(20, None, 20), (90, None, 60), (20, Some(5), 5)] {
            let stub =
                simulated(|channel| limits(channel).default_service_config(config(configured)));
            if early {
                stub.channel().connect().await.unwrap();
            }
            assert_eq!(
                ends_after(stub.channel(), own).await,
                expected,
                "{configured} {early}"
            );
        }
        let stub = simulated(|channel| channel.max_timeout(60 * SECOND));
        assert_eq!(ends_after(stub.channel(), None).await, 60);
    }
}

#[tokio::test(start_paused = true)]
async fn the_limits_hold_while_the_name_is_not_resolved() {
    let fleet = ManualResolver::new("fleet");
    let channel = Channel::builder("fleet:///t")
        .resolver(fleet.clone())
        .insecure();
    let channel = channel.default_timeout(10 * SECOND).build().unwrap();
    assert_eq!(ends_after(&channel, None).await, 10);
    // What the config says counts from the start of the call.
    let call = tokio::spawn(async move { ends_after(&channel, None).await });
    sleep(5 * SECOND).await;
    let none: [Address; 0] = [];
    let config = r#"{"methodConfig": [{"name": [{}], "timeout": "20s", "waitForReady": true}]}"#;
    let update = ResolverUpdate::endpoints(none.map(Into::into));
    fleet.update(update.with_service_config(ServiceConfig::parse(config)));
    assert_eq!(call.await.unwrap(), 20);
}

fn spawn(channel: &Channel, method: &'static str) -> JoinHandle<Result<(), Status>> {
    let call = calls::unary(channel, method, Bytes::new()).wait_for_ready();
    tokio::spawn(async move { call.await.map(drop) })
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_calls_and_names_the_limit_until_there_is_room() {
    let nowhere = |_: &Address| Box::pin(pending()) as Connecting;
    let builder = Channel::builder("passthrough:///nowhere").connector(nowhere);
    let channel = builder.max_queued_calls(3).insecure().build().unwrap();
    let waiting: Vec<_> = (0..3).map(|_| spawn(&channel, ECHO)).collect();
    sleep(SECOND).await;
    let status = spawn(&channel, ECHO).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("3 calls") && status.message().contains("max_queued_calls"));
    for call in &waiting {
        assert!(!call.is_finished());
    }
    // One that is given up makes room.
    waiting[1].abort();
    sleep(SECOND).await;
    let fourth = spawn(&channel, ECHO);
    sleep(SECOND).await;
    assert!(!fourth.is_finished());
    assert!(spawn(&channel, ECHO).await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_call_too_many_in_flight_is_refused_and_names_the_limit_until_one_has_ended() {
    let stub = simulated(|channel| channel.max_calls_in_flight(3));
    let channel = stub.channel();
    let slow = spawn(channel, SLEEP);
    let stream = calls::bidi(channel, TALK).split();
    sleep(SECOND).await;
    for _ in 0..5 {
        calls::unary(channel, ECHO, Bytes::new()).await.unwrap();
    }
    let third = spawn(channel, SLEEP);
    sleep(SECOND).await;
    let status = spawn(channel, ECHO).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("max_calls_in_flight"), "{status}");
    drop(stream);
    sleep(SECOND).await;
    spawn(channel, ECHO).await.unwrap().unwrap();
    slow.abort();
    third.abort();
}

/// A channel that never connects.
fn nowhere() -> ChannelBuilder {
    let nowhere = |_: &Address| Box::pin(pending()) as Connecting;
    Channel::builder("passthrough:///nowhere")
        .connector(nowhere)
        .insecure()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_while_it_waits_for_a_connection_is_not_in_flight_any_more() {
    let channel = nowhere().max_calls_in_flight(2).build().unwrap();
    let waiting = [spawn(&channel, ECHO), spawn(&channel, ECHO)];
    sleep(SECOND).await;
    assert!(spawn(&channel, ECHO).await.unwrap().is_err());
    for call in &waiting {
        call.abort();
    }
    sleep(SECOND).await;
    let next = spawn(&channel, ECHO);
    sleep(SECOND).await;
    assert!(!next.is_finished(), "{:?}", next.await);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_while_it_waits_for_a_stream_is_not_in_flight_any_more() {
    let stub = StubServer::unary(SLEEP, |_| pending::<Result<Bytes, _>>())
        .configure(|server| server.max_concurrent_streams(1))
        .simulated_with(7, NetConfig::default(), |channel| {
            channel.max_calls_in_flight(2)
        });
    let _open = spawn(stub.channel(), SLEEP);
    sleep(SECOND).await;
    for _ in 0..3 {
        let waiting = spawn(stub.channel(), SLEEP);
        sleep(SECOND).await;
        assert!(!waiting.is_finished(), "{:?}", waiting.await);
        waiting.abort();
        sleep(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn channels_made_by_clones_of_a_builder_count_their_calls_apart() {
    let builder = nowhere().max_calls_in_flight(1);
    let (one, other) = (builder.clone().build().unwrap(), builder.build().unwrap());
    let calls = [spawn(&one, ECHO), spawn(&other, ECHO)];
    sleep(SECOND).await;
    for call in calls {
        assert!(!call.is_finished(), "{:?}", call.await);
    }
}
