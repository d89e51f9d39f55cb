//! Client-side health checking (gRFC A17), with the health service of ours at the other end.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, logged, within};
use farcall_http2::Reason;
use farcall_net::{
    Channel, ChannelBuilder, Code, ConnectivityState, Request, Server, client::ByteStream,
};
use farcall_services::health::{self, HealthReporter, HealthService};
use farcall_testkit::{
    scripted_peer::{ScriptedPeer, message},
    sim::{Control, NetConfig, duplex},
    stub_server::{RunningStub, StubServer, calls},
};
use std::{
    collections::BTreeSet,
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

const NAME: &str = "/t.T/Name";
const SECOND: Duration = Duration::from_secs(1);
const CHECKED: &str = r#"{"healthCheckConfig": {"serviceName": "t.T"}, "loadBalancingConfig": [{"round_robin": {}}]}"#;

/// A backend that tells its name.
fn backend(name: &'static str) -> StubServer {
    StubServer::unary(NAME, move |_| async move { Ok(Bytes::from(name)) })
}

fn with_health(stub: StubServer, health: &HealthService) -> StubServer {
    let health = health.clone();
    stub.configure(move |server: Server| server.add_service(health.clone()))
}

/// A backend with a health service, which says nothing of `t.T` yet.
async fn healthy_backend(name: &'static str) -> (RunningStub, HealthReporter) {
    let health = health::service();
    let stub = with_health(backend(name), &health).start().await;
    (stub, health.reporter())
}

fn channel(stubs: &[&RunningStub], settings: impl Fn(ChannelBuilder) -> ChannelBuilder) -> Channel {
    let addresses: Vec<_> = stubs.iter().map(|s| s.address().to_string()).collect();
    let builder = Channel::builder(format!("ipv4:{}", addresses.join(",")));
    let builder = settings(builder.insecure().default_service_config(CHECKED));
    builder.build().unwrap()
}

/// The backends that answer a few calls.
async fn answering(channel: &Channel) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for _ in 0..6 {
        let call = calls::unary(channel, NAME, Bytes::new()).wait_for_ready();
        let reply = within(PATIENCE, "a call", call.into_future())
            .await
            .unwrap();
        names.insert(String::from_utf8(reply.to_vec()).unwrap());
    }
    names
}

/// Until exactly these backends answer.
async fn until_answered_by(channel: &Channel, names: &[&str]) {
    let expected: BTreeSet<_> = names.iter().map(|name| name.to_string()).collect();
    let reached = async { while answering(channel).await != expected {} };
    within(PATIENCE, &format!("answers of {names:?}"), reached).await;
}

#[tokio::test]
async fn calls_go_to_the_backends_that_say_they_serve_and_follow_each_change() {
    let ((a, of_a), (b, of_b)) = (healthy_backend("a").await, healthy_backend("b").await);
    let channel = channel(&[&a, &b], |channel| channel);
    of_a.set_serving("t.T");
    until_answered_by(&channel, &["a"]).await;
    of_b.set_serving("t.T");
    until_answered_by(&channel, &["a", "b"]).await;
    of_a.set_not_serving("t.T");
    until_answered_by(&channel, &["b"]).await;
    of_a.set_serving("t.T");
    of_b.shutdown();
    until_answered_by(&channel, &["a"]).await;
    of_b.resume();
    until_answered_by(&channel, &["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn another_connection_of_the_backend_takes_the_watch_over_when_its_own_is_lost() {
    let health = health::service();
    let reporter = health.reporter();
    reporter.set_serving("t.T");
    let server = with_health(backend("a"), &health).unbound();
    let lines: Arc<Mutex<Vec<Control>>> = Arc::default();
    let made = Arc::clone(&lines);
    let connect = move |_: &farcall_net::Address| {
        let (near, far, control) = duplex(7, NetConfig::default());
        made.lock().unwrap().push(control);
        tokio::spawn(server.serve(far));
        Box::pin(async move { Ok(Box::new(near) as Box<dyn ByteStream>) }) as _
    };
    let builder = Channel::builder("passthrough:///a").connector(connect);
    let builder = builder.connections_per_backend(3).insecure();
    let channel = builder.default_service_config(CHECKED).build().unwrap();
    channel.connect().await.unwrap();
    tokio::time::sleep(SECOND).await;
    let ready = channel.clone();
    let changed = async move { ready.wait_for_state_change(ConnectivityState::Ready).await };
    let changed = tokio::spawn(changed);
    for lost in 0..3 {
        lines.lock().unwrap()[lost].lose();
        for _ in 0..30 {
            tokio::time::sleep(SECOND / 10).await;
            calls::unary(&channel, NAME, Bytes::new()).await.unwrap();
        }
    }
    assert!(!changed.is_finished(), "nobody notices");
    // It still hears of changes.
    reporter.set_not_serving("t.T");
    tokio::time::sleep(SECOND).await;
    let status = calls::unary(&channel, NAME, Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(status.message(), "the backend is not healthy");
}

#[tokio::test]
async fn calls_fail_with_what_the_backends_say_when_none_serves() {
    let (a, reporter) = healthy_backend("a").await;
    let channel = channel(&[&a], |channel| channel);
    reporter.set_not_serving("t.T");
    let status = channel.connect().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "the backend is not healthy");
    let cause = status.source().unwrap().to_string();
    assert_eq!(
        cause,
        "the backend says NOT_SERVING for the service \"t.T\""
    );
    let waiting = calls::unary(&channel, NAME, Bytes::new()).wait_for_ready();
    let waiting = tokio::spawn(waiting.into_future());
    reporter.set_serving("t.T");
    assert_eq!(
        *within(PATIENCE, "the call", waiting)
            .await
            .unwrap()
            .unwrap(),
        "a"
    );
}

#[tokio::test]
async fn a_backend_without_a_health_service_counts_as_healthy_and_the_log_says_so_once() {
    logged("");
    let (a, b) = (backend("a").start().await, backend("b").start().await);
    let channel = channel(&[&a, &b], |channel| channel);
    until_answered_by(&channel, &["a", "b"]).await;
    let lines = logged(&channel.target());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("has no health service"), "{lines:?}");
}

#[tokio::test]
async fn a_channel_can_be_told_to_ask_nobody() {
    let (a, reporter) = healthy_backend("a").await;
    reporter.set_not_serving("t.T");
    let channel = channel(&[&a], ChannelBuilder::disable_health_checks);
    assert_eq!(answering(&channel).await, ["a".to_owned()].into());
}

#[tokio::test]
async fn a_shutdown_of_the_backend_and_a_close_of_the_channel_do_not_wait_for_the_watch() {
    let (mut a, reporter) = healthy_backend("a").await;
    reporter.set_serving("t.T");
    let first = channel(&[&a], |channel| channel);
    until_answered_by(&first, &["a"]).await;
    a.begin_shutdown();
    let report = within(PATIENCE, "the shutdown", a.wait()).await;
    assert_eq!((report.connections_cut, report.calls_cut), (0, 0));

    let (mut b, reporter) = healthy_backend("b").await;
    reporter.set_serving("t.T");
    let second = channel(&[&b], |channel| channel);
    until_answered_by(&second, &["b"]).await;
    drop(second);
    b.begin_shutdown();
    within(PATIENCE, "the shutdown", b.wait()).await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_keeps_no_channel_from_going_idle() {
    let health = health::service();
    health.reporter().set_serving("t.T");
    let minute = 60 * SECOND;
    let stub = with_health(backend("a"), &health);
    let stub = stub.simulated_with(1, NetConfig::default(), move |channel| {
        channel
            .default_service_config(CHECKED)
            .idle_timeout(10 * minute)
    });
    let channel = stub.channel().clone();
    answering(&channel).await;
    let start = Instant::now();
    let idle = async {
        while channel.state() != ConnectivityState::Idle {
            channel.wait_for_state_change(channel.state()).await;
        }
    };
    within(120 * 60 * SECOND, "idleness", idle).await;
    let passed = start.elapsed();
    assert!((10 * minute..11 * minute).contains(&passed), "{passed:?}");
    assert_eq!(answering(&channel).await, ["a".to_owned()].into());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_the_server_ends_is_made_again_after_growing_pauses() {
    let watches = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&watches);
    let stub = backend("a").and(StubServer::server_streaming(
        "/grpc.health.v1.Health/Watch",
        move |request: Request<Bytes>, _| {
            assert_eq!(*request, &b"\x0a\x03t.T"[..]);
            seen.lock().unwrap().push(Instant::now());
            Box::pin(async { Err(farcall_net::Status::internal("no health today")) })
        },
    ));
    let stub = stub.simulated_with(1, NetConfig::default(), |channel| {
        channel.default_service_config(CHECKED)
    });
    let status = stub.channel().connect().await.unwrap_err();
    assert!(
        format!(
            "{status:#?} {:?}",
            status.source().unwrap().source().map(|e| e.to_string())
        )
        .contains("no health today")
    );
    tokio::time::sleep(20 * SECOND).await;
    let watches = watches.lock().unwrap().clone();
    assert_eq!(stub.connections(), 1);
    let pauses: Vec<_> = watches
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs_f64())
        .collect();
    assert!(pauses.len() >= 4, "{pauses:?}");
    let mut nominal = 1.0;
    for pause in &pauses {
        // A round trip on the simulated network comes on top.
        assert!(
            (nominal * 0.799..nominal * 1.201 + 0.3).contains(pause),
            "{pauses:?}"
        );
        nominal *= 1.6;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_the_watch_alone_before_it_goes_away_is_connected_again_after_a_pause()
 {
    let connections = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&connections);
    let connect = move |_: &farcall_net::Address| {
        let mut seen = seen.lock().unwrap();
        seen.push(Instant::now());
        if seen.len() > 100 {
            return Box::pin(std::future::pending()) as _; // simulated time must go on
        }
        let (near, far) = tokio::io::duplex(64 << 10);
        tokio::spawn(async move {
            let mut peer = ScriptedPeer::server(far);
            peer.handshake().await;
            peer.expect_headers(1).await;
            peer.response(1).await;
            peer.data(1, &message(b"\x08\x01"), false).await;
            peer.goaway(1, Reason::NO_ERROR, "enough").await;
            peer.expect_end().await;
        });
        Box::pin(async { Ok(Box::new(near) as Box<dyn ByteStream>) }) as _
    };
    let channel = Channel::builder("passthrough:///peer")
        .connector(connect)
        .insecure()
        .default_service_config(CHECKED)
        .build()
        .unwrap();
    let _connecting = tokio::spawn({
        let channel = channel.clone();
        async move { channel.connect().await }
    });
    tokio::time::sleep(10 * SECOND).await;
    let connections = connections.lock().unwrap().clone();
    assert!(connections.len() > 2);
    for pair in connections.windows(2) {
        assert!(pair[1] - pair[0] >= SECOND * 79 / 100, "{connections:?}");
    }
}
