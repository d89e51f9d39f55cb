//! What the end of a drain cuts, and what it counts.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_net::{
    Channel,
    tls::{ClientTls, ServerTls},
};
use farcall_testkit::{
    scripted_peer::{ScriptedPeer, message},
    stub_server::{RunningStub, StubServer},
};
use std::time::Duration;
use tokio::{io::AsyncReadExt, net::TcpStream};

macro_rules! certificate {
    ($file:literal) => {
        include_str!(concat!("../../../crates/net/src/tls/testdata/", $file))
    };
}

/// Longer than any test may take.
const LONG: Duration = Duration::from_secs(60);

fn large(drain: Duration) -> StubServer {
    let stub = StubServer::unary("/t.T/Large", |_| async {
        Ok(Bytes::from(vec![7; 4 << 20]))
    });
    stub.drain(drain)
}

async fn report(stub: RunningStub) -> (usize, usize) {
    let report = within(PATIENCE, "the shutdown", stub.wait()).await;
    (report.connections_cut, report.calls_cut)
}

#[tokio::test]
async fn a_call_whose_answer_was_not_taken_is_counted() {
    let mut stub = large(Duration::from_millis(100)).start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    // All of it may be sent as far as HTTP/2 goes, and nothing of it is read.
    peer.preface().await;
    peer.settings(&[(4, i32::MAX as u32)]).await;
    peer.window_update(0, 1 << 30).await;
    peer.request(1, "/t.T/Large", &[]).await;
    peer.data(1, &message(b""), true).await;
    let mut seen = vec![0; 64 << 10];
    while peer.io().peek(&mut seen).await.unwrap() < 16 << 10 {
        tokio::task::yield_now().await;
    }
    stub.begin_shutdown();
    assert_eq!(report(stub).await, (1, 1));
}

#[tokio::test]
async fn a_call_whose_answer_waits_for_a_window_is_counted_once() {
    let mut stub = large(Duration::from_millis(100)).start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    peer.request(1, "/t.T/Large", &[]).await;
    peer.data(1, &message(b""), true).await;
    peer.expect_headers(1).await;
    stub.begin_shutdown();
    assert_eq!(report(stub).await, (1, 1));
}

#[tokio::test]
async fn a_call_whose_answer_had_to_wait_and_was_taken_is_not_counted() {
    let stub = StubServer::unary("/t.T/Large", |_| async {
        Ok(Bytes::from(vec![7; 100_000]))
    });
    let stub = stub.and(StubServer::unary("/t.T/Never", |_| {
        std::future::pending::<Result<Bytes, _>>()
    }));
    let mut stub = stub.drain(Duration::from_millis(100)).start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    peer.request(1, "/t.T/Never", &[]).await;
    peer.data(1, &message(b""), true).await;
    peer.request(3, "/t.T/Large", &[]).await;
    peer.data(3, &message(b""), true).await;
    peer.expect_headers(3).await;
    peer.window_update(3, 1 << 20).await;
    peer.window_update(0, 1 << 20).await;
    let mut received = 0;
    while received < 100_005 {
        received += peer.expect_data(3).await.0.len();
    }
    peer.expect_headers(3).await;
    stub.begin_shutdown();
    assert_eq!(report(stub).await, (1, 1), "the one that never ends");
}

#[tokio::test]
async fn a_connection_that_only_waits_for_its_client_to_close_is_not_cut() {
    let mut stub = large(Duration::from_millis(300)).start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    stub.begin_shutdown();
    peer.expect_goaway().await;
    peer.expect_goaway().await;
    assert_eq!(report(stub).await, (0, 0));
    drop(peer);
}

#[tokio::test]
async fn nobody_waits_for_a_client_that_never_shakes_hands() {
    let tls = ServerTls::from_pem(certificate!("server.pem"), certificate!("server.key")).unwrap();
    let stub = large(LONG).configure(move |server| server.tls(tls.clone()));
    let mut stub = stub.start().await;
    let silent = TcpStream::connect(stub.address()).await.unwrap();
    // One that comes later is served: so the silent one has been accepted.
    let target = format!("dns:///localhost:{}", stub.address().port());
    let known = ClientTls::ca_pem(certificate!("ca.pem")).unwrap();
    let other = Channel::builder(target).tls(known).build().unwrap();
    within(PATIENCE, "another client", other.connect())
        .await
        .unwrap();
    drop(other);
    stub.begin_shutdown();
    assert_eq!(report(stub).await, (0, 0));
    drop(silent);
}

#[tokio::test]
async fn nobody_waits_for_a_client_that_never_says_anything() {
    let mut stub = large(LONG).start().await;
    let mut silent = TcpStream::connect(stub.address()).await.unwrap();
    // The server's settings: it has accepted.
    within(PATIENCE, "the preface", silent.read_u8())
        .await
        .unwrap();
    stub.begin_shutdown();
    let start = tokio::time::Instant::now();
    assert_eq!(report(stub).await, (0, 0));
    assert!(start.elapsed() < Duration::from_secs(5));
    drop(silent);
}
