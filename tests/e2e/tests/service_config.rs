//! The service config: what it says reaches the calls, whenever it comes.

use bytes::Bytes;
use farcall_core::ServiceConfig;
use farcall_net::{
    Address, Channel, ChannelBuilder, Code, lb::resolver::ResolverUpdate, resolver::ManualResolver,
};
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{RunningStub, SimulatedStub, StubServer, calls},
};
use std::{
    collections::BTreeSet,
    future::pending,
    time::{Duration, Instant},
};
use tokio::time::Instant as SimInstant;

const ECHO: &str = "/t.T/Echo";
const SLEEP: &str = "/t.T/Sleep";
const TALK: &str = "/t.T/Talk";
const SECOND: Duration = Duration::from_secs(1);

/// Echoes; sleeps for ever, telling its deadline to nobody; talks back what it hears.
fn stub() -> StubServer {
    StubServer::unary(ECHO, |request| async move { Ok(Bytes::clone(&request)) })
        .and(StubServer::unary(SLEEP, |_| pending::<Result<Bytes, _>>()))
        .and(StubServer::bidi(TALK, |mut requests, replies| {
            Box::pin(async move {
                while let Some(message) = requests.message().await? {
                    replies.send(message).await?;
                }
                Ok(())
            })
        }))
}

/// A channel to the stub on simulated time with this default config; `early`: the config is known before the first call.
async fn simulated(config: &str, early: bool) -> SimulatedStub {
    let config = config.to_owned();
    let stub = stub().simulated_with(7, NetConfig::default(), |channel: ChannelBuilder| {
        channel.default_service_config(config)
    });
    if early {
        stub.channel().connect().await.unwrap();
    }
    stub
}

fn method(fields: &str) -> String {
    format!(r#"{{"methodConfig": [{{"name": [{{"service": "t.T"}}], {fields}}}]}}"#)
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_the_config_ends_a_call() {
    for early in [true, false] {
        let stub = simulated(&method(r#""timeout": "3s""#), early).await;
        let start = SimInstant::now();
        let call = calls::unary(stub.channel(), SLEEP, Bytes::new());
        let status = call.await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        assert_eq!(start.elapsed().as_secs(), 3, "early: {early}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_the_callers_deadline_and_the_configs_timeout_counts() {
    for early in [true, false] {
        for (own, expected) in [(2, 2), (5, 3)] {
            let stub = simulated(&method(r#""timeout": "3s""#), early).await;
            let start = SimInstant::now();
            let call = calls::unary(stub.channel(), SLEEP, Bytes::new());
            call.timeout(own * SECOND).await.unwrap_err();
            assert_eq!(start.elapsed().as_secs(), expected, "early: {early}");
        }
    }
}

#[tokio::test]
async fn the_server_is_told_the_timeout_of_the_config() {
    let tells = StubServer::unary(ECHO, |request| async move {
        let left = request.deadline().map(|deadline| deadline - Instant::now());
        let secs = left.map_or(0, |left| left.as_secs_f64().ceil() as u8);
        Ok(Bytes::from(vec![secs]))
    });
    let stub = tells.start().await;
    let channel = stub.channel_builder().insecure();
    let channel = channel
        .default_service_config(method(r#""timeout": "30s""#))
        .build()
        .unwrap();
    for _ in 0..2 {
        let reply = calls::unary(&channel, ECHO, Bytes::new()).await.unwrap();
        assert_eq!(&reply[..], [30]);
    }
}

/// An address where nobody listens.
async fn deserted() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("ipv4:{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn calls_wait_for_a_connection_if_the_config_says_so_and_the_caller_not_otherwise() {
    let waits = method(r#""waitForReady": true, "timeout": "0.3s""#);
    let channel = Channel::builder(deserted().await).insecure();
    let channel = channel.default_service_config(waits).build().unwrap();
    for _ in 0..2 {
        let call = || calls::unary(&channel, ECHO, Bytes::new());
        let status = call().await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        // It says what it has waited for.
        assert!(status.to_string().contains("refused"), "{status}");
        let status = call().fail_fast().await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    }
}

#[tokio::test]
async fn the_callers_wish_to_wait_counts_against_the_config() {
    let channel = Channel::builder(deserted().await).insecure();
    let hurries = method(r#""waitForReady": false, "timeout": "0.3s""#);
    let channel = channel.default_service_config(hurries).build().unwrap();
    let call = || calls::unary(&channel, ECHO, Bytes::new());
    assert_eq!(call().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(
        call().wait_for_ready().await.unwrap_err().code(),
        Code::DeadlineExceeded
    );
}

#[tokio::test(start_paused = true)]
async fn the_smaller_limit_of_request_messages_counts() {
    for early in [true, false] {
        let stub = simulated(&method(r#""maxRequestMessageBytes": 10"#), early).await;
        let status = calls::unary(stub.channel(), ECHO, Bytes::from(vec![0; 11]))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.message().contains("11 bytes"), "{status}");
        let reply = calls::unary(stub.channel(), ECHO, Bytes::from(vec![0; 10])).await;
        assert_eq!(reply.unwrap().len(), 10);
        let own = calls::unary(stub.channel(), ECHO, Bytes::from(vec![0; 6]));
        let status = own.max_send_message_size(5).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_the_config_hold_for_streams() {
    for early in [true, false] {
        let config = method(r#""maxRequestMessageBytes": 10, "maxResponseMessageBytes": 5"#);
        let stub = simulated(&config, early).await;
        let (mut sender, mut replies) = calls::bidi(stub.channel(), TALK).split();
        sender.send(Bytes::from("four")).await.unwrap();
        assert_eq!(replies.message().await.unwrap().unwrap(), "four");
        let status = sender.send(Bytes::from(vec![0; 11])).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        sender.send(Bytes::from("sixsix")).await.unwrap();
        let status = replies.message().await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_message_of_a_late_stream_obeys_the_limit_too() {
    let stub = simulated(&method(r#""maxRequestMessageBytes": 10"#), false).await;
    let (mut sender, mut replies) = calls::bidi(stub.channel(), TALK).split();
    sender.send(Bytes::from(vec![0; 11])).await.unwrap();
    let status = replies.message().await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
}

#[tokio::test(start_paused = true)]
async fn the_smaller_limit_of_response_messages_counts() {
    for early in [true, false] {
        let stub = simulated(&method(r#""maxResponseMessageBytes": 10"#), early).await;
        let echo = |size| calls::unary(stub.channel(), ECHO, Bytes::from(vec![0; size]));
        assert_eq!(echo(11).await.unwrap_err().code(), Code::ResourceExhausted);
        assert_eq!(echo(10).await.unwrap().len(), 10);
        let own = echo(6).max_receive_message_size(5).await.unwrap_err();
        assert_eq!(own.code(), Code::ResourceExhausted);
        let own = echo(11).max_receive_message_size(20).await.unwrap_err();
        assert_eq!(own.code(), Code::ResourceExhausted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_config_says_nothing_about_the_methods_of_others() {
    let config = r#"{"methodConfig": [{"name": [{"service": "t.Other"}], "timeout": "1s"}]}"#;
    let stub = simulated(config, false).await;
    let call = calls::unary(stub.channel(), SLEEP, Bytes::new()).timeout(9 * SECOND);
    let start = SimInstant::now();
    call.await.unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 9);
}

fn at(stubs: &[RunningStub]) -> ResolverUpdate {
    ResolverUpdate::endpoints(
        stubs
            .iter()
            .map(|stub| Address::from(stub.address()).into()),
    )
}

fn configured(stubs: &[RunningStub], config: &str) -> ResolverUpdate {
    at(stubs).with_service_config(ServiceConfig::parse(config))
}

fn manual() -> (ManualResolver, Channel) {
    let resolver = ManualResolver::new("Fleet");
    let channel = Channel::builder("fleet:///t")
        .resolver(resolver.clone())
        .insecure();
    (resolver, channel.build().unwrap())
}

#[tokio::test]
async fn a_call_waits_for_the_resolver_and_obeys_the_config_that_comes() {
    let (resolver, channel) = manual();
    let stubs = [stub().start().await];
    let call = tokio::spawn(calls::unary(&channel, ECHO, Bytes::from(vec![0; 11])).into_future());
    tokio::task::yield_now().await;
    assert!(!call.is_finished());
    resolver.update(configured(
        &stubs,
        &method(r#""maxRequestMessageBytes": 10"#),
    ));
    let status = call.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
}

#[tokio::test(start_paused = true)]
async fn the_timeout_counts_from_the_start_of_a_call_also_when_it_comes_late() {
    let (resolver, channel) = manual();
    let call = tokio::spawn(calls::unary(&channel, SLEEP, Bytes::new()).into_future());
    tokio::time::sleep(5 * SECOND).await;
    resolver.update(configured(
        &[],
        &method(r#""timeout": "3s", "waitForReady": true"#),
    ));
    let status = call.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    let start = SimInstant::now();
    let status = calls::unary(&channel, SLEEP, Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn a_new_config_counts_for_the_calls_that_start_after_it() {
    let (resolver, channel) = manual();
    let stubs = [stub().start().await];
    for limit in [10, 5, 20] {
        resolver.update(configured(
            &stubs,
            &method(&format!(r#""maxRequestMessageBytes": {limit}"#)),
        ));
        let echo = |size| calls::unary(&channel, ECHO, Bytes::from(vec![0; size]));
        // The update is on its way; what it says is there soon.
        let deadline = Instant::now() + 10 * SECOND;
        while echo(limit).await.is_err() || echo(limit + 1).await.is_ok() {
            assert!(Instant::now() < deadline);
            // Calls that are refused where they start let nobody else run.
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_broken_first_config_fails_calls_with_the_place_until_a_good_one_comes() {
    let (resolver, channel) = manual();
    let stubs = [stub().start().await];
    resolver.update(configured(&stubs, &method(r#""timeout": "soon""#)));
    let status = calls::unary(&channel, ECHO, Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(
        status.to_string().contains("methodConfig[0].timeout"),
        "{status}"
    );
    let waiting = calls::unary(&channel, ECHO, Bytes::new()).wait_for_ready();
    let waiting = tokio::spawn(waiting.into_future());
    resolver.update(at(&stubs));
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_channel_can_ignore_the_resolvers_config() {
    let resolver = ManualResolver::new("fleet");
    let channel = Channel::builder("fleet:///t")
        .resolver(resolver.clone())
        .insecure();
    let channel = channel.ignore_resolver_service_config().build().unwrap();
    let stubs = [stub().start().await];
    resolver.update(configured(
        &stubs,
        &method(r#""maxRequestMessageBytes": 10"#),
    ));
    calls::unary(&channel, ECHO, Bytes::from(vec![0; 11]))
        .await
        .unwrap();
}

/// A server that answers with its number.
async fn numbered(number: u8) -> RunningStub {
    let answer = move |_| async move { Ok(Bytes::from(vec![number])) };
    StubServer::unary(ECHO, answer).start().await
}

async fn who(channel: &Channel) -> u8 {
    calls::unary(channel, ECHO, Bytes::new()).await.unwrap()[0]
}

#[tokio::test]
async fn round_robin_spreads_calls_evenly_and_follows_the_resolver() {
    let resolver = ManualResolver::new("fleet");
    let channel = Channel::builder("fleet:///t")
        .resolver(resolver.clone())
        .insecure();
    let channel = channel
        .load_balancing_policy("round_robin")
        .build()
        .unwrap();
    let stubs = [numbered(0).await, numbered(1).await, numbered(2).await];
    resolver.update(at(&stubs));
    let mut seen = BTreeSet::new();
    while seen.len() < 3 {
        seen.insert(who(&channel).await);
    }
    let mut counts = [0; 3];
    for _ in 0..300 {
        counts[who(&channel).await as usize] += 1;
    }
    assert_eq!(counts, [100; 3]);
    resolver.update(at(&stubs[..2]));
    while [
        who(&channel).await,
        who(&channel).await,
        who(&channel).await,
    ]
    .contains(&2)
    {}
    for _ in 0..30 {
        assert_ne!(who(&channel).await, 2);
    }
}

#[tokio::test]
async fn a_config_changes_the_policy_of_a_living_channel_without_a_failed_call() {
    let (resolver, channel) = manual();
    let stubs = [numbered(0).await, numbered(1).await];
    resolver.update(at(&stubs));
    assert_eq!(who(&channel).await, 0);
    assert_eq!(who(&channel).await, 0);
    let round_robin = r#"{"loadBalancingConfig": [{"round_robin": {}}]}"#;
    resolver.update(configured(&stubs, round_robin));
    while who(&channel).await != 1 {}
}

#[tokio::test]
async fn a_lost_backend_is_missed_by_no_call_that_starts_after_the_loss_is_known() {
    let resolver = ManualResolver::new("fleet");
    let channel = Channel::builder("fleet:///t")
        .resolver(resolver.clone())
        .insecure();
    let channel = channel
        .load_balancing_policy("round_robin")
        .build()
        .unwrap();
    let mut stubs = vec![numbered(0).await, numbered(1).await];
    resolver.update(at(&stubs));
    let mut seen = BTreeSet::new();
    while seen.len() < 2 {
        seen.insert(who(&channel).await);
    }
    let mut gone = stubs.remove(1);
    gone.begin_shutdown();
    gone.wait().await;
    // The client hears GOAWAY before the server has closed: none of these fails.
    for _ in 0..20 {
        assert_eq!(who(&channel).await, 0);
    }
}
