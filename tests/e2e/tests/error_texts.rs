//! What users read when a call fails for want of a server: whole texts, each thing said once.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, listen, within};
use farcall_http2::Reason;
use farcall_net::{
    Channel, ChannelBuilder, Status,
    client::Proxy,
    tls::{ClientTls, ServerTls},
};
use farcall_testkit::{
    scripted_peer::ScriptedPeer,
    stub_server::{StubServer, calls},
};
use std::{error::Error, future::IntoFuture, iter::successors, net::SocketAddr, time::Duration};
use tokio::{io::AsyncWriteExt, time::sleep};

macro_rules! certificate {
    ($file:literal) => {
        include_str!(concat!("../../../crates/net/src/tls/testdata/", $file))
    };
}

const ANY: &str = "/t.T/Any";

/// A port where nobody listens.
fn deserted() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn to(address: SocketAddr) -> ChannelBuilder {
    Channel::builder(format!("ipv4:{address}")).connect_timeout(Duration::from_millis(300))
}

async fn fails(channel: ChannelBuilder) -> Status {
    let channel = channel.build().unwrap();
    let call = calls::unary(&channel, ANY, Bytes::new());
    within(PATIENCE, "the failure", call.into_future())
        .await
        .unwrap_err()
}

/// The text without what differs from run to run: each of `addresses` is a letter, and how long something has failed is left out.
fn text(status: &Status, addresses: &[SocketAddr]) -> String {
    let mut text = status.to_string();
    for (address, letter) in addresses.iter().zip(["A", "B"]) {
        text = text.replace(&address.to_string(), letter);
    }
    while let Some(start) = text.find(", failing for ") {
        let end = text[start..].find(')').expect("it stands in brackets");
        text.replace_range(start..start + end, "");
    }
    text
}

fn trusting() -> ClientTls {
    ClientTls::ca_pem(certificate!("ca.pem")).unwrap()
}

async fn tls_server(client_ca: bool) -> SocketAddr {
    let mut tls =
        ServerTls::from_pem(certificate!("server.pem"), certificate!("server.key")).unwrap();
    if client_ca {
        tls = tls.client_ca_pem(certificate!("ca.pem")).unwrap();
    }
    let stub = StubServer::unary(ANY, |_| async { Ok(Bytes::new()) });
    let stub = stub.configure(move |server| server.tls(tls.clone()));
    Box::leak(Box::new(stub.start().await)).address()
}

#[tokio::test]
async fn a_refused_connection_is_told_in_two_words_behind_its_address() {
    let (gone, other) = (deserted(), deserted());
    let refused = "A (try 1): connection refused";
    let one = fails(to(gone).insecure()).await;
    let expected = format!("UNAVAILABLE: no connection could be made: {refused}");
    assert_eq!(text(&one, &[gone]), expected);
    let os = successors(one.source(), |&error| error.source())
        .find_map(|error| error.downcast_ref::<std::io::Error>());
    assert_eq!(os.unwrap().kind(), std::io::ErrorKind::ConnectionRefused);

    let two = || Channel::builder(format!("ipv4:{gone},{other}")).insecure();
    assert_eq!(
        text(&fails(two()).await, &[gone, other]),
        format!(
            "UNAVAILABLE: no connection to any of 2 addresses: {refused}; B (try 1): connection refused"
        )
    );
    let status = fails(two().load_balancing_policy("round_robin")).await;
    let text_of_two = text(&status, &[gone, other]);
    assert!(
        text_of_two.starts_with("UNAVAILABLE: none of 2 backends can be reached: ")
            && text_of_two.matches("connection refused").count() == 2
            && text_of_two.contains(refused),
        "{status}"
    );

    let retries = r#"{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.01s",
        "maxBackoff": "0.02s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]}"#;
    let status = fails(to(gone).insecure().default_service_config(retries)).await;
    let expected = format!("{expected} (attempt 3; 1 to 2: the same)");
    assert_eq!(text(&status, &[gone]), expected);

    let channel = to(gone).insecure().build().unwrap();
    let call = calls::unary(&channel, ANY, Bytes::new()).wait_for_ready();
    let status = call.timeout(Duration::from_millis(100)).await.unwrap_err();
    assert_eq!(
        text(&status, &[gone]),
        format!(
            "DEADLINE_EXCEEDED: the deadline passed while the call waited for a connection (the channel is TRANSIENT_FAILURE): UNAVAILABLE: no connection could be made: {refused}"
        )
    );

    let through = to(other).insecure().proxy(Proxy::http(gone.to_string()));
    assert_eq!(
        text(&fails(through).await, &[other, gone]),
        "UNAVAILABLE: no connection could be made: A (try 1): through the proxy http://B: it cannot be reached: B: connection refused"
    );
}

#[tokio::test]
async fn servers_that_are_none_are_told_by_what_they_do() {
    let silent = listen(|stream| async move {
        sleep(PATIENCE).await;
        drop(stream);
    })
    .await;
    let http1 = listen(|mut stream| async move {
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        stream.write_all(answer).await.ok();
        sleep(PATIENCE).await;
    })
    .await;
    for (address, tls, expected) in [
        (
            silent,
            false,
            "no connection within the connect deadline of 300ms",
        ),
        (silent, true, "TLS: timed out after 300ms"),
        (
            http1,
            false,
            "the peer broke a rule (PROTOCOL_ERROR): the peer speaks HTTP/1.1, not HTTP/2 (RFC 9113, section 3.4)",
        ),
        (http1, true, "TLS: the server does not speak TLS"),
    ] {
        let channel = match tls {
            true => to(address).tls(trusting()),
            false => to(address).insecure(),
        };
        assert_eq!(
            text(&fails(channel).await, &[address]),
            format!("UNAVAILABLE: no connection could be made: A (try 1): {expected}")
        );
    }
    let unix = Channel::builder("unix:///nonexistent/socket").insecure();
    assert_eq!(
        fails(unix).await.to_string(),
        "UNAVAILABLE: no connection could be made: unix:/nonexistent/socket (try 1): no such file"
    );
}

#[tokio::test]
async fn tls_says_in_words_what_does_not_fit_and_nothing_twice() {
    let tls = tls_server(false).await;
    let mutual = tls_server(true).await;
    let named = trusting().server_name("localhost").unwrap();
    for (channel, address, expected) in [
        (
            to(tls).insecure(),
            tls,
            "the peer broke a rule (PROTOCOL_ERROR): the peer answers with a TLS alert: it expects TLS, and the connection is in plaintext (RFC 9113, section 3.4)",
        ),
        (
            to(tls).tls(ClientTls::ca_pem(certificate!("other-ca.pem")).unwrap()),
            tls,
            "TLS: the server's certificate is not trusted: no configured authority has signed it",
        ),
        (
            to(tls).tls(trusting()).authority("other.example"),
            tls,
            "TLS: the server's certificate is not valid for \"other.example\", only for localhost, *.test.example, 127.0.0.1, ::1",
        ),
        (
            to(mutual).tls(named),
            mutual,
            "the server requires a certificate",
        ),
    ] {
        assert_eq!(
            text(&fails(channel).await, &[address]),
            format!("UNAVAILABLE: no connection could be made: A (try 1): {expected}")
        );
    }
}

#[tokio::test]
async fn a_server_that_goes_away_has_its_words_repeated() {
    let busy = listen(|stream| async move {
        let mut peer = ScriptedPeer::server(stream);
        peer.handshake().await;
        peer.expect_headers(1).await;
        peer.goaway(0, Reason::ENHANCE_YOUR_CALM, "too many of you")
            .await;
        peer.expect_end().await;
    })
    .await;
    assert_eq!(
        text(&fails(to(busy).insecure()).await, &[busy]),
        "UNAVAILABLE: the server went away before it processed the call: connection to A: the server goes away, after GOAWAY ENHANCE_YOUR_CALM \"too many of you\""
    );
    let burning = listen(|stream| async move {
        let mut peer = ScriptedPeer::server(stream);
        peer.handshake().await;
        peer.expect_headers(1).await;
        peer.goaway(1, Reason::INTERNAL_ERROR, "the disk is full")
            .await;
    })
    .await;
    let status = fails(to(burning).insecure()).await;
    let told = text(&status, &[burning]);
    assert!(
        told.starts_with("UNAVAILABLE: the connection was lost: connection to A: ")
            && told.ends_with(", after GOAWAY INTERNAL_ERROR \"the disk is full\""),
        "{status}"
    );
}

#[tokio::test]
async fn a_name_without_addresses_is_told_once() {
    let named = Channel::builder("dns:///no-such-name.invalid:1").insecure();
    let status = fails(named).await.to_string();
    let start = "UNAVAILABLE: dns:///no-such-name.invalid:1 cannot be resolved: UNAVAILABLE: ";
    assert!(status.starts_with(start), "{status}");
    assert_eq!(status.matches("no-such-name").count(), 1, "{status}");
    assert_eq!(status.matches(": ").count(), 3, "{status}");
}
