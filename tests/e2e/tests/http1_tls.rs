//! HTTP/1.1 and gRPC on one port, through TLS.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_net::{
    Channel, Server,
    server::Http1Connection,
    tls::{ClientTls, ServerTls},
};
use farcall_testkit::stub_server::{RunningStub, StubServer, calls};
use std::{io, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

macro_rules! certificate {
    ($file:literal) => {
        include_str!(concat!("../../../crates/net/src/tls/testdata/", $file))
    };
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn secure(server: Server) -> Server {
    let tls = ServerTls::from_pem(certificate!("server.pem"), certificate!("server.key"));
    server.tls(tls.unwrap())
}

/// Says by which protocol it was reached.
async fn tell(connection: Http1Connection) {
    let alpn = connection.peer().tls().map(|tls| tls.alpn().escape_ascii());
    let alpn = alpn.expect("through TLS").to_string();
    connection.refuse(&format!("agreed on \"{alpn}\"")).await;
}

async fn start(configure: impl Fn(Server) -> Server + Send + Sync + 'static) -> RunningStub {
    let stub = StubServer::unary("/t.T/Quick", |_| async { Ok(Bytes::from("here")) });
    stub.configure(configure).start().await
}

async fn telling() -> RunningStub {
    start(|server| secure(server).http1(tell)).await
}

/// A client that is not for gRPC.
async fn shake(stub: &RunningStub, alpn: &[&str]) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(certificate!("ca.pem").as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(stub.address()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
    within(PATIENCE, "the handshake", shaking).await
}

/// Says this, and what is answered to the end.
async fn ask(stub: &RunningStub, alpn: &[&str], said: &str) -> Vec<u8> {
    let mut stream = shake(stub, alpn).await.unwrap();
    stream.write_all(said.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    within(PATIENCE, "the answer", reading).await.unwrap();
    answer
}

async fn call(stub: &RunningStub) {
    let tls = ClientTls::ca_pem(certificate!("ca.pem")).unwrap();
    let target = format!("dns:///localhost:{}", stub.address().port());
    let channel = Channel::builder(target).tls(tls).build().unwrap();
    let call = calls::unary(&channel, "/t.T/Quick", Bytes::new()).into_future();
    assert_eq!(*within(PATIENCE, "the call", call).await.unwrap(), "here");
}

#[tokio::test]
async fn clients_that_choose_http_1_or_name_nothing_are_handed_over_and_grpc_is_served_beside_them()
{
    let stub = telling().await;
    for (alpn, agreed) in [
        (&["http/1.1"][..], "http/1.1"),
        (&["http/1.0", "http/1.1"], "http/1.1"),
        (&[], ""),
    ] {
        let answer = ask(&stub, alpn, REQUEST).await;
        let answer = String::from_utf8(answer).unwrap();
        let end = format!("\r\n\r\nagreed on \"{agreed}\"\n");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.ends_with(&end), "{answer}");
        call(&stub).await;
    }
    let reports = stub.peer_reports().snapshot();
    assert_eq!((reports.goaways_sent, reports.handshakes_failed), (0, 0));
}

#[tokio::test]
async fn who_offers_both_gets_http_2() {
    let stub = telling().await;
    for alpn in [["h2", "http/1.1"], ["http/1.1", "h2"]] {
        let mut stream = shake(&stub, &alpn).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        // The server's SETTINGS come unasked: nobody waits for what the client says first.
        let mut head = [0; 9];
        let reading = stream.read_exact(&mut head);
        within(PATIENCE, "the settings", reading).await.unwrap();
        assert_eq!(head[3..], [4, 0, 0, 0, 0, 0]);
    }
    // To speak HTTP/1.1 on it is an error of HTTP/2, as it was without.
    let answer = ask(&stub, &["h2"], REQUEST).await;
    assert!(!answer.starts_with(b"HTTP/1.1"));
    assert_eq!(stub.peer_reports().snapshot().goaways_sent, 1);
}

#[tokio::test]
async fn http_2_that_was_not_agreed_on_is_refused_and_counted() {
    let stub = telling().await;
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for (count, alpn) in [(1, &[][..]), (2, &["http/1.1"])] {
        assert_eq!(ask(&stub, alpn, preface).await, b"");
        assert_eq!(stub.peer_reports().snapshot().handshakes_failed, count);
    }
    assert!(shake(&stub, &["spdy/3"]).await.is_err());
    call(&stub).await;
}

#[tokio::test]
async fn without_a_taker_http_1_is_not_offered() {
    let stub = start(secure).await;
    assert!(shake(&stub, &["http/1.1"]).await.is_err());
    assert_eq!(ask(&stub, &[], REQUEST).await, b"");
    call(&stub).await;
}
