//! Peers that break rules: what the server answers, and that nobody else is harmed.

use crate::echo::echo;
use bytes::Bytes;
use farcall_e2e::{PATIENCE, Probe, within};
use farcall_http2::Reason;
use farcall_net::Code;
use farcall_testkit::{
    scripted_peer::{Exchange, Frame, PREFACE, ScriptedPeer, flag, kind, message, setting},
    stub_server::{RunningStub, StubServer},
};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

pub(crate) type Peer = ScriptedPeer<TcpStream>;

/// A connection with a call on stream 1 that is well and stays so.
pub(crate) struct Neighbour {
    pub(crate) peer: Peer,
    pub(crate) _stub: RunningStub,
}

impl Neighbour {
    pub(crate) async fn new() -> Neighbour {
        Neighbour::of(echo()).await
    }

    pub(crate) async fn of(stub: StubServer) -> Neighbour {
        let stub = stub.start().await;
        let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
        peer.handshake().await;
        peer.request(1, "/t.T/Chat", &[]).await;
        let mut neighbour = Neighbour { peer, _stub: stub };
        neighbour.peer.data(1, &message(b"before"), false).await;
        neighbour.peer.expect_headers(1).await;
        assert_eq!(neighbour.peer.expect_data(1).await.0, message(b"before"));
        neighbour
    }

    /// The first call still works, to its end.
    pub(crate) async fn assert_unharmed(mut self) {
        self.peer.data(1, &message(b"after"), true).await;
        let mut body = Vec::new();
        loop {
            match self.peer.next_content().await {
                Frame::Data {
                    stream: 1, data, ..
                } => body.extend_from_slice(&data),
                Frame::Headers {
                    stream: 1,
                    list,
                    end_stream,
                } => {
                    assert!(end_stream);
                    assert_eq!(list.grpc_status(), Some(0));
                    break;
                }
                Frame::Rst { stream, .. } if stream != 1 => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(body[..], message(b"after")[..]);
    }
}

/// A request with these fields instead of the usual ones.
async fn ask(fields: &[(&str, &str)]) -> (Neighbour, Exchange) {
    let mut neighbour = Neighbour::new().await;
    neighbour.peer.headers(3, fields, false).await;
    neighbour.peer.data(3, &message(b"x"), true).await;
    let exchange = neighbour.peer.expect_exchange(3).await;
    (neighbour, exchange)
}

const POST: (&str, &str) = (":method", "POST");
const HTTP: (&str, &str) = (":scheme", "http");
const PATH: (&str, &str) = (":path", "/t.T/Echo");
const TE: (&str, &str) = ("te", "trailers");
const GRPC: (&str, &str) = ("content-type", "application/grpc");

/// HTTP status, gRPC status, and the text in the body, which is the message in the headers.
fn says(exchange: &Exchange) -> (&str, Option<u32>, String) {
    let body = String::from_utf8(exchange.body.to_vec()).unwrap();
    if let Some(text) = body.strip_suffix('\n') {
        assert!(
            !text.is_empty() && !text.contains('\n'),
            "one line: {body:?}"
        );
        assert!(
            exchange
                .head
                .get("content-type")
                .unwrap()
                .starts_with("text/plain")
        );
    }
    (
        exchange.head.get(":status").unwrap(),
        exchange.head.grpc_status(),
        body,
    )
}

#[tokio::test]
async fn a_request_that_is_not_grpc_gets_415_with_a_line_of_text() {
    for content_type in [
        "application/json",
        "text/html",
        "application/grpcx",
        "application/grpc-web",
        "",
    ] {
        let (neighbour, exchange) =
            ask(&[POST, HTTP, PATH, TE, ("content-type", content_type)]).await;
        let (http, grpc, body) = says(&exchange);
        assert_eq!(
            (http, grpc),
            ("415", Some(Code::InvalidArgument as u32)),
            "{content_type}"
        );
        assert!(body.ends_with('\n'), "{body:?}");
        assert!(exchange.head.get("grpc-message").is_some());
        neighbour.assert_unharmed().await;
    }
    let (neighbour, exchange) = ask(&[POST, HTTP, PATH, TE]).await;
    assert_eq!(
        exchange.head.get(":status"),
        Some("415"),
        "no content-type at all"
    );
    neighbour.assert_unharmed().await;
}

#[tokio::test]
async fn content_types_of_grpc_in_all_their_forms_are_served() {
    for content_type in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc;charset=utf-8",
        "Application/GRPC",
    ] {
        let (neighbour, exchange) =
            ask(&[POST, HTTP, PATH, TE, ("content-type", content_type)]).await;
        assert_eq!(
            exchange.last().grpc_status(),
            Some(0),
            "{content_type}: {exchange:?}"
        );
        neighbour.assert_unharmed().await;
    }
}

#[tokio::test]
async fn a_request_that_is_not_post_gets_405() {
    for method in ["GET", "PUT", "OPTIONS"] {
        let (neighbour, exchange) = ask(&[(":method", method), HTTP, PATH, TE, GRPC]).await;
        let (http, grpc, body) = says(&exchange);
        assert_eq!(
            (http, grpc),
            ("405", Some(Code::Internal as u32)),
            "{method}"
        );
        assert!(body.ends_with('\n'));
        neighbour.assert_unharmed().await;
    }
}

#[tokio::test]
async fn an_unknown_path_is_unimplemented() {
    for path in [
        "/t.T/Other",
        "/other.Service/Echo",
        "/",
        "/t.T",
        "*",
        "/t.T/Echo/",
        "/t.T/echo",
        "/%2ft.T/Echo",
    ] {
        let (neighbour, exchange) = ask(&[POST, HTTP, (":path", path), TE, GRPC]).await;
        assert_eq!(exchange.head.get(":status"), Some("200"), "{path}");
        assert_eq!(
            exchange.last().grpc_status(),
            Some(Code::Unimplemented as u32),
            "{path}"
        );
        assert!(
            exchange.trailers.is_none() && exchange.body.is_empty(),
            "nothing but trailers"
        );
        neighbour.assert_unharmed().await;
    }
}

#[tokio::test]
async fn a_malformed_timeout_gets_400_and_internal() {
    for timeout in [
        "",
        "1",
        "S",
        "1s",
        "-1S",
        "123456789S",
        "1.5S",
        " 1S",
        "1 S",
        "0x1S",
        "1SS",
    ] {
        let (neighbour, exchange) =
            ask(&[POST, HTTP, PATH, TE, GRPC, ("grpc-timeout", timeout)]).await;
        assert_eq!(says(&exchange).0, "400", "{timeout:?}");
        assert_eq!(
            exchange.head.grpc_status(),
            Some(Code::Internal as u32),
            "{timeout:?}"
        );
        neighbour.assert_unharmed().await;
    }
    let (neighbour, exchange) =
        ask(&[POST, HTTP, PATH, TE, GRPC, ("grpc-timeout", "99999999H")]).await;
    assert_eq!(
        exchange.last().grpc_status(),
        Some(0),
        "the longest timeout there is"
    );
    neighbour.assert_unharmed().await;
}

#[tokio::test]
async fn a_binary_value_that_is_not_base64_gets_400_and_internal() {
    for value in ["a", "!!!!", "ab=c", "YWJj$"] {
        let (neighbour, exchange) = ask(&[POST, HTTP, PATH, TE, GRPC, ("x-key-bin", value)]).await;
        assert_eq!(says(&exchange).0, "400", "{value}");
        assert_eq!(
            exchange.head.grpc_status(),
            Some(Code::Internal as u32),
            "{value}"
        );
        neighbour.assert_unharmed().await;
    }
    for value in ["", "YQ", "YQ==", "YQ==,Yg", "YWI"] {
        let (neighbour, exchange) = ask(&[POST, HTTP, PATH, TE, GRPC, ("x-key-bin", value)]).await;
        assert_eq!(exchange.last().grpc_status(), Some(0), "{value}");
        neighbour.assert_unharmed().await;
    }
}

#[tokio::test]
async fn several_hosts_get_400_and_one_stands_in_for_the_authority() {
    let (neighbour, exchange) =
        ask(&[POST, HTTP, PATH, TE, GRPC, ("host", "a"), ("host", "b")]).await;
    assert_eq!(
        (says(&exchange).0, exchange.head.grpc_status()),
        ("400", Some(Code::Internal as u32))
    );
    neighbour.assert_unharmed().await;
    let (neighbour, exchange) = ask(&[POST, HTTP, PATH, TE, GRPC, ("host", "a")]).await;
    assert_eq!(exchange.last().grpc_status(), Some(0));
    neighbour.assert_unharmed().await;
}

#[tokio::test]
async fn a_request_with_forbidden_fields_is_reset() {
    for field in [
        ("connection", "close"),
        ("X-Upper", "1"),
        ("te", "gzip"),
        ("transfer-encoding", "chunked"),
        ("a b", "1"),
    ] {
        let mut neighbour = Neighbour::new().await;
        neighbour.peer.request(3, "/t.T/Echo", &[field]).await;
        assert_eq!(
            neighbour.peer.expect_rst(3).await,
            Reason::PROTOCOL_ERROR,
            "{field:?}"
        );
        neighbour.assert_unharmed().await;
    }
}

#[tokio::test]
async fn a_header_list_far_over_the_limit_is_reset() {
    let mut neighbour = Neighbour::new().await;
    let large = "a".repeat(12_000);
    neighbour
        .peer
        .request(3, "/t.T/Echo", &[("x-one", &large), ("x-two", &large)])
        .await;
    let reason = neighbour.peer.expect_rst(3).await;
    assert!(
        [Reason::ENHANCE_YOUR_CALM, Reason::FRAME_SIZE_ERROR].contains(&reason),
        "{reason}"
    );
    neighbour.assert_unharmed().await;
}

#[tokio::test]
async fn streams_over_the_limit_are_refused() {
    let mut neighbour =
        Neighbour::of(echo().configure(|server| server.max_concurrent_streams(2))).await;
    neighbour.peer.request(3, "/t.T/Chat", &[]).await;
    neighbour.peer.request(5, "/t.T/Chat", &[]).await;
    assert_eq!(neighbour.peer.expect_rst(5).await, Reason::REFUSED_STREAM);
    neighbour.peer.rst(3, Reason::CANCEL).await;
    neighbour.assert_unharmed().await;
}

#[tokio::test]
async fn data_beyond_the_streams_window_is_reset() {
    // A handler that reads nothing.
    let idle = StubServer::client_streaming("/t.T/Idle", |_request| {
        std::future::pending::<Result<Bytes, _>>()
    });
    let stub = idle
        .and(echo())
        .configure(|server| server.static_windows(65_535, 1 << 20));
    let mut neighbour = Neighbour::of(stub).await;
    neighbour.peer.request(3, "/t.T/Idle", &[]).await;
    for _ in 0..6 {
        neighbour.peer.data(3, &[0; 16_384], false).await;
    }
    assert_eq!(
        neighbour.peer.expect_rst(3).await,
        Reason::FLOW_CONTROL_ERROR
    );
    neighbour.assert_unharmed().await;
}

/// Connects, says `bytes` and expects the end of the connection; what came before it.
async fn say(stub: &RunningStub, bytes: &[u8]) -> Vec<Frame> {
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.set_polite(false);
    peer.raw(bytes).await;
    peer.expect_end().await
}

fn goaway(frames: &[Frame]) -> Option<Reason> {
    frames.iter().rev().find_map(|frame| match frame {
        Frame::GoAway { reason, .. } => Some(*reason),
        _ => None,
    })
}

#[tokio::test]
async fn bytes_that_are_not_http2_end_the_connection_at_once() {
    let stub = echo().start().await;
    let begin = Instant::now();
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        &[0; 64],
    ] {
        let frames = say(&stub, bytes).await;
        assert!(
            matches!(goaway(&frames), None | Some(Reason::PROTOCOL_ERROR)),
            "{frames:?}"
        );
    }
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_connection_that_does_not_begin_with_settings_ends() {
    let stub = echo().start().await;
    let ping = [PREFACE, &[0, 0, 8, kind::PING, 0, 0, 0, 0, 0], &[0; 8]].concat();
    let frames = say(&stub, &ping).await;
    assert_eq!(goaway(&frames), Some(Reason::PROTOCOL_ERROR));
}

#[tokio::test]
async fn a_silent_connection_ends_after_the_handshake_timeout() {
    let limit = Duration::from_millis(150);
    let stub = echo()
        .configure(move |server| server.handshake_timeout(limit))
        .start()
        .await;
    for bytes in [&b""[..], &PREFACE[..10], PREFACE] {
        let start = Instant::now();
        say(&stub, bytes).await;
        assert!(
            start.elapsed() >= limit - Duration::from_millis(10),
            "{bytes:?}"
        );
        assert!(start.elapsed() < limit * 6, "{bytes:?}");
    }
}

#[tokio::test]
async fn crimes_against_the_connection_end_it_with_goaway() {
    let stub = echo().start().await;
    let rapid = |peer: Peer| async move {
        let mut peer = peer;
        for _ in 0..20_000 {
            peer.ping(7, false).await;
        }
        peer
    };
    for (crime, reason) in [
        ("even stream", Reason::PROTOCOL_ERROR),
        ("falling stream", Reason::PROTOCOL_ERROR),
        ("push", Reason::PROTOCOL_ERROR),
        ("hpack", Reason::COMPRESSION_ERROR),
        ("frame size", Reason::FRAME_SIZE_ERROR),
        ("window", Reason::FLOW_CONTROL_ERROR),
        ("idle data", Reason::PROTOCOL_ERROR),
        ("settings", Reason::FLOW_CONTROL_ERROR),
        ("pings", Reason::ENHANCE_YOUR_CALM),
    ] {
        let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
        peer.handshake().await;
        match crime {
            "even stream" => peer.request(2, "/t.T/Echo", &[]).await,
            "falling stream" => {
                peer.request(5, "/t.T/Chat", &[]).await;
                peer.request(3, "/t.T/Chat", &[]).await;
            }
            "push" => {
                peer.frame(kind::PUSH_PROMISE, flag::END_HEADERS, 1, &[0, 0, 0, 2])
                    .await
            }
            "hpack" => {
                peer.header_block(1, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff], true)
                    .await
            }
            "frame size" => peer.frame(kind::PING, 0, 0, &[0; 7]).await,
            "window" => {
                peer.window_update(0, (1 << 31) - 1).await;
                peer.window_update(0, (1 << 31) - 1).await;
            }
            "idle data" => peer.data(1, b"x", false).await,
            "settings" => {
                peer.settings(&[(setting::INITIAL_WINDOW_SIZE, u32::MAX)])
                    .await
            }
            _ => peer = rapid(peer).await,
        }
        let frames = peer.expect_end().await;
        assert_eq!(goaway(&frames), Some(reason), "{crime}: {frames:?}");
    }
    // The server is well.
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    peer.request(1, "/t.T/Echo", &[]).await;
    peer.data(1, &message(b"hello"), true).await;
    assert_eq!(peer.expect_exchange(1).await.body, message(b"hello"));
}

#[tokio::test]
async fn rapid_resets_do_not_buy_more_handlers_than_the_limit() {
    let probe = Probe::new();
    let inside = probe.clone();
    let slow = StubServer::unary("/t.T/Slow", move |_| {
        let guard = inside.enter();
        async move {
            let _guard = guard;
            std::future::pending::<Result<Bytes, _>>().await
        }
    });
    let stub = slow
        .configure(|server| server.max_concurrent_streams(10).run_to_completion())
        .start()
        .await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    for at in 0..50 {
        let stream = 2 * at + 1;
        peer.request(stream, "/t.T/Slow", &[]).await;
        peer.data(stream, &message(b""), true).await;
        peer.rst(stream, Reason::CANCEL).await;
    }
    peer.ping(1, false).await;
    within(PATIENCE, "the answer", async {
        while peer.next_frame().await.is_some_and(|frame| {
            frame
                != Frame::Ping {
                    payload: 1,
                    ack: true,
                }
        }) {}
    })
    .await;
    assert!(probe.counts().0 <= 10, "{:?}", probe.counts());
}
