//! Deadlines: they cover the whole call, on both sides.

use crate::{everywhere, reach::Reach};
use bytes::Bytes;
use farcall_e2e::{PATIENCE, PROMPTLY, Probe, within};
use farcall_http2::Reason;
use farcall_net::{Channel, Code};
use farcall_testkit::{
    scripted_peer::{ScriptedPeer, message},
    stub_server::{StubServer, calls},
};
use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

everywhere![
    a_sleeping_handler_and_its_caller_both_end_at_the_deadline,
    a_stream_ends_at_its_deadline_after_the_messages_that_came_before,
    the_earlier_of_timeout_and_deadline_counts,
    a_call_that_is_done_in_time_has_no_deadline_behind_it,
];

const SHORT: Duration = Duration::from_millis(50);

/// Sleeps for ever, and notes the deadline that it was given.
fn sleeper(probe: &Probe, seen: &Arc<Mutex<Option<Duration>>>) -> StubServer {
    let (probe, seen) = (probe.clone(), Arc::clone(seen));
    StubServer::unary("/t.T/Sleep", move |request| {
        let guard = probe.enter();
        *seen.lock().unwrap() = request.deadline().map(|deadline| deadline - Instant::now());
        async move {
            let _guard = guard;
            pending::<Result<Bytes, _>>().await
        }
    })
}

async fn a_sleeping_handler_and_its_caller_both_end_at_the_deadline() {
    let (probe, seen) = (Probe::new(), Arc::default());
    let channel = sleeper(&probe, &seen).reach();
    channel.connect().await.unwrap();
    let start = Instant::now();
    let status = calls::unary(&channel, "/t.T/Sleep", Bytes::new())
        .timeout(SHORT)
        .await
        .unwrap_err();
    let took = start.elapsed();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert!(took >= SHORT && took < SHORT + PROMPTLY, "{took:?}");
    within(PROMPTLY, "the handler's end", probe.ended(1)).await;
    let seen = seen
        .lock()
        .unwrap()
        .expect("the handler knows the deadline");
    assert!(seen <= SHORT && seen > Duration::ZERO, "{seen:?}");
}

#[tokio::test]
async fn the_server_itself_says_deadline_exceeded_to_a_client_that_waits() {
    let (probe, seen) = (Probe::new(), Arc::default());
    let stub = sleeper(&probe, &seen).start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    peer.request(1, "/t.T/Sleep", &[("grpc-timeout", "50m")])
        .await;
    peer.data(1, &message(b""), true).await;
    let start = Instant::now();
    let exchange = peer.expect_exchange(1).await;
    assert_eq!(
        exchange.last().grpc_status(),
        Some(Code::DeadlineExceeded as u32)
    );
    assert!(start.elapsed() < SHORT + PROMPTLY);
    within(PROMPTLY, "the handler's end", probe.ended(1)).await;
}

#[tokio::test]
async fn a_request_that_arrives_too_late_starts_no_handler() {
    let (probe, seen) = (Probe::new(), Arc::default());
    let stub = sleeper(&probe, &seen).start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    peer.request(1, "/t.T/Sleep", &[("grpc-timeout", "0n")])
        .await;
    peer.data(1, &message(b""), true).await;
    let exchange = peer.expect_exchange(1).await;
    assert_eq!(
        exchange.last().grpc_status(),
        Some(Code::DeadlineExceeded as u32)
    );
    assert_eq!(probe.counts(), (0, 0));
}

#[tokio::test]
async fn a_server_that_does_not_answer_cannot_hold_a_call_beyond_its_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("ipv4:{}", listener.local_addr().unwrap());
    let channel = Channel::builder(target).insecure().build().unwrap();
    let call =
        calls::unary(&channel, "/t.T/Sleep", Bytes::new()).timeout(Duration::from_millis(200));
    let call = tokio::spawn(call.into_future());
    let mut server = ScriptedPeer::accept(&listener).await.unwrap();
    server.handshake().await;
    let (head, _) = server.expect_headers(1).await;
    let timeout = head.get("grpc-timeout").expect("the server is told");
    let (digits, unit) = timeout.split_at(timeout.len() - 1);
    assert!(
        digits.len() <= 8 && ["n", "u", "m"].contains(&unit),
        "{timeout}"
    );
    server.expect_data(1).await;
    assert_eq!(server.expect_rst(1).await, Reason::CANCEL);
    let status = call.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

/// Both ends watch the deadline; which of them is heard first says nothing about the call.
#[tokio::test]
async fn a_cancel_of_the_server_that_is_read_after_the_deadline_counts_as_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("ipv4:{}", listener.local_addr().unwrap());
    let channel = Channel::builder(target).insecure().build().unwrap();
    let call = calls::unary(&channel, "/t.T/Sleep", Bytes::new()).timeout(4 * SHORT);
    let call = tokio::spawn(call.into_future());
    let mut server = ScriptedPeer::accept(&listener).await.unwrap();
    server.handshake().await;
    server.expect_headers(1).await;
    server.expect_data(1).await;
    server.rst(1, Reason::CANCEL).await;
    // The runtime has this one thread: the driver's next turn finds the frame and the deadline.
    std::thread::sleep(4 * SHORT);
    let status = call.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
}

#[tokio::test]
async fn the_time_to_connect_counts() {
    // Accepts and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("ipv4:{}", listener.local_addr().unwrap());
    let channel = Channel::builder(target).insecure().build().unwrap();
    let start = Instant::now();
    let status = calls::unary(&channel, "/t.T/Any", Bytes::new())
        .timeout(SHORT)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(start.elapsed() < SHORT + PROMPTLY);
}

async fn a_stream_ends_at_its_deadline_after_the_messages_that_came_before() {
    let probe = Probe::new();
    let inside = probe.clone();
    let stub = StubServer::server_streaming("/t.T/Tick", move |_, replies| {
        let guard = inside.enter();
        Box::pin(async move {
            let _guard = guard;
            replies.send("tick".into()).await?;
            pending().await
        })
    });
    let channel = stub.reach();
    channel.connect().await.unwrap();
    let call = calls::server_streaming(&channel, "/t.T/Tick", Bytes::new()).timeout(SHORT);
    let mut replies = call.await.unwrap();
    assert_eq!(replies.message().await.unwrap().unwrap(), "tick");
    let status = within(PATIENCE, "the end", replies.message())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(
        replies.message().await.unwrap_err().code(),
        Code::DeadlineExceeded,
        "and stays so"
    );
    within(PROMPTLY, "the handler's end", probe.ended(1)).await;
}

async fn the_earlier_of_timeout_and_deadline_counts() {
    let (probe, seen) = (Probe::new(), Arc::default());
    let channel = sleeper(&probe, &seen).reach();
    channel.connect().await.unwrap();
    let start = Instant::now();
    let call = calls::unary(&channel, "/t.T/Sleep", Bytes::new());
    let status = call
        .deadline(start + SHORT)
        .timeout(PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(start.elapsed() < SHORT + PROMPTLY);
    let past = calls::unary(&channel, "/t.T/Sleep", Bytes::new()).deadline(start);
    assert_eq!(past.await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(probe.counts().0, 1, "a call whose time is up is not made");
}

async fn a_call_that_is_done_in_time_has_no_deadline_behind_it() {
    let channel = StubServer::unary("/t.T/Quick", |_| async { Ok(Bytes::from("done")) }).reach();
    for _ in 0..20 {
        let reply = calls::unary(&channel, "/t.T/Quick", Bytes::new())
            .timeout(SHORT * 20)
            .await
            .unwrap();
        assert_eq!(*reply, "done");
    }
}
