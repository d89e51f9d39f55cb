//! A client against servers that are none: UNAVAILABLE in time, and the text says what happened where.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, listen, within};
use farcall_http2::Reason;
use farcall_net::{
    Channel, Code, Status,
    tls::{ClientTls, ServerTls},
};
use farcall_testkit::{
    scripted_peer::ScriptedPeer,
    stub_server::{StubServer, calls},
};
use std::{
    error::Error,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const CONNECT: Duration = Duration::from_millis(300);

macro_rules! certificate {
    ($file:literal) => {
        include_str!(concat!("../../../crates/net/src/tls/testdata/", $file))
    };
}

fn trusting() -> ClientTls {
    ClientTls::ca_pem(certificate!("ca.pem")).unwrap()
}

/// Makes a call that must fail with UNAVAILABLE within the time to connect, and name the address.
async fn fails(channel: &Channel, address: SocketAddr) -> Status {
    let start = Instant::now();
    let status = calls::unary(channel, "/t.T/Any", Bytes::new())
        .timeout(PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(start.elapsed() < CONNECT * 3, "{:?}", start.elapsed());
    assert!(
        status.to_string().contains(&address.to_string()),
        "{status}"
    );
    status
}

fn plain(address: SocketAddr) -> Channel {
    Channel::builder(format!("ipv4:{address}"))
        .insecure()
        .connect_timeout(CONNECT)
        .build()
        .unwrap()
}

fn secure(address: SocketAddr, tls: ClientTls) -> Channel {
    Channel::builder(format!("ipv4:{address}"))
        .tls(tls)
        .connect_timeout(CONNECT)
        .build()
        .unwrap()
}

/// Finds an error of this type in the chain of causes.
fn cause<T: Error + 'static>(status: &Status) -> Option<&T> {
    let mut source = status.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let status = fails(&plain(address), address).await;
    assert!(status.to_string().contains("refused"), "{status}");
    let error = cause::<io::Error>(&status).expect("the system's error is in the chain");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_port_that_accepts_and_never_answers_times_out() {
    let address = listen(|stream| async move {
        let _silent = stream;
        std::future::pending().await
    })
    .await;
    let start = Instant::now();
    let status = fails(&plain(address), address).await;
    assert!(start.elapsed() >= CONNECT - Duration::from_millis(20));
    assert!(
        status.to_string().contains("300"),
        "how long it waited: {status}"
    );
}

#[tokio::test]
async fn a_call_does_not_outlive_its_own_deadline_for_such_a_port_and_says_what_it_waited_for() {
    let address = listen(|stream| async move {
        let _silent = stream;
        std::future::pending().await
    })
    .await;
    let channel = Channel::builder(format!("ipv4:{address}"))
        .insecure()
        .build()
        .unwrap();
    let start = Instant::now();
    let call = calls::unary(&channel, "/t.T/Any", Bytes::new())
        .wait_for_ready()
        .timeout(CONNECT);
    let status = call.await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(start.elapsed() < CONNECT * 2);
    // Several attempts have failed before the deadline of the second call.
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let call = plain(closed);
    let call = calls::unary(&call, "/t.T/Any", Bytes::new())
        .wait_for_ready()
        .timeout(CONNECT);
    let status = call.await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let text = status.to_string();
    assert!(
        text.contains(&closed.to_string()) && text.contains("refused"),
        "{text}"
    );
}

#[tokio::test]
async fn an_http1_server_is_recognised() {
    let address = listen(|mut stream| async move {
        let mut request = [0; 512];
        let _ = stream.read(&mut request).await;
        let _ = stream
            .write_all(
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            )
            .await;
    })
    .await;
    let status = fails(&plain(address), address).await;
    assert!(status.to_string().contains("HTTP/1"), "{status}");
}

#[tokio::test]
async fn a_server_that_hangs_up_is_unavailable() {
    let address = listen(|stream| async move { drop(stream) }).await;
    fails(&plain(address), address).await;
}

#[tokio::test]
async fn a_server_that_talks_garbage_is_unavailable() {
    let address = listen(|mut stream| async move {
        let _ = stream.write_all(&[0xfe; 4096]).await;
        let _ = stream.read(&mut [0; 64]).await;
    })
    .await;
    fails(&plain(address), address).await;
}

/// A server that accepts connections and ends them at once; how many there were.
async fn leaving() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let mut server = ScriptedPeer::accept(&listener).await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
            server.expect_preface().await;
            server.settings(&[]).await;
            server
                .goaway(0, Reason::ENHANCE_YOUR_CALM, "too many of you")
                .await;
            server.close().await;
            server.expect_end().await;
        }
    });
    (address, count)
}

#[tokio::test]
async fn a_server_that_goes_away_at_once_says_why() {
    let (address, _) = leaving().await;
    let status = fails(&plain(address), address).await;
    assert!(status.to_string().contains("too many of you"), "{status}");
}

#[tokio::test]
async fn a_server_that_goes_away_at_once_is_not_asked_again_without_a_pause() {
    let (address, count) = leaving().await;
    let channel = plain(address);
    let call = calls::unary(&channel, "/t.T/Any", Bytes::new())
        .wait_for_ready()
        .timeout(CONNECT);
    let status = within(PATIENCE, "the end", call.into_future())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(status.to_string().contains("too many of you"), "{status}");
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

async fn tls_server(tls: ServerTls) -> farcall_testkit::stub_server::RunningStub {
    let stub = StubServer::unary("/t.T/Any", |_| async { Ok(Bytes::from("secure")) });
    stub.configure(move |server| server.tls(tls.clone()))
        .start()
        .await
}

/// With a certificate of the tests' authority.
pub(crate) fn known_server() -> ServerTls {
    ServerTls::from_pem(certificate!("server.pem"), certificate!("server.key")).unwrap()
}

#[tokio::test]
async fn tls_works_when_everything_is_right() {
    let stub = tls_server(known_server()).await;
    let channel = Channel::builder(format!("dns:///localhost:{}", stub.address().port()))
        .tls(trusting())
        .build()
        .unwrap();
    let reply = calls::unary(&channel, "/t.T/Any", Bytes::new())
        .timeout(PATIENCE)
        .await
        .unwrap();
    assert_eq!(*reply, "secure");
}

#[tokio::test]
async fn plaintext_against_a_tls_server_is_unavailable() {
    let stub = tls_server(known_server()).await;
    let status = fails(&plain(stub.address()), stub.address()).await;
    assert!(status.to_string().contains("TLS"), "{status}");
}

#[tokio::test]
async fn tls_against_a_plaintext_server_is_unavailable() {
    let stub = StubServer::unary("/t.T/Any", |_| async { Ok(Bytes::new()) })
        .start()
        .await;
    let status = fails(&secure(stub.address(), trusting()), stub.address()).await;
    assert!(status.to_string().contains("TLS"), "{status}");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_not_trusted() {
    let stub = tls_server(known_server()).await;
    let strangers_friend = ClientTls::ca_pem(certificate!("other-ca.pem")).unwrap();
    let status = fails(&secure(stub.address(), strangers_friend), stub.address()).await;
    let text = status.to_string();
    assert!(
        text.contains("certificate") && (text.contains("issuer") || text.contains("authority")),
        "{text}"
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_accepted() {
    let stub = tls_server(known_server()).await;
    let misled = Channel::builder(format!("ipv4:{}", stub.address()))
        .tls(trusting())
        .authority("wrong.example:443")
        .connect_timeout(CONNECT)
        .build()
        .unwrap();
    let status = fails(&misled, stub.address()).await;
    assert!(status.to_string().contains("wrong.example"), "{status}");
}

#[tokio::test]
async fn an_expired_certificate_is_not_accepted() {
    let expired =
        ServerTls::from_pem(certificate!("expired.pem"), certificate!("expired.key")).unwrap();
    let stub = tls_server(expired).await;
    let channel = Channel::builder(format!("ipv4:{}", stub.address()))
        .tls(trusting())
        .authority("localhost")
        .connect_timeout(CONNECT)
        .build()
        .unwrap();
    let status = fails(&channel, stub.address()).await;
    assert!(status.to_string().contains("expired"), "{status}");
}
