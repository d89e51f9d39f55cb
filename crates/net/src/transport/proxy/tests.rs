//! Handshakes with scripted proxies.

use super::*;
use crate::{proxy::Host, transport::io::TcpOptions};
use std::io::ErrorKind;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What a proxy expects, and says when that has come.
type Script = Vec<(Vec<u8>, Vec<u8>)>;

async fn play(mut io: impl AsyncRead + AsyncWrite + Unpin, script: Script) {
    for (expected, answer) in script {
        let mut seen = vec![0; expected.len()];
        io.read_exact(&mut seen).await.unwrap();
        assert_eq!(
            String::from_utf8_lossy(&seen),
            String::from_utf8_lossy(&expected)
        );
        // In small pieces, too, the answer is one.
        for piece in answer.chunks(7) {
            if io.write_all(piece).await.is_err() {
                return;
            }
            io.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
    }
}

/// The outcome, and what comes behind the handshake; over a socket and over a stream of another kind.
async fn outcomes(url: &str, host: &str, script: Script) -> Vec<Result<String, Problem>> {
    let url = ProxyUrl::parse(url).unwrap();
    let destination = Destination::new(host, 443);
    let mut outcomes = Vec::new();
    for socket in [true, false] {
        let (mut io, proxy) = if socket {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let near = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (far, _) = listener.accept().await.unwrap();
            let io = Io::tcp(near, TcpOptions::default()).unwrap();
            (io, tokio::spawn(play(far, script.clone())))
        } else {
            let (near, far) = tokio::io::duplex(1 << 16);
            (Io::custom(near), tokio::spawn(play(far, script.clone())))
        };
        let outcome = open(&mut io, &url, &destination, b"test/1").await;
        let outcome = match outcome {
            Ok(()) => {
                let mut rest = String::new();
                io.read_to_string(&mut rest).await.unwrap();
                Ok(rest)
            }
            Err(problem) => Err(problem),
        };
        drop(io);
        proxy.await.unwrap();
        outcomes.push(outcome);
    }
    outcomes
}

async fn opens(url: &str, host: &str, script: Script) {
    for outcome in outcomes(url, host, script).await {
        assert_eq!(outcome.unwrap(), "from the server");
    }
}

async fn fails(url: &str, script: Script) -> String {
    let mut texts = Vec::new();
    for outcome in outcomes(url, "a.example", script).await {
        texts.push(crate::proxy::ProxyError::new(outcome.unwrap_err()).to_string());
    }
    assert_eq!(texts[0], texts[1]);
    texts.remove(0)
}

fn http(more: &str, answer: &str) -> Script {
    let request = format!(
        "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n{more}User-Agent: test/1\r\n\r\n"
    );
    vec![(request.into_bytes(), answer.as_bytes().to_vec())]
}

#[tokio::test]
async fn connect_opens_a_tunnel_and_takes_no_byte_of_what_follows() {
    for head in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200\r\nVia: 1.0 proxy\r\n\r\n",
        "HTTP/1.1 204 Fine\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        opens(
            "http://proxy",
            "a.example",
            http("", &format!("{head}from the server")),
        )
        .await;
    }
}

#[tokio::test]
async fn connect_carries_basic_credentials_and_ip_addresses() {
    let basic = "Proxy-Authorization: Basic YWRhOnNlY3JldA==\r\n"; // ada:secret
    let script = http(basic, "HTTP/1.1 200 OK\r\n\r\nfrom the server");
    opens("http://ada:secret@proxy", "a.example", script).await;
    let request = "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nUser-Agent: test/1\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\n\r\nfrom the server";
    opens(
        "http://proxy",
        "::1",
        vec![(request.into(), answer.to_vec())],
    )
    .await;
}

#[tokio::test]
async fn a_refusal_is_told_with_its_status_line() {
    let text = fails(
        "http://p",
        http("", "HTTP/1.1 403 Forbidden by \x1b[1mrule\r\n\r\nbody"),
    )
    .await;
    assert!(
        text.contains(r#"CONNECT with "HTTP/1.1 403 Forbidden by \u{1b}[1mrule""#),
        "{text}"
    );
    let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
    let text = fails("http://p", http("", answer)).await;
    assert!(
        text.contains("407") && text.contains("credentials"),
        "{text}"
    );
}

#[tokio::test]
async fn an_answer_without_end_is_cut_at_16_kib_and_one_that_is_not_http_at_once() {
    let endless = format!("HTTP/1.1 200 OK\r\n{}", "X: y\r\n".repeat(4000));
    let text = fails("http://p", http("", &endless)).await;
    assert!(text.contains("larger than 16384 bytes"), "{text}");
    let many = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
    let text = fails("http://p", http("", &many)).await;
    assert!(text.contains("larger than 16384 bytes"), "{text}");
    let text = fails("http://p", http("", "SSH-2")).await;
    assert!(
        text.contains("does not speak HTTP") && text.contains("SSH"),
        "{text}"
    );
    let text = fails("http://p", http("", "HTTP/1.1 2x0 OK\r\n\r\n")).await;
    assert!(text.contains("does not speak HTTP"), "{text}");
    let text = fails("http://p", http("", "HTTP/1.1 200 OK\r\n")).await;
    assert!(text.contains("closed the connection"), "{text}");
}

/// Greeting, request for `a.example:443`, and the usual answers.
fn socks(greeting: &[u8], method: u8, reply: &[u8]) -> Script {
    let request = [&b"\x05\x01\x00\x03\x09a.example"[..], &443u16.to_be_bytes()].concat();
    vec![
        (greeting.to_vec(), vec![5, method]),
        (request, reply.to_vec()),
    ]
}

#[tokio::test]
async fn socks_opens_a_tunnel_whatever_address_the_proxy_connects_from() {
    for bound in [
        &b"\x01\x7f\0\0\x01\x04\x38"[..],
        b"\x03\x02me\0\x50",
        &[&[4][..], &[0; 18]].concat(),
    ] {
        let reply = [&b"\x05\0\0"[..], bound, b"from the server"].concat();
        opens("socks5://p", "a.example", socks(b"\x05\x01\x00", 0, &reply)).await;
    }
}

#[tokio::test]
async fn socks_carries_addresses_as_bytes_and_names_as_names() {
    let reply = b"\x05\0\0\x01\0\0\0\0\0\0from the server".to_vec();
    let script = |address: &[u8]| {
        let request = [b"\x05\x01\x00", address, &443u16.to_be_bytes()].concat();
        vec![
            (b"\x05\x01\x00".to_vec(), vec![5, 0]),
            (request, reply.clone()),
        ]
    };
    opens("socks5://p", "10.0.0.1", script(b"\x01\x0a\0\0\x01")).await;
    let v6 = [&[4][..], &[0; 15], &[1]].concat();
    opens("socks5://p", "::1", script(&v6)).await;
}

#[tokio::test]
async fn socks_logs_in_if_the_proxy_wants_it() {
    let reply = b"\x05\0\0\x01\0\0\0\0\0\0from the server";
    let mut script = socks(b"\x05\x02\x00\x02", 2, reply);
    script.insert(1, (b"\x01\x03ada\x06secret".to_vec(), vec![1, 0]));
    opens("socks5://ada:secret@p", "a.example", script.clone()).await;
    // It may also not want to know.
    opens(
        "socks5://ada:secret@p",
        "a.example",
        socks(b"\x05\x02\x00\x02", 0, reply),
    )
    .await;
    script.truncate(2);
    script[1].1 = vec![1, 1];
    let text = fails("socks5://ada:secret@p", script).await;
    assert_eq!(text, "it refuses the user and password");
}

#[tokio::test]
async fn what_a_socks_proxy_refuses_is_told_in_words() {
    for (reply, words) in [
        (2, "rules"),
        (4, "host unreachable"),
        (5, "refused"),
        (99, "RFC 1928"),
    ] {
        let answer = [5, reply, 0, 1, 0, 0, 0, 0, 0, 0];
        let text = fails("socks5://p", socks(b"\x05\x01\x00", 0, &answer)).await;
        assert!(
            text.contains(&reply.to_string()) && text.contains(words),
            "{text}"
        );
    }
    let text = fails(
        "socks5://p",
        vec![(b"\x05\x01\x00".to_vec(), vec![5, 0xff])],
    )
    .await;
    assert!(text.contains("wants credentials"), "{text}");
    let text = fails(
        "socks5://p",
        vec![(b"\x05\x01\x00".to_vec(), b"HT".to_vec())],
    )
    .await;
    assert!(text.contains("does not speak SOCKS 5"), "{text}");
    let text = fails("socks5://p", socks(b"\x05\x01\x00", 0, b"\x05\0\0\x07")).await;
    assert!(text.contains("does not speak SOCKS 5"), "{text}");
    let text = fails("socks5://p", socks(b"\x05\x01\x00", 0, b"\x05\0\0\x01")).await;
    assert!(text.contains("closed the connection"), "{text}");
}

#[test]
fn the_end_of_a_connection_is_told_from_its_failure() {
    assert!(matches!(
        broken(ErrorKind::UnexpectedEof.into()),
        Problem::Closed
    ));
    assert!(matches!(
        broken(ErrorKind::ConnectionReset.into()),
        Problem::Io(_)
    ));
    assert!(matches!(Destination::new("a", 1).host, Host::Name(_)));
}
