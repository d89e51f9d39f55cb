//! Graceful shutdown, and what it has to cut.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, Probe, within};
use farcall_http2::Reason;
use farcall_net::Code;
use farcall_testkit::{
    scripted_peer::{Frame, ScriptedPeer, message},
    stub_server::{RunningStub, StubServer, calls},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Handlers that end when they get a permit.
async fn gated(drain: Duration) -> (RunningStub, Probe, Arc<Semaphore>) {
    let (probe, gate) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let (inside, door) = (probe.clone(), Arc::clone(&gate));
    let stub = StubServer::unary("/t.T/Wait", move |_| {
        let (guard, door) = (inside.enter(), Arc::clone(&door));
        async move {
            let _guard = guard;
            door.acquire().await.unwrap().forget();
            Ok(Bytes::from("done"))
        }
    });
    (stub.drain(drain).start().await, probe, gate)
}

#[tokio::test]
async fn open_calls_finish_and_nothing_is_cut() {
    let (mut stub, probe, gate) = gated(PATIENCE).await;
    let channel = stub.channel();
    let call = tokio::spawn(calls::unary(&channel, "/t.T/Wait", Bytes::new()).into_future());
    within(PATIENCE, "the handler", probe.begun(1)).await;
    let address = stub.address();
    stub.begin_shutdown();
    within(PATIENCE, "the listener's end", async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gate.add_permits(1);
    assert_eq!(
        *within(PATIENCE, "the call", call).await.unwrap().unwrap(),
        "done"
    );
    let report = within(PATIENCE, "the shutdown", stub.wait()).await;
    assert_eq!((report.connections_cut, report.calls_cut), (0, 0));
}

#[tokio::test]
async fn what_is_left_when_the_drain_ends_is_cut_and_counted() {
    let (mut stub, probe, _gate) = gated(Duration::from_millis(50)).await;
    let (one, two) = (stub.channel(), stub.channel());
    let call =
        |channel| tokio::spawn(calls::unary(channel, "/t.T/Wait", Bytes::new()).into_future());
    let open = [call(&one), call(&one), call(&two)];
    within(PATIENCE, "the handlers", probe.begun(3)).await;
    stub.begin_shutdown();
    let report = within(PATIENCE, "the shutdown", stub.wait()).await;
    assert_eq!((report.connections_cut, report.calls_cut), (2, 3));
    let named: Vec<_> = report.calls.iter().map(|call| &call.method[..]).collect();
    assert_eq!(named, ["/t.T/Wait"; 3]);
    for call in open {
        let status = within(PATIENCE, "the call's end", call)
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    }
    within(PATIENCE, "the handlers' end", probe.ended(3)).await;
}

#[tokio::test]
async fn an_idle_connection_is_told_twice_and_closed() {
    let (mut stub, _, _) = gated(PATIENCE).await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    stub.begin_shutdown();
    let (last, reason, _) = peer.expect_goaway().await;
    assert_eq!(
        (last, reason),
        ((1 << 31) - 1, Reason::NO_ERROR),
        "a warning first"
    );
    let (last, reason, _) = peer.expect_goaway().await;
    assert_eq!((last, reason), (0, Reason::NO_ERROR));
    peer.expect_end().await;
    let report = within(PATIENCE, "the shutdown", stub.wait()).await;
    assert_eq!((report.connections_cut, report.calls_cut), (0, 0));
}

#[tokio::test]
async fn a_call_that_crossed_the_warning_is_served_and_a_later_one_is_not() {
    let (mut stub, probe, gate) = gated(PATIENCE).await;
    gate.add_permits(10);
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    peer.set_polite(false);
    stub.begin_shutdown();
    let (last, _, _) = peer.expect_goaway().await;
    assert_eq!(last, (1 << 31) - 1);
    // The client has not seen the warning when it sends this.
    peer.request(1, "/t.T/Wait", &[]).await;
    peer.data(1, &message(b""), true).await;
    let exchange = peer.expect_exchange(1).await;
    assert_eq!(exchange.last().grpc_status(), Some(0));
    assert_eq!(probe.counts(), (1, 1));
    drop(peer);
    within(PATIENCE, "the shutdown", stub.wait()).await;
}

#[tokio::test]
async fn the_final_goaway_names_the_last_call_that_is_served() {
    let (mut stub, probe, gate) = gated(PATIENCE).await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    peer.request(1, "/t.T/Wait", &[]).await;
    peer.data(1, &message(b""), true).await;
    within(PATIENCE, "the handler", probe.begun(1)).await;
    stub.begin_shutdown();
    peer.expect_goaway().await;
    let (last, _, _) = peer.expect_goaway().await;
    assert_eq!(last, 1);
    gate.add_permits(1);
    assert_eq!(peer.expect_exchange(1).await.last().grpc_status(), Some(0));
    let rest = peer.expect_end().await;
    assert!(rest.iter().all(Frame::is_upkeep), "{rest:?}");
}

#[tokio::test]
async fn a_channel_finds_the_server_that_comes_after_the_one_that_left() {
    let (mut stub, _, gate) = gated(PATIENCE).await;
    gate.add_permits(1);
    let (channel, address) = (stub.channel(), stub.address());
    calls::unary(&channel, "/t.T/Wait", Bytes::new())
        .await
        .unwrap();
    stub.begin_shutdown();
    stub.wait().await;
    let next = StubServer::unary("/t.T/Wait", |_| async { Ok(Bytes::from("the next")) });
    let next = next.start_at(address).await;
    let call = calls::unary(&channel, "/t.T/Wait", Bytes::new())
        .wait_for_ready()
        .into_future();
    assert_eq!(
        *within(PATIENCE, "the call", call).await.unwrap(),
        "the next"
    );
    drop(next);
}
