//! The counters of what peers do wrong, on either side.

use crate::echo::echo;
use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_http2::Reason;
use farcall_net::{
    Channel, Code,
    peer::{Act, Budget, PeerMisbehaved, PeerReport, PeerReports},
    tls::ServerTls,
};
use farcall_testkit::{
    scripted_peer::{ScriptedPeer, message},
    stub_server::calls,
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The report once it says so.
async fn until(reports: &PeerReports, says: impl Fn(&PeerReport) -> bool) -> PeerReport {
    let poll = async {
        loop {
            let report = reports.snapshot();
            if says(&report) {
                return report;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let limit = tokio::time::timeout(PATIENCE, poll).await;
    limit.unwrap_or_else(|_| panic!("it never came to that: {:?}", reports.snapshot()))
}

#[tokio::test]
async fn a_server_counts_what_breaks_a_call_and_what_breaks_a_connection() {
    let stub = echo().start().await;
    let reports = stub.peer_reports();
    assert_eq!(reports.snapshot().misbehaved().count(), 0);
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    // An open call, a request that becomes none, a call that is over, and the connection.
    peer.request(1, "/t.T/Echo", &[]).await;
    peer.window_update(1, 0).await;
    peer.expect_rst(1).await;
    peer.request(3, "/t.T/Echo", &[("connection", "close")])
        .await;
    peer.expect_rst(3).await;
    peer.request(5, "/t.T/Echo", &[]).await;
    peer.data(5, &message(b""), true).await;
    peer.expect_exchange(5).await;
    peer.data(5, b"late", false).await;
    peer.expect_rst(5).await;
    peer.request(7, "/t.T/Echo", &[]).await;
    peer.rst(7, Reason::CANCEL).await;
    peer.window_update(0, 0).await;
    peer.expect_goaway().await;
    let report = until(&reports, |report| report.goaways_sent > 0).await;
    let expected = [
        (PeerMisbehaved::FrameOnClosedStream, 1),
        (PeerMisbehaved::ZeroWindowUpdate, 2),
        (PeerMisbehaved::ConnectionSpecificField, 1),
    ];
    assert_eq!(report.misbehaved().collect::<Vec<_>>(), expected);
    assert_eq!(report.goaways_sent, 1);
    // Calls that had to be reset for its faults, and one that it took back.
    let acts = (report.acted(Act::StreamError), report.acted(Act::Reset));
    assert_eq!(acts, (3, 1));
    assert_eq!(
        (report.handshakes_failed, report.connections_refused),
        (0, 0)
    );
}

#[tokio::test]
async fn pauses_in_reading_are_counted() {
    let budget = Budget {
        burst: 20,
        per_second: 1000,
    };
    let stub = echo()
        .configure(move |server| server.peer_budget(Act::Idle, budget))
        .start()
        .await;
    let reports = stub.peer_reports();
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    for _ in 0..15 {
        peer.frame(0x42, 0, 0, b"").await;
    }
    let report = until(&reports, |report| report.reading_paused > 0).await;
    assert_eq!((report.goaways_sent, report.misbehaved().count()), (0, 0));
}

#[tokio::test]
async fn a_silent_peer_that_keepalive_gives_up_is_counted() {
    let stub = echo()
        .configure(|server| server.keepalive(Duration::from_secs(1), Duration::from_millis(50)))
        .start()
        .await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    until(&stub.peer_reports(), |report| report.goaways_sent == 1).await;
}

#[tokio::test]
async fn handshakes_that_fail_are_counted() {
    let tls = ServerTls::from_pem(
        include_str!("../../../crates/net/src/tls/testdata/server.pem"),
        include_str!("../../../crates/net/src/tls/testdata/server.key"),
    );
    let tls = tls.unwrap();
    let stub = echo().configure(move |server| server.tls(tls.clone()));
    let stub = stub.start().await;
    let mut stream = TcpStream::connect(stub.address()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.ok();
    let report = until(&stub.peer_reports(), |report| report.handshakes_failed > 0).await;
    assert_eq!(report.handshakes_failed, 1);
}

#[tokio::test]
async fn a_channel_counts_what_its_servers_do_and_its_clones_count_together() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("ipv4:{}", listener.local_addr().unwrap());
    let channel = Channel::builder(target).insecure().build().unwrap();
    let reports = channel.clone().peer_reports();
    let call = tokio::spawn({
        let channel = channel.clone();
        async move {
            let call = calls::unary(&channel, "/t.T/Any", Bytes::new()).timeout(PATIENCE);
            call.await.unwrap_err().code()
        }
    });
    let mut server = ScriptedPeer::accept(&listener).await.unwrap();
    server.handshake().await;
    server.expect_headers(1).await;
    server.expect_data(1).await;
    server.headers(1, &[(":status", "ok")], false).await;
    assert_eq!(server.expect_rst(1).await, Reason::PROTOCOL_ERROR);
    assert_eq!(call.await.unwrap(), Code::Internal);
    for _ in 0..1100 {
        server.ping(7, false).await;
    }
    server.expect_goaway().await;
    let report = until(&reports, |report| report.goaways_sent > 0).await;
    assert_eq!(report.times(PeerMisbehaved::InvalidStatus), 1);
    assert_eq!(report.times(PeerMisbehaved::TooManyPings), 1);
    assert!(report.reading_paused > 0, "{report:?}");
    within(PATIENCE, "nothing", async { drop(channel) }).await;
}
