//! Requests whose messages break gRPC's rules.

use crate::{bad_input::Neighbour, echo::echo};
use farcall_net::Code;
use farcall_testkit::scripted_peer::{Exchange, message};

/// What comes back for this body, with these fields added to the head.
async fn ask(path: &str, more: &[(&str, &str)], body: &[u8]) -> Exchange {
    let mut neighbour =
        Neighbour::of(echo().configure(|server| server.max_receive_message_size(1000))).await;
    neighbour.peer.request(3, path, more).await;
    neighbour.peer.data(3, body, true).await;
    let exchange = neighbour.peer.expect_exchange(3).await;
    assert_eq!(exchange.head.get(":status"), Some("200"));
    neighbour.assert_unharmed().await;
    exchange
}

async fn code(path: &str, more: &[(&str, &str)], body: &[u8]) -> Code {
    Code::from_i32(ask(path, more, body).await.last().grpc_status().unwrap() as i32)
}

#[tokio::test]
async fn a_message_over_the_limit_is_resource_exhausted_before_its_bytes_arrive() {
    let large = message(&[7; 1001]);
    assert_eq!(
        code("/t.T/Echo", &[], &large).await,
        Code::ResourceExhausted
    );
    assert_eq!(
        code("/t.T/Chat", &[], &large).await,
        Code::ResourceExhausted
    );
    // Four gigabytes are announced, nothing comes.
    let mut neighbour = Neighbour::new().await;
    neighbour.peer.request(3, "/t.T/Echo", &[]).await;
    neighbour
        .peer
        .data(3, &[0, 255, 255, 255, 255], false)
        .await;
    let exchange = neighbour.peer.expect_exchange(3).await;
    assert_eq!(
        exchange.last().grpc_status(),
        Some(Code::ResourceExhausted as u32)
    );
    neighbour.assert_unharmed().await;
    assert_eq!(code("/t.T/Echo", &[], &message(&[7; 1000])).await, Code::Ok);
}

#[tokio::test]
async fn an_unknown_encoding_is_unimplemented_and_the_known_ones_are_named() {
    let exchange = ask("/t.T/Echo", &[("grpc-encoding", "lzma")], &message(b"x")).await;
    assert_eq!(
        exchange.last().grpc_status(),
        Some(Code::Unimplemented as u32)
    );
    assert!(
        exchange
            .last()
            .get("grpc-accept-encoding")
            .unwrap()
            .contains("gzip"),
        "{exchange:?}"
    );
}

#[tokio::test]
async fn a_compressed_message_without_an_encoding_is_internal() {
    let mut flagged = message(b"x").to_vec();
    flagged[0] = 1;
    for more in [&[][..], &[("grpc-encoding", "identity")]] {
        assert_eq!(code("/t.T/Echo", more, &flagged).await, Code::Internal);
        assert_eq!(code("/t.T/Chat", more, &flagged).await, Code::Internal);
    }
}

#[tokio::test]
async fn what_is_not_gzip_is_internal() {
    let mut flagged = message(b"this is not gzip").to_vec();
    flagged[0] = 1;
    assert_eq!(
        code("/t.T/Echo", &[("grpc-encoding", "gzip")], &flagged).await,
        Code::Internal
    );
}

#[tokio::test]
async fn an_unknown_flag_is_internal() {
    let mut flagged = message(b"x").to_vec();
    flagged[0] = 2;
    assert_eq!(code("/t.T/Echo", &[], &flagged).await, Code::Internal);
}

#[tokio::test]
async fn a_request_that_ends_inside_of_a_message_is_internal() {
    let whole = message(b"hello");
    for len in [1, 4, 5, 9] {
        assert_eq!(
            code("/t.T/Echo", &[], &whole[..len]).await,
            Code::Internal,
            "{len}"
        );
        assert_eq!(
            code("/t.T/Chat", &[], &whole[..len]).await,
            Code::Internal,
            "{len}"
        );
    }
}

#[tokio::test]
async fn a_unary_request_with_no_message_or_several_is_unimplemented() {
    assert_eq!(code("/t.T/Echo", &[], b"").await, Code::Unimplemented);
    let two = [message(b"a"), message(b"b")].concat();
    assert_eq!(code("/t.T/Echo", &[], &two).await, Code::Unimplemented);
    let mut neighbour = Neighbour::new().await;
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/t.T/Echo"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    neighbour.peer.headers(3, &fields, true).await;
    let exchange = neighbour.peer.expect_exchange(3).await;
    assert_eq!(
        exchange.last().grpc_status(),
        Some(Code::Unimplemented as u32),
        "END_STREAM on the head"
    );
    neighbour.assert_unharmed().await;
}

#[tokio::test]
async fn messages_may_be_cut_at_any_byte() {
    let mut neighbour = Neighbour::new().await;
    neighbour.peer.request(3, "/t.T/Chat", &[]).await;
    let whole = [message(b"one"), message(b""), message(b"three")].concat();
    for byte in whole.chunks(1) {
        neighbour.peer.data(3, byte, false).await;
    }
    neighbour.peer.data(3, b"", true).await;
    let exchange = neighbour.peer.expect_exchange(3).await;
    assert_eq!(exchange.body, whole);
    assert_eq!(exchange.last().grpc_status(), Some(0));
    neighbour.assert_unharmed().await;
}
