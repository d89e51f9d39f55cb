use super::*;
use farcall_http2::Reason;

fn pair() -> (
    ScriptedPeer<tokio::io::DuplexStream>,
    ScriptedPeer<tokio::io::DuplexStream>,
) {
    let (a, b) = tokio::io::duplex(1 << 20);
    (ScriptedPeer::client(a), ScriptedPeer::server(b))
}

#[tokio::test]
async fn a_handshake_hands_over_the_parameters() {
    let (mut client, mut server) = pair();
    let of_client = [
        (setting::INITIAL_WINDOW_SIZE, 7),
        (setting::MAX_FRAME_SIZE, 20_000),
    ];
    let of_server = [(setting::MAX_CONCURRENT_STREAMS, 3)];
    let (seen_by_client, seen_by_server) = tokio::join!(
        client.handshake_with(&of_client),
        server.handshake_with(&of_server)
    );
    assert_eq!(seen_by_client, of_server);
    assert_eq!(seen_by_server, of_client);
    client.settings(&of_client).await;
    assert_eq!(
        server.next_frame().await,
        Some(Frame::Settings(of_client.to_vec()))
    );
    assert_eq!(client.next_frame().await, Some(Frame::SettingsAck));
}

#[tokio::test]
async fn a_header_block_in_pieces_with_padding_and_priority_is_read_as_one() {
    let (mut client, mut server) = pair();
    let block = client.encode(&[(":status", "200"), ("x-key", "a value")]);
    let (first, rest) = block.split_at(3);
    let payload = [&[2, 0, 0, 0, 1, 9][..], first, &[0, 0]].concat();
    client
        .frame(
            kind::HEADERS,
            flag::PADDED | flag::PRIORITY | flag::END_STREAM,
            5,
            &payload,
        )
        .await;
    client.frame(kind::CONTINUATION, flag::NONE, 5, rest).await;
    client
        .frame(kind::CONTINUATION, flag::END_HEADERS, 5, &[])
        .await;
    let (list, end) = server.expect_headers(5).await;
    assert_eq!((list.get("x-key"), end), (Some("a value"), true));
}

#[tokio::test]
async fn a_whole_exchange_is_gathered_past_frames_of_other_streams() {
    let (mut client, mut server) = pair();
    server.response(1).await;
    server.data(1, b"ab", false).await;
    server.rst(3, Reason::CANCEL).await;
    server.goaway(9, Reason::NO_ERROR, "bye").await;
    server.data(1, b"c", false).await;
    server.headers(1, &[("grpc-status", "5")], true).await;
    let exchange = client.expect_exchange(1).await;
    assert_eq!(
        (&exchange.body[..], exchange.last().grpc_status()),
        (&b"abc"[..], Some(5))
    );
    assert_eq!(exchange.head.get(":status"), Some("200"));
}

#[tokio::test]
#[should_panic(expected = "HEADERS on stream 1 expected, not Rst")]
async fn another_frame_than_the_expected_one_fails_the_test() {
    let (mut client, mut server) = pair();
    client.rst(1, Reason::CANCEL).await;
    server.expect_headers(1).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "nothing came in time")]
async fn silence_fails_an_expectation() {
    let (mut client, _server) = pair();
    client.expect_goaway().await;
}
