//! Several connections to one backend: when the server allows too few streams (gRFC A105), and by choice.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_net::{
    Address, Channel, ChannelBuilder, Code,
    ConnectivityState::Ready,
    Request, Status,
    client::{ByteStream, Connecting},
};
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{SimulatedStub, StubServer, calls},
};
use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, task::JoinHandle, time::sleep};

const HOLD: &str = "/t.T/Hold";
const SCALING: &str = r#"{"connectionScaling": {"maxConnectionsPerSubchannel": 10}}"#;
const SECOND: Duration = Duration::from_secs(1);

/// Handlers that wait until they may end.
#[derive(Clone)]
struct Hold {
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Hold {
    fn new() -> Hold {
        Hold {
            running: Arc::default(),
            most: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    /// A server that allows 10 streams on a connection.
    fn stub(&self) -> StubServer {
        let hold = self.clone();
        let stub = StubServer::unary(HOLD, move |_: Request<Bytes>| {
            let hold = hold.clone();
            async move {
                let now = hold.running.fetch_add(1, SeqCst) + 1;
                hold.most.fetch_max(now, SeqCst);
                hold.gate.acquire().await.unwrap().forget();
                hold.running.fetch_sub(1, SeqCst);
                Ok(Bytes::new())
            }
        });
        stub.configure(|server| server.max_concurrent_streams(10))
    }

    fn simulated(&self, settings: impl FnOnce(ChannelBuilder) -> ChannelBuilder) -> SimulatedStub {
        self.stub()
            .simulated_with(7, NetConfig::default(), settings)
    }

    fn running(&self) -> usize {
        self.running.load(SeqCst)
    }
}

fn start(channel: &Channel, count: usize) -> Vec<JoinHandle<Result<(), Status>>> {
    let call = |_| {
        let call = calls::unary(channel, HOLD, Bytes::new());
        tokio::spawn(async move { call.await.map(drop) })
    };
    (0..count).map(call).collect()
}

async fn all_succeed(calls: Vec<JoinHandle<Result<(), Status>>>) {
    for call in calls {
        within(PATIENCE, "a call", call).await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_calls_on_ten_streams_each_get_exactly_ten_connections_and_none_queues() {
    let hold = Hold::new();
    let stub = hold.simulated(|channel| channel.default_service_config(SCALING));
    let calls = start(stub.channel(), 100);
    sleep(SECOND).await;
    assert_eq!((stub.connections(), hold.running()), (10, 100));
    // More than that have to wait, each for the end of another one.
    let more = start(stub.channel(), 5);
    sleep(100 * SECOND).await;
    assert_eq!((stub.connections(), hold.running()), (10, 100));
    hold.gate.add_permits(5);
    sleep(SECOND).await;
    assert_eq!((stub.connections(), hold.running()), (10, 100));
    hold.gate.add_permits(1000);
    all_succeed(calls).await;
    all_succeed(more).await;
    // The same again finds them ready.
    let permits = hold.gate.available_permits();
    hold.gate.forget_permits(permits);
    let calls = start(stub.channel(), 100);
    sleep(SECOND).await;
    assert_eq!((stub.connections(), hold.running()), (10, 100));
    hold.gate.add_permits(100);
    all_succeed(calls).await;
    assert_eq!(hold.most.load(SeqCst), 100);
}

#[tokio::test(start_paused = true)]
async fn without_the_config_there_is_one_connection_and_calls_wait_in_order() {
    let hold = Hold::new();
    let stub = hold.simulated(|channel| channel);
    let calls = start(stub.channel(), 30);
    sleep(SECOND).await;
    assert_eq!((stub.connections(), hold.running()), (1, 10));
    for ended in (10..=30).step_by(10) {
        hold.gate.add_permits(10);
        sleep(SECOND).await;
        let finished = calls.iter().take_while(|call| call.is_finished()).count();
        assert_eq!(finished, ended);
    }
    assert_eq!(stub.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_given_up_leave_their_places_to_others() {
    let hold = Hold::new();
    let config = r#"{"connectionScaling": {"maxConnectionsPerSubchannel": 2}}"#;
    let stub = hold.simulated(|channel| channel.default_service_config(config));
    for _ in 0..20 {
        let calls = start(stub.channel(), 40);
        sleep(SECOND).await;
        for call in calls {
            call.abort();
        }
        sleep(SECOND).await;
    }
    assert_eq!(stub.connections(), 2);
    let running = hold.running();
    hold.gate.add_permits(1000);
    all_succeed(start(stub.channel(), 100)).await;
    assert!(running <= 400, "{running}");
}

#[tokio::test(start_paused = true)]
async fn wanted_connections_are_made_at_once_and_a_lost_one_is_replaced_without_a_change_of_state()
{
    let hold = Hold::new();
    let stub = hold.simulated(|channel| channel.connections_per_backend(4));
    stub.channel().connect().await.unwrap();
    sleep(SECOND).await;
    assert_eq!(stub.connections(), 4);
    let calls = start(stub.channel(), 40);
    sleep(SECOND).await;
    assert_eq!((stub.connections(), hold.running()), (4, 40));
    hold.gate.add_permits(40);
    all_succeed(calls).await;
    let change = stub.channel().wait_for_state_change(Ready);
    let watch = tokio::time::timeout(10 * SECOND, change);
    stub.control().lose();
    assert!(watch.await.is_err(), "the channel stays ready");
    assert_eq!(stub.connections(), 5);
    hold.gate.add_permits(100);
    all_succeed(start(stub.channel(), 100)).await;
}

#[tokio::test]
async fn calls_take_turns_on_the_connections_of_a_backend() {
    let seen: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let book = Arc::clone(&seen);
    let stub = StubServer::unary(HOLD, move |request: Request<Bytes>| {
        let peer = request.peer().unwrap().remote_address().to_string();
        *book.lock().unwrap().entry(peer).or_default() += 1;
        async { Ok(Bytes::new()) }
    });
    let stub = stub.start().await;
    let channel = stub.channel_builder().connections_per_backend(4);
    let channel = channel.insecure().build().unwrap();
    channel.connect().await.unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while seen.lock().unwrap().len() < 4 {
        assert!(std::time::Instant::now() < deadline);
        calls::unary(&channel, HOLD, Bytes::new()).await.unwrap();
    }
    seen.lock().unwrap().clear();
    for _ in 0..400 {
        calls::unary(&channel, HOLD, Bytes::new()).await.unwrap();
    }
    let spread: Vec<_> = seen.lock().unwrap().values().copied().collect();
    assert_eq!(spread, [100; 4]);
}

#[tokio::test(start_paused = true)]
async fn further_connections_that_fail_are_tried_again_after_pauses_while_calls_wait() {
    let hold = Hold::new();
    let server = hold.stub().unbound();
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&attempts);
    let connect = move |_: &Address| {
        let (near, far) = tokio::io::duplex(1 << 16);
        // All but the first and the fourth are refused.
        if !matches!(count.fetch_add(1, SeqCst), 0 | 3) {
            return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) }) as Connecting;
        }
        tokio::spawn(server.serve(far));
        Box::pin(async move { Ok(Box::new(near) as Box<dyn ByteStream>) }) as Connecting
    };
    let channel = Channel::builder("passthrough:///shy").connector(connect);
    let channel = channel
        .default_service_config(SCALING)
        .insecure()
        .build()
        .unwrap();
    let calls = start(&channel, 20);
    sleep(SECOND / 2).await;
    assert_eq!((attempts.load(SeqCst), hold.running()), (2, 10));
    sleep(5 * SECOND).await;
    assert_eq!((attempts.load(SeqCst), hold.running()), (4, 20));
    hold.gate.add_permits(100);
    all_succeed(calls).await;
    let tried = attempts.load(SeqCst);
    sleep(300 * SECOND).await;
    assert_eq!(attempts.load(SeqCst), tried, "nobody waits any more");
}

#[tokio::test(start_paused = true)]
async fn all_connections_of_a_backend_close_when_the_channel_goes_idle_or_is_closed() {
    let hold = Hold::new();
    let stub = hold.simulated(|channel| channel.connections_per_backend(4));
    stub.channel().connect().await.unwrap();
    sleep(31 * 60 * SECOND).await;
    let report = stub.shut_down(SECOND).await;
    assert_eq!(report.connections_cut, 0, "{report:?}");

    let hold = Hold::new();
    let stub = hold.simulated(|channel| channel.connections_per_backend(4));
    let calls = start(stub.channel(), 8);
    sleep(SECOND).await;
    stub.channel().close();
    for call in calls {
        let status = call.await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::Cancelled, "{status}");
    }
    let report = stub.shut_down(SECOND).await;
    assert_eq!(report.connections_cut, 0, "{report:?}");
}
