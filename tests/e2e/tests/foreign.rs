//! Peers that do not speak HTTP/2 at all: the status of the call, or the server's log, names what they speak.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, lines, logged, within};
use farcall_net::{
    Channel, Code,
    peer::PeerMisbehaved,
    tls::{ClientTls, ServerTls},
};
use farcall_testkit::stub_server::{RunningStub, StubServer, calls};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A server that says this to whoever connects.
async fn says(words: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.write_all(words).await.ok();
                stream.read_to_end(&mut Vec::new()).await.ok();
            });
        }
    });
    address
}

/// What a call to there says, and what the channel's log does.
async fn told(channel: Channel, address: SocketAddr) -> (String, Vec<String>) {
    let call = calls::unary(&channel, "/t.T/Any", Bytes::new()).timeout(PATIENCE);
    let status = call.await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    (status.to_string(), logged(&address.to_string()))
}

fn plain(address: SocketAddr) -> Channel {
    let builder = Channel::builder(format!("ipv4:{address}")).insecure();
    builder.build().unwrap()
}

#[tokio::test]
async fn a_client_says_what_the_server_speaks() {
    logged("");
    let cases: [(&[u8], &str, PeerMisbehaved); 6] = [
        (
            b"SSH-2.0-OpenSSH_9.9\r\n",
            "the peer speaks SSH",
            PeerMisbehaved::SpeaksSsh,
        ),
        (
            b"220 mail.example ESMTP ready\r\n",
            "the peer greets as SMTP and FTP servers do",
            PeerMisbehaved::SpeaksSmtp,
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
            "the peer speaks HTTP/1.1",
            PeerMisbehaved::SpeaksHttp1,
        ),
        (
            b"\x15\x03\x03\x00\x02\x02\x46",
            "the peer answers with a TLS alert: it expects TLS",
            PeerMisbehaved::AnswersWithTlsAlert,
        ),
        (
            b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
            "the peer speaks a protocol of text",
            PeerMisbehaved::SpeaksText,
        ),
        (
            &[0xfe; 64],
            "the first frame is not SETTINGS",
            PeerMisbehaved::FirstFrameNotSettings,
        ),
    ];
    for (words, text, crime) in cases {
        let address = says(words).await;
        let channel = plain(address);
        let reports = channel.peer_reports();
        let (status, log) = told(channel, address).await;
        assert!(status.contains(text), "{status}");
        assert!(log.iter().any(|line| line.contains(text)), "{log:?}");
        assert_eq!(reports.snapshot().times(crime), 1);
    }
}

fn tls() -> ServerTls {
    ServerTls::from_pem(
        include_str!("../../../crates/net/src/tls/testdata/server.pem"),
        include_str!("../../../crates/net/src/tls/testdata/server.key"),
    )
    .unwrap()
}

fn stub() -> StubServer {
    StubServer::unary("/t.T/Any", |_| async { Ok(Bytes::new()) })
}

#[tokio::test]
async fn a_plaintext_client_of_a_tls_server_says_that_the_server_expects_tls() {
    logged("");
    let stub = stub().configure(|server| server.tls(tls())).start().await;
    let (status, _) = told(plain(stub.address()), stub.address()).await;
    assert!(status.contains("TLS alert: it expects TLS"), "{status}");
    // And the server says what came in place of a handshake.
    wait(&stub, "the client does not speak TLS").await;
}

#[tokio::test]
async fn a_tls_client_of_a_plaintext_server_says_that_the_server_speaks_none() {
    logged("");
    let stub = stub().start().await;
    let trusting = ClientTls::ca_pem(include_str!("../../../crates/net/src/tls/testdata/ca.pem"));
    let channel = Channel::builder(format!("ipv4:{}", stub.address())).tls(trusting.unwrap());
    let (status, _) = told(channel.build().unwrap(), stub.address()).await;
    assert!(status.contains("the server does not speak TLS"), "{status}");
    wait(
        &stub,
        "the peer speaks TLS, and the connection is in plaintext",
    )
    .await;
}

/// A line of the log with this in it. The server's address is in none: the client's is.
async fn wait(_stub: &RunningStub, text: &str) {
    let found = async {
        while logged(text).is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    within(PATIENCE, text, found).await;
}

#[tokio::test]
async fn a_server_says_what_its_clients_speak() {
    logged("");
    let stub = stub().start().await;
    for (words, text, crime) in [
        (
            &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
            "the peer speaks HTTP/1.1",
            PeerMisbehaved::SpeaksHttp1,
        ),
        (
            b"SSH-2.0-PuTTY\r\n",
            "the peer speaks SSH",
            PeerMisbehaved::SpeaksSsh,
        ),
        (
            b"EHLO mail.example\r\n",
            "the peer speaks a protocol of text",
            PeerMisbehaved::SpeaksText,
        ),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            "the peer speaks TLS",
            PeerMisbehaved::SpeaksTls,
        ),
        (
            &[0xff; 100],
            "does not begin with the HTTP/2 preface",
            PeerMisbehaved::BadPreface,
        ),
    ] {
        let mut stream = TcpStream::connect(stub.address()).await.unwrap();
        let address = stream.local_addr().unwrap().to_string();
        // Lines about others who had this port before.
        let before = logged(&address).len();
        stream.write_all(words).await.unwrap();
        within(PATIENCE, "the end", stream.read_to_end(&mut Vec::new()))
            .await
            .ok();
        let lines = lines(&address, before + 1).await.split_off(before);
        assert!(lines.len() == 1 && lines[0].contains(text), "{lines:?}");
        assert_eq!(stub.peer_reports().snapshot().times(crime), 1);
    }
}
