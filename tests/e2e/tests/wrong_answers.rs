//! A client against a server that speaks HTTP/2 and breaks gRPC's rules.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_http2::Reason;
use farcall_net::{Channel, Code, Status};
use farcall_testkit::{
    scripted_peer::{ScriptedPeer, message},
    stub_server::calls,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

type Server = ScriptedPeer<TcpStream>;
type Call = JoinHandle<Result<Bytes, Status>>;

/// A unary call that has reached the scripted server on stream 1.
async fn asked() -> (Server, Call, Channel) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("ipv4:{}", listener.local_addr().unwrap());
    let channel = Channel::builder(target).insecure().build().unwrap();
    let call = call(&channel);
    let mut server = ScriptedPeer::accept(&listener).await.unwrap();
    server.handshake().await;
    let (head, _) = server.expect_headers(1).await;
    assert_eq!(
        (head.get(":method"), head.get("te")),
        (Some("POST"), Some("trailers"))
    );
    assert!(
        head.get("content-type")
            .unwrap()
            .starts_with("application/grpc")
    );
    assert!(
        server.expect_data(1).await.1,
        "END_STREAM rides on the message"
    );
    (server, call, channel)
}

fn call(channel: &Channel) -> Call {
    let call = calls::unary(channel, "/t.T/Any", Bytes::from("ask")).into_future();
    tokio::spawn(async move { call.await.map(|reply| reply.into_inner()) })
}

async fn outcome(call: Call) -> Result<Bytes, Status> {
    within(PATIENCE, "the outcome", call).await.unwrap()
}

async fn failure(call: Call) -> Status {
    outcome(call).await.unwrap_err()
}

#[tokio::test]
async fn a_response_that_is_not_grpc_has_the_code_of_its_http_status_and_quotes_the_body() {
    for (http, code) in [
        ("400", Code::Internal),
        ("401", Code::Unauthenticated),
        ("403", Code::PermissionDenied),
        ("404", Code::Unimplemented),
        ("429", Code::Unavailable),
        ("502", Code::Unavailable),
        ("503", Code::Unavailable),
        ("504", Code::Unavailable),
        ("200", Code::Unknown),
        ("418", Code::Unknown),
    ] {
        let (mut server, call, _channel) = asked().await;
        server
            .headers(
                1,
                &[(":status", http), ("content-type", "text/html")],
                false,
            )
            .await;
        server.data(1, b"<h1>the gateway is tired</h1>", true).await;
        let status = failure(call).await;
        assert_eq!(status.code(), code, "{http}: {status}");
        assert!(status.to_string().contains("tired"), "{status}");
    }
}

#[tokio::test]
async fn a_status_beside_a_bad_http_status_counts() {
    let (mut server, call, _channel) = asked().await;
    let fields = [
        (":status", "503"),
        ("content-type", "application/grpc"),
        ("grpc-status", "5"),
        ("grpc-message", "no%20such"),
    ];
    server.headers(1, &fields, true).await;
    let status = failure(call).await;
    assert_eq!(
        (status.code(), status.message()),
        (Code::NotFound, "no such")
    );
}

#[tokio::test]
async fn an_end_without_a_status_is_an_error() {
    // Trailers without grpc-status.
    let (mut server, call, _channel) = asked().await;
    server.response(1).await;
    server.data(1, &message(b"reply"), false).await;
    server.headers(1, &[("x-key", "1")], true).await;
    assert_eq!(failure(call).await.code(), Code::Unknown);
    // END_STREAM on DATA.
    let (mut server, call, _channel) = asked().await;
    server.response(1).await;
    server.data(1, &message(b"reply"), true).await;
    assert_eq!(failure(call).await.code(), Code::Internal);
}

#[tokio::test]
async fn a_status_that_is_not_a_number_is_unknown_and_unknown_numbers_too() {
    for number in ["abc", "-1", "", "17", "99999999999"] {
        let (mut server, call, _channel) = asked().await;
        server
            .headers(
                1,
                &[
                    (":status", "200"),
                    ("content-type", "application/grpc"),
                    ("grpc-status", number),
                ],
                true,
            )
            .await;
        assert_eq!(failure(call).await.code(), Code::Unknown, "{number}");
    }
}

#[tokio::test]
async fn ok_without_a_message_or_with_two_is_unimplemented() {
    let (mut server, call, _channel) = asked().await;
    server.response(1).await;
    server.headers(1, &[("grpc-status", "0")], true).await;
    assert_eq!(failure(call).await.code(), Code::Unimplemented);
    let (mut server, call, _channel) = asked().await;
    server.response(1).await;
    server
        .data(1, &[message(b"a"), message(b"b")].concat(), false)
        .await;
    server.headers(1, &[("grpc-status", "0")], true).await;
    assert_eq!(failure(call).await.code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_reset_has_the_code_that_the_specification_gives_it() {
    for (reason, code) in [
        (Reason::NO_ERROR, Code::Internal),
        (Reason::PROTOCOL_ERROR, Code::Internal),
        (Reason::INTERNAL_ERROR, Code::Internal),
        (Reason::FLOW_CONTROL_ERROR, Code::Internal),
        (Reason::SETTINGS_TIMEOUT, Code::Internal),
        (Reason::FRAME_SIZE_ERROR, Code::Internal),
        (Reason::COMPRESSION_ERROR, Code::Internal),
        (Reason::CONNECT_ERROR, Code::Internal),
        (Reason::CANCEL, Code::Cancelled),
        (Reason::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
        (Reason::INADEQUATE_SECURITY, Code::PermissionDenied),
    ] {
        let (mut server, call, _channel) = asked().await;
        server.rst(1, reason).await;
        let status = failure(call).await;
        assert_eq!(status.code(), code, "{reason}: {status}");
    }
}

#[tokio::test]
async fn a_connection_lost_in_the_middle_is_unavailable() {
    let (mut server, call, _channel) = asked().await;
    server.response(1).await;
    server.data(1, &message(b"half a reply")[..7], false).await;
    drop(server);
    assert_eq!(failure(call).await.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_crime_against_the_connection_ends_its_calls_with_the_reason() {
    let (mut server, call, _channel) = asked().await;
    server.window_update(0, 0).await;
    let status = failure(call).await;
    assert!(
        matches!(status.code(), Code::Unavailable | Code::Internal),
        "{status}"
    );
    assert!(status.to_string().contains("WINDOW_UPDATE"), "{status}");
    let (_, reason, _) = server.expect_goaway().await;
    assert_eq!(reason, Reason::PROTOCOL_ERROR);
}

#[tokio::test]
async fn calls_at_or_below_the_last_stream_of_a_goaway_go_on() {
    let (mut server, call, channel) = asked().await;
    server.goaway(1, Reason::NO_ERROR, "going").await;
    server.response(1).await;
    server.data(1, &message(b"still here"), false).await;
    server.headers(1, &[("grpc-status", "0")], true).await;
    assert_eq!(outcome(call).await.unwrap(), "still here");
    drop(channel);
}

#[tokio::test]
async fn interim_responses_are_passed_over() {
    let (mut server, call, _channel) = asked().await;
    server
        .headers(1, &[(":status", "103"), ("link", "x")], false)
        .await;
    server.headers(1, &[(":status", "100")], false).await;
    server.response(1).await;
    server.data(1, &message(b"reply"), false).await;
    server.headers(1, &[("grpc-status", "0")], true).await;
    assert_eq!(outcome(call).await.unwrap(), "reply");
}

#[tokio::test]
async fn a_second_header_list_that_does_not_end_the_stream_is_internal() {
    let (mut server, call, _channel) = asked().await;
    server.response(1).await;
    server.headers(1, &[("x-key", "1")], false).await;
    assert_eq!(failure(call).await.code(), Code::Internal);
    assert_eq!(server.expect_rst(1).await, Reason::PROTOCOL_ERROR);
}

#[tokio::test]
async fn a_binary_value_that_is_not_base64_is_internal() {
    let (mut server, call, _channel) = asked().await;
    server
        .headers(
            1,
            &[
                (":status", "200"),
                ("content-type", "application/grpc"),
                ("x-key-bin", "!"),
            ],
            false,
        )
        .await;
    assert_eq!(failure(call).await.code(), Code::Internal);
    let reason = server.expect_rst(1).await;
    assert!(
        [Reason::PROTOCOL_ERROR, Reason::CANCEL].contains(&reason),
        "{reason}"
    );
}

#[tokio::test]
async fn the_status_in_the_details_must_agree_with_the_header() {
    // google.rpc.Status { code: 5, message: "detailed" }, base64.
    let details = "CAUSCGRldGFpbGVk";
    for (number, code) in [("5", Code::NotFound), ("6", Code::Internal)] {
        let (mut server, call, _channel) = asked().await;
        let fields = [
            (":status", "200"),
            ("content-type", "application/grpc"),
            ("grpc-status", number),
            ("grpc-message", "plain"),
            ("grpc-status-details-bin", details),
        ];
        server.headers(1, &fields, true).await;
        assert_eq!(failure(call).await.code(), code);
    }
}

#[tokio::test]
async fn a_message_over_the_clients_limit_is_resource_exhausted_and_the_rest_is_not_read() {
    let (mut server, call, channel) = asked().await;
    server.response(1).await;
    server.data(1, &[0, 127, 255, 255, 255], false).await;
    assert_eq!(failure(call).await.code(), Code::ResourceExhausted);
    assert_eq!(server.expect_rst(1).await, Reason::CANCEL);
    drop(channel);
}
