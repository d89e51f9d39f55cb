//! Compression as it stands on the wire: the flag of each message, the headers, the bytes.

use crate::{everywhere, reach::Reach};
use bytes::Bytes;
use farcall_e2e::PATIENCE;
use farcall_net::{Channel, Code, Encoding, Request, Response};
use farcall_testkit::{
    scripted_peer::{ScriptedPeer, message},
    stub_server::{StubServer, calls},
};
use tokio::net::TcpListener;

everywhere![
    a_server_answers_as_it_was_asked_unless_the_handler_says_otherwise,
    a_compressed_message_is_bounded_by_what_it_unfolds_to,
];

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

fn text() -> Bytes {
    Bytes::from("compress me ".repeat(500))
}

/// A channel and the scripted server behind it.
async fn scripted() -> (Channel, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("ipv4:{}", listener.local_addr().unwrap());
    (
        Channel::builder(target).insecure().build().unwrap(),
        listener,
    )
}

#[tokio::test]
async fn a_compressed_request_has_the_flag_the_header_and_gzip_inside() {
    let (channel, listener) = scripted().await;
    let call = calls::unary(&channel, "/t.T/Any", text())
        .compress(Encoding::Gzip)
        .timeout(PATIENCE);
    let call = tokio::spawn(call.into_future());
    let mut server = ScriptedPeer::accept(&listener).await.unwrap();
    server.handshake().await;
    let (head, _) = server.expect_headers(1).await;
    assert_eq!(head.get("grpc-encoding"), Some("gzip"));
    assert!(
        head.get("grpc-accept-encoding")
            .unwrap()
            .split(',')
            .any(|name| name.trim() == "gzip")
    );
    let (data, end) = server.expect_data(1).await;
    assert!(end && data[0] == 1 && data[5..7] == GZIP_MAGIC, "{data:?}");
    assert!(data.len() < text().len() / 10);
    server.response(1).await;
    server.data(1, &message(b"fine"), false).await;
    server.headers(1, &[("grpc-status", "0")], true).await;
    let reply = call.await.unwrap().unwrap();
    assert_eq!(*reply, "fine");
    assert!(!reply.message_was_compressed());
}

#[tokio::test]
async fn an_uncompressed_request_says_so() {
    let (channel, listener) = scripted().await;
    let call = tokio::spawn(calls::unary(&channel, "/t.T/Any", text()).into_future());
    let mut server = ScriptedPeer::accept(&listener).await.unwrap();
    server.handshake().await;
    let (head, _) = server.expect_headers(1).await;
    assert!(
        matches!(head.get("grpc-encoding"), None | Some("identity")),
        "{head:?}"
    );
    let (data, _) = server.expect_data(1).await;
    assert_eq!(data[0], 0);
    call.abort();
}

#[tokio::test]
async fn streamed_messages_are_compressed_one_by_one_and_empty_ones_never() {
    let (channel, listener) = scripted().await;
    let (mut sender, replies) = calls::bidi(&channel, "/t.T/Chat")
        .compress(Encoding::Gzip)
        .split();
    let mut server = ScriptedPeer::accept(&listener).await.unwrap();
    server.handshake().await;
    server.expect_headers(1).await;
    sender.send(text()).await.unwrap();
    assert_eq!(server.expect_data(1).await.0[0], 1);
    sender.compress(false);
    sender.send(text()).await.unwrap();
    assert_eq!(server.expect_data(1).await.0[0], 0);
    sender.compress(true);
    sender.send(Bytes::new()).await.unwrap();
    assert_eq!(server.expect_data(1).await.0, [0_u8; 5][..]);
    drop(replies);
}

/// Answers with the text, and with whether the request came compressed.
fn echo(encoding: Option<Encoding>) -> StubServer {
    StubServer::unary("/t.T/Any", move |request: Request<Bytes>| async move {
        let compressed = request.message_was_compressed().to_string();
        let mut response = Response::new(request.into_inner());
        response
            .metadata_mut()
            .insert("x-was-compressed", compressed);
        if let Some(encoding) = encoding {
            response.set_compression(encoding);
        }
        Ok(response)
    })
}

async fn a_server_answers_as_it_was_asked_unless_the_handler_says_otherwise() {
    for (asked, chosen, answered) in [
        (Encoding::Gzip, None, true),
        (Encoding::Identity, None, false),
        (Encoding::Identity, Some(Encoding::Gzip), true),
        (Encoding::Gzip, Some(Encoding::Identity), false),
    ] {
        let channel = echo(chosen).reach();
        let reply = calls::unary(&channel, "/t.T/Any", text())
            .compress(asked)
            .await
            .unwrap();
        assert_eq!(
            reply.metadata().get("x-was-compressed"),
            Some(if asked == Encoding::Gzip {
                "true"
            } else {
                "false"
            })
        );
        assert_eq!(
            reply.message_was_compressed(),
            answered,
            "{asked} {chosen:?}"
        );
        assert_eq!(*reply, text());
    }
}

#[tokio::test]
async fn a_client_that_accepts_no_gzip_gets_none() {
    let stub = echo(Some(Encoding::Gzip)).start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    for (stream, accepts, flag) in [(1, "identity", 0), (3, "identity, gzip", 1)] {
        peer.request(stream, "/t.T/Any", &[("grpc-accept-encoding", accepts)])
            .await;
        peer.data(stream, &message(&text()), true).await;
        let exchange = peer.expect_exchange(stream).await;
        assert_eq!(exchange.body[0], flag, "{accepts}");
        assert_eq!(
            exchange.head.get("grpc-encoding") == Some("gzip"),
            flag == 1
        );
        assert_eq!(exchange.last().grpc_status(), Some(0));
    }
}

async fn a_compressed_message_is_bounded_by_what_it_unfolds_to() {
    let channel = echo(None)
        .configure(|server| server.max_receive_message_size(100_000))
        .reach();
    let bomb = Bytes::from(vec![0; 3_000_000]);
    let status = calls::unary(&channel, "/t.T/Any", bomb)
        .compress(Encoding::Gzip)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
}
