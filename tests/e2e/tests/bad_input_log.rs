//! What bad input leaves in the log: a line for each cause, escaped, limited in rate, with a count of the rest.

use crate::{bad_input::Peer, echo::echo};
use farcall_e2e::{lines, logged};
use farcall_net::tls::ServerTls;
use farcall_testkit::{
    scripted_peer::{PREFACE, ScriptedPeer, message},
    stub_server::RunningStub,
};
use std::time::Duration;

async fn connect(stub: &RunningStub) -> (Peer, String) {
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    let address = peer.io().local_addr().unwrap().to_string();
    (peer, address)
}

async fn bad_request(peer: &mut Peer, stream: u32, path: &str, more: &[(&str, &str)]) {
    peer.request(stream, path, more).await;
    peer.data(stream, &message(b"x"), true).await;
    peer.expect_exchange(stream).await;
}

#[tokio::test]
async fn each_cause_has_a_line_of_its_own_with_the_peers_address() {
    logged("");
    let stub = echo()
        .configure(|server| server.max_receive_message_size(100))
        .start()
        .await;
    let (mut peer, address) = connect(&stub).await;
    let large = message(&[0; 200]);
    bad_request(&mut peer, 1, "/t.T/Echo", &[("grpc-timeout", "soon")]).await;
    bad_request(&mut peer, 3, "/t.T/Echo", &[("x-key-bin", "!")]).await;
    bad_request(&mut peer, 5, "/t.T/Echo", &[("grpc-encoding", "lzma")]).await;
    bad_request(&mut peer, 7, "/t.T/Unknown", &[]).await;
    peer.request(9, "/t.T/Echo", &[]).await;
    peer.data(9, &large, true).await;
    peer.expect_exchange(9).await;
    peer.headers(
        11,
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/t.T/Echo"),
        ],
        true,
    )
    .await;
    peer.expect_exchange(11).await;
    let wrong_type = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/t.T/Echo"),
        ("content-type", "text/html"),
    ];
    peer.headers(13, &wrong_type, true).await;
    peer.expect_exchange(13).await;
    peer.request(15, "/t.T/Echo", &[("connection", "close")])
        .await;
    peer.expect_rst(15).await;
    let lines = lines(&address, 8).await;
    assert_eq!(lines.len(), 8, "{lines:#?}");
    for cause in [
        "soon",
        "x-key-bin",
        "lzma",
        "unknown service",
        "max_receive_message_size",
        "GET",
        "text/html",
        "HTTP/1.1",
    ] {
        let about: Vec<_> = lines.iter().filter(|line| line.contains(cause)).collect();
        assert_eq!(about.len(), 1, "{cause}: {lines:#?}");
    }
}

#[tokio::test]
async fn a_connection_that_is_not_http2_has_a_line() {
    logged("");
    let stub = echo().start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    let address = peer.io().local_addr().unwrap().to_string();
    peer.raw(b"GET / HTTP/1.1\r\n\r\n").await;
    peer.expect_end().await;
    let lines = lines(&address, 1).await;
    assert!(lines[0].contains("HTTP/1.1"), "{lines:?}");
}

#[tokio::test]
async fn a_handshake_that_is_not_tls_has_a_line() {
    logged("");
    let tls = ServerTls::from_pem(
        include_str!("../../../crates/net/src/tls/testdata/server.pem"),
        include_str!("../../../crates/net/src/tls/testdata/server.key"),
    )
    .unwrap();
    let stub = echo().configure(move |server| server.tls(tls.clone()));
    let stub = stub.start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.set_polite(false);
    let address = peer.io().local_addr().unwrap().to_string();
    peer.raw(b"GET / HTTP/1.1\r\n\r\n").await;
    let lines = lines(&address, 1).await;
    assert!(lines[0].contains("TLS"), "{lines:?}");
    assert!(!lines[0].chars().any(char::is_control), "{lines:?}");
}

#[tokio::test]
async fn a_silent_connection_has_a_line() {
    logged("");
    let stub = echo()
        .configure(|server| server.handshake_timeout(Duration::from_millis(50)))
        .start()
        .await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    let address = peer.io().local_addr().unwrap().to_string();
    peer.raw(&PREFACE[..7]).await;
    peer.expect_end().await;
    let lines = lines(&address, 1).await;
    assert!(lines[0].contains("preface"), "{lines:?}");
}

#[tokio::test]
async fn what_a_peer_says_is_escaped() {
    logged("");
    let stub = echo().start().await;
    let (mut peer, address) = connect(&stub).await;
    bad_request(
        &mut peer,
        1,
        "/t.T/Echo",
        &[("grpc-timeout", "\u{1b}[31mred\u{7f}\t\u{85}")],
    )
    .await;
    let lines = lines(&address, 1).await;
    assert!(lines[0].contains("[31mred"), "{lines:?}");
    assert!(!lines[0].chars().any(char::is_control), "{lines:?}");
}

#[tokio::test]
async fn a_flood_of_one_cause_has_a_line_a_second_and_a_count() {
    logged("");
    let stub = echo().start().await;
    let (mut peer, address) = connect(&stub).await;
    for at in 0..30 {
        bad_request(
            &mut peer,
            2 * at + 1,
            "/t.T/Echo",
            &[("grpc-timeout", "flood")],
        )
        .await;
    }
    let first = lines(&address, 1).await;
    assert_eq!(first.len(), 1, "{first:?}");
    // The rate is of real time.
    tokio::time::sleep(Duration::from_millis(1020)).await;
    bad_request(&mut peer, 101, "/t.T/Echo", &[("grpc-timeout", "flood")]).await;
    let second = lines(&address, 2).await;
    assert!(second[1].contains("29 more"), "{second:?}");
}
