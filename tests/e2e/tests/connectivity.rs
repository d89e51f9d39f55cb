//! The connectivity of channels: states and their changes, idleness, backoff, closing, keepalive's lesson.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_http2::Reason;
use farcall_net::{
    Address, Channel, Code,
    ConnectivityState::{self, Connecting, Idle, Ready, Shutdown, TransientFailure},
    client::{ByteStream, Connecting as Opening},
};
use farcall_testkit::{
    scripted_peer::{Frame, ScriptedPeer},
    sim::NetConfig,
    stub_server::{SimulatedStub, StubServer, calls},
};
use std::{
    future::pending,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::DuplexStream,
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

const ECHO: &str = "/t.T/Echo";
const SLEEP: &str = "/t.T/Sleep";
const TALK: &str = "/t.T/Talk";
const MINUTE: Duration = Duration::from_secs(60);

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

fn simulated() -> SimulatedStub {
    stub().simulated(7, NetConfig::default())
}

async fn echo(channel: &Channel) -> Result<(), Code> {
    let call = calls::unary(channel, ECHO, Bytes::from("hello"));
    call.await.map(drop).map_err(|status| status.code())
}

/// Writes down the states of a channel as they come.
fn watch(channel: &Channel) -> Arc<Mutex<Vec<ConnectivityState>>> {
    let states = Arc::new(Mutex::new(vec![channel.state()]));
    let (channel, seen) = (channel.clone(), Arc::clone(&states));
    tokio::spawn(async move {
        let mut state = channel.state();
        loop {
            state = channel.wait_for_state_change(state).await;
            seen.lock().unwrap().push(state);
        }
    });
    states
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_change_of_state_sees_connecting_ready_idle_and_shutdown() {
    let stub = simulated();
    let states = watch(stub.channel());
    tokio::task::yield_now().await;
    stub.channel().connect().await.unwrap();
    sleep(31 * MINUTE).await;
    stub.channel().close();
    tokio::task::yield_now().await;
    assert_eq!(
        *states.lock().unwrap(),
        [Idle, Connecting, Ready, Idle, Shutdown]
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_change_connects_nothing() {
    let stub = simulated();
    let wait = stub.channel().wait_for_state_change(Idle);
    assert!(timeout(100 * MINUTE, wait).await.is_err());
    assert_eq!((stub.connections(), stub.channel().state()), (0, Idle));
}

#[tokio::test(start_paused = true)]
async fn a_channel_goes_idle_30_minutes_after_its_last_call_and_the_next_call_connects_again() {
    let stub = simulated();
    echo(stub.channel()).await.unwrap();
    sleep(20 * MINUTE).await;
    echo(stub.channel()).await.unwrap();
    let last = Instant::now();
    stub.channel().wait_for_state_change(Ready).await;
    assert_eq!(stub.channel().state(), Idle);
    let idle = last.elapsed();
    assert!(
        idle >= 30 * MINUTE - Duration::from_secs(1)
            && idle <= 30 * MINUTE + Duration::from_secs(1),
        "{idle:?}"
    );
    assert_eq!(stub.connections(), 1);
    let start = Instant::now();
    echo(stub.channel()).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!((stub.connections(), stub.channel().state()), (2, Ready));
}

#[tokio::test(start_paused = true)]
async fn an_open_call_keeps_its_channel_from_idleness_and_its_end_starts_the_time() {
    let stub = simulated();
    let (mut sender, mut replies) = calls::bidi(stub.channel(), TALK).split();
    sender.send(Bytes::from("one")).await.unwrap();
    replies.message().await.unwrap().unwrap();
    sleep(100 * MINUTE).await;
    assert_eq!(stub.channel().state(), Ready);
    sender.send(Bytes::from("two")).await.unwrap();
    replies.message().await.unwrap().unwrap();
    sender.half_close();
    assert!(replies.message().await.unwrap().is_none());
    let end = Instant::now();
    stub.channel().wait_for_state_change(Ready).await;
    let idle = end.elapsed().as_secs_f64();
    assert!((1799.0..=1801.0).contains(&idle), "{idle}");
}

#[tokio::test(start_paused = true)]
async fn the_idle_timeout_can_be_chosen_and_switched_off() {
    for (timeout, expected) in [
        (Some(MINUTE), Idle),
        (Some(Duration::ZERO), Ready),
        (None, Ready),
    ] {
        let stub = stub().simulated_with(7, NetConfig::default(), |channel| {
            channel.idle_timeout(timeout)
        });
        echo(stub.channel()).await.unwrap();
        sleep(90 * MINUTE).await;
        assert_eq!(stub.channel().state(), expected, "{timeout:?}");
    }
}

/// A connector that refuses, and tells when it was asked.
fn refusing() -> (Channel, Arc<Mutex<Vec<Instant>>>) {
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&attempts);
    let connect = move |_: &Address| {
        seen.lock().unwrap().push(Instant::now());
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) }) as Opening
    };
    let builder = Channel::builder("passthrough:///nobody").connector(connect);
    (builder.insecure().build().unwrap(), attempts)
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_nobody_calls_stops_trying_to_connect_and_one_that_is_called_goes_on() {
    let (channel, attempts) = refusing();
    channel.connect().await.unwrap_err();
    sleep(31 * MINUTE).await;
    let tried = attempts.lock().unwrap().len();
    assert!((15..30).contains(&tried), "{tried}");
    assert_eq!(channel.state(), Idle);
    sleep(60 * MINUTE).await;
    assert_eq!(attempts.lock().unwrap().len(), tried);

    channel.connect().await.unwrap_err();
    for _ in 0..20 {
        sleep(5 * MINUTE).await;
        assert_eq!(echo(&channel).await, Err(Code::Unavailable));
        assert_eq!(channel.state(), TransientFailure);
    }
}

#[tokio::test(start_paused = true)]
async fn resetting_the_backoff_ends_the_pause_and_begins_with_the_shortest_again() {
    let (channel, attempts) = refusing();
    channel.reset_backoff(); // nothing has begun
    assert_eq!(channel.state(), Idle);
    channel.connect().await.unwrap_err();
    sleep(4 * MINUTE).await;
    let count = || attempts.lock().unwrap().len();
    let before = count();
    channel.reset_backoff();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(count(), before + 1);
    sleep(Duration::from_millis(3500)).await; // 1 s and 1.6 s, each ± 20 %
    assert_eq!(count(), before + 3);
}

#[tokio::test(start_paused = true)]
async fn closing_a_channel_fails_open_waiting_and_later_calls_with_cancelled_for_all_its_clones() {
    let stub = simulated();
    echo(stub.channel()).await.unwrap();
    let open = tokio::spawn(calls::unary(stub.channel(), SLEEP, Bytes::new()).into_future());
    sleep(MINUTE).await;
    stub.channel().clone().close();
    assert_eq!(stub.channel().state(), Shutdown);
    let status = open.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
    assert_eq!(echo(stub.channel()).await, Err(Code::Cancelled));
    let status = stub.channel().connect().await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
    stub.channel().close();
    let report = within(PATIENCE, "no connection", stub.shut_down(MINUTE)).await;
    assert_eq!(report.connections_cut, 0, "{report:?}");

    let (channel, _) = refusing();
    let waiting = calls::unary(&channel, ECHO, Bytes::new()).wait_for_ready();
    let waiting = tokio::spawn(waiting.into_future());
    sleep(MINUTE).await;
    channel.close();
    let status = waiting.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
}

/// Fake servers, one for each connection of a channel.
fn scripted() -> (
    impl Fn(&Address) -> Opening + Send + Sync + 'static,
    mpsc::UnboundedReceiver<ScriptedPeer<DuplexStream>>,
) {
    let (sender, peers) = mpsc::unbounded_channel();
    let connect = move |_: &Address| {
        let (near, far) = tokio::io::duplex(1 << 16);
        sender.send(ScriptedPeer::server(far)).ok();
        Box::pin(async move { Ok(Box::new(near) as Box<dyn ByteStream>) }) as Opening
    };
    (connect, peers)
}

#[tokio::test(start_paused = true)]
async fn too_many_pings_doubles_the_interval_of_the_connections_that_follow() {
    let (connect, mut peers) = scripted();
    let channel = Channel::builder("passthrough:///strict")
        .connector(connect)
        .keepalive(Duration::from_secs(10), Duration::from_secs(5), true)
        .insecure()
        .build()
        .unwrap();
    for expected in [10, 20, 40] {
        let (connected, mut peer) = tokio::join!(channel.connect(), async {
            let mut peer = peers.recv().await.unwrap();
            peer.set_patience(5 * MINUTE);
            peer.handshake().await;
            peer
        });
        connected.unwrap();
        let start = Instant::now();
        while !matches!(
            peer.next_frame().await,
            Some(Frame::Ping { ack: false, .. })
        ) {}
        let pause = start.elapsed().as_secs_f64();
        assert!(
            (pause - f64::from(expected)).abs() < 1.0,
            "{pause} {expected}"
        );
        // A call, so that the connection is of some use and the next one is made at once.
        let call = tokio::spawn(calls::unary(&channel, ECHO, Bytes::new()).into_future());
        let (_, _) = peer.expect_headers(1).await;
        peer.goaway(1, Reason::ENHANCE_YOUR_CALM, "too_many_pings")
            .await;
        peer.headers(1, &[(":status", "200"), ("grpc-status", "0")], true)
            .await;
        call.await.unwrap().unwrap_err();
        channel.wait_for_state_change(Ready).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_pauses_between_attempts_to_connect_can_be_chosen() {
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&attempts);
    let connect = move |_: &Address| {
        seen.lock().unwrap().push(Instant::now());
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) }) as Opening
    };
    let millis = Duration::from_millis;
    let channel = Channel::builder("passthrough:///nobody")
        .connector(connect)
        .connect_backoff(millis(100), 3.0, millis(900))
        .insecure()
        .build()
        .unwrap();
    channel.connect().await.unwrap_err();
    sleep(10 * MINUTE).await;
    let attempts = attempts.lock().unwrap();
    let pauses: Vec<_> = attempts.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(pauses.len() > 500, "{}", pauses.len());
    for (pause, nominal) in pauses.iter().zip(
        [100, 300, 900]
            .into_iter()
            .chain([900].repeat(pauses.len())),
    ) {
        let (least, most) = (millis(nominal * 4 / 5), millis(nominal * 6 / 5 + 2));
        assert!((least..=most).contains(pause), "{pause:?} of {nominal} ms");
    }
}

#[tokio::test]
async fn no_pauses_between_attempts_to_connect_are_an_error_of_the_channel() {
    let (none, second) = (Duration::ZERO, Duration::from_secs(1));
    for (first, longest, named) in [(none, second, "first"), (second, none, "longest")] {
        let builder = Channel::builder("passthrough:///nobody").insecure();
        let error = builder.connect_backoff(first, 2.0, longest).build();
        let error = error.unwrap_err().to_string();
        let said = format!("connect_backoff: the {named} pause is zero");
        assert!(error.contains(&said), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_pause_that_is_longer_than_the_longest_is_as_the_longest() {
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&attempts);
    let connect = move |_: &Address| {
        seen.lock().unwrap().push(Instant::now());
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) }) as Opening
    };
    let second = Duration::from_secs(1);
    let channel = Channel::builder("passthrough:///nobody")
        .connector(connect)
        .connect_backoff(MINUTE, 1.0, second)
        .insecure()
        .build()
        .unwrap();
    channel.connect().await.unwrap_err();
    sleep(10 * second).await;
    let attempts = attempts.lock().unwrap().len();
    assert!((8..=14).contains(&attempts), "{attempts}");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_may_take_as_long_as_its_pause_unless_the_channel_says_less() {
    for limit in [None, Some(Duration::from_secs(20))] {
        let attempts = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&attempts);
        let connect = move |_: &Address| {
            seen.lock().unwrap().push(Instant::now());
            Box::pin(std::future::pending()) as Opening
        };
        let mut builder = Channel::builder("passthrough:///silence").connector(connect);
        if let Some(limit) = limit {
            builder = builder.connect_timeout(limit);
        }
        let long = builder.connect_backoff(MINUTE, 1.0, MINUTE);
        let channel = long.insecure().build().unwrap();
        let start = Instant::now();
        let status = channel.connect().await.unwrap_err();
        let taken = start.elapsed();
        let second = Duration::from_secs(1);
        let (least, most) = match limit {
            None => (MINUTE * 4 / 5, MINUTE * 6 / 5),
            Some(limit) => (limit, limit),
        };
        assert!(
            (least - second..most + second).contains(&taken),
            "{taken:?}"
        );
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(attempts.lock().unwrap().len(), 1);
    }
}
