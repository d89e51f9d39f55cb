//! Compression as it stands on the wire: the flag of each message, the headers, the bytes.

use crate::{everywhere, reach::Reach};
use bytes::Bytes;
use farcall_core::message::{Compressor, Compressors, DecompressError};
use farcall_e2e::PATIENCE;
use farcall_net::{Channel, Code, Encoding, Request, Response, Server};
use farcall_testkit::{
    scripted_peer::{ScriptedPeer, message},
    stub_server::{StubServer, calls},
};
use tokio::net::TcpListener;

everywhere![
    a_server_answers_as_it_was_asked_unless_the_handler_says_otherwise,
    a_compressed_message_is_bounded_by_what_it_unfolds_to,
    every_compression_works_on_every_kind_of_call,
    a_server_compresses_as_it_was_told_for_itself_a_service_and_a_method,
    messages_below_the_smallest_size_travel_as_they_are,
    a_compressor_of_ones_own_is_one_like_any_other,
];

/// All that are built in.
const ALL: [Encoding; 4] = [
    Encoding::Gzip,
    Encoding::Deflate,
    Encoding::Zstd,
    Encoding::Snappy,
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

#[tokio::test]
async fn a_handler_learns_what_its_caller_accepts() {
    let stub = StubServer::unary("/t.T/Any", |request| async move {
        let names: Vec<_> = request.accepted_encodings().collect();
        Ok(Bytes::from(names.join("|")))
    });
    let stub = stub.start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    for (stream, accepts, heard) in [
        (1, Some("identity"), "identity"),
        (3, Some("gzip ,zstd,, x-own"), "gzip|zstd|x-own"),
        (5, None, ""),
    ] {
        let accepts = accepts.map(|names| ("grpc-accept-encoding", names));
        let more: Vec<_> = accepts.into_iter().collect();
        peer.request(stream, "/t.T/Any", &more).await;
        peer.data(stream, &message(b""), true).await;
        let exchange = peer.expect_exchange(stream).await;
        assert_eq!(exchange.body[..], message(heard.as_bytes())[..]);
    }
}

async fn a_compressed_message_is_bounded_by_what_it_unfolds_to() {
    let channel = echo(None)
        .configure(|server| server.max_receive_message_size(100_000))
        .reach();
    let bomb = Bytes::from(vec![0; 3_000_000]);
    for encoding in ALL {
        let call = calls::unary(&channel, "/t.T/Any", bomb.clone()).compress(encoding);
        let status = call.await.unwrap_err();
        assert_eq!(
            status.code(),
            Code::ResourceExhausted,
            "{encoding}: {status}"
        );
    }
}

/// Sends back what comes, once for a unary request and each message of a stream.
fn mirror() -> StubServer {
    echo(None).and(StubServer::bidi("/t.T/Chat", |request, replies| {
        Box::pin(async move {
            let mut messages = request.into_inner();
            while let Some(message) = messages.message().await? {
                assert!(messages.last_was_compressed() != message.is_empty());
                replies.send(message).await?;
            }
            Ok(())
        })
    }))
}

async fn every_compression_works_on_every_kind_of_call() {
    let channel = mirror().reach();
    for encoding in ALL {
        let call = calls::unary(&channel, "/t.T/Any", text()).compress(encoding);
        let reply = call.await.unwrap();
        assert!(reply.message_was_compressed(), "{encoding}");
        assert_eq!(*reply, text());

        let call = calls::bidi(&channel, "/t.T/Chat").compress(encoding);
        let (mut sender, mut replies) = call.split();
        for message in [text(), Bytes::new(), Bytes::from("short"), text()] {
            sender.send(message.clone()).await.unwrap();
            assert_eq!(replies.message().await.unwrap().unwrap(), message);
            assert_eq!(
                replies.last_was_compressed(),
                !message.is_empty(),
                "{encoding}"
            );
        }
        sender.half_close();
        assert_eq!(replies.message().await.unwrap(), None);
    }
}

async fn a_server_compresses_as_it_was_told_for_itself_a_service_and_a_method() {
    let reply = |path| StubServer::unary(path, |_| Ok(text()));
    let server = reply("/a.A/One")
        .and(reply("/b.B/One"))
        .and(reply("/b.B/Two"));
    let channel = server
        .configure(|server| {
            server
                .compress_responses(Encoding::Gzip)
                .compress_responses_of("/b.B/", Encoding::Zstd)
                .compress_responses_of("/b.B/Two", Encoding::Identity)
        })
        .reach();
    for (path, compressed) in [("/a.A/One", true), ("/b.B/One", true), ("/b.B/Two", false)] {
        // Also in answer to what came uncompressed, or otherwise.
        for encoding in [Encoding::Identity, Encoding::Deflate] {
            let call = calls::unary(&channel, path, text()).compress(encoding);
            let reply = call.await.unwrap();
            assert_eq!(
                reply.message_was_compressed(),
                compressed,
                "{path} {encoding}"
            );
        }
    }
}

#[tokio::test]
async fn the_encoding_of_a_method_stands_on_the_wire_if_the_caller_accepts_it() {
    let stub = echo(None)
        .configure(|server| server.compress_responses_of("/t.T/Any", Encoding::Snappy))
        .start()
        .await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    for (stream, accepts, encoding) in [(1, "gzip", None), (3, "gzip,snappy", Some("snappy"))] {
        peer.request(stream, "/t.T/Any", &[("grpc-accept-encoding", accepts)])
            .await;
        peer.data(stream, &message(&text()), true).await;
        let exchange = peer.expect_exchange(stream).await;
        assert_eq!(exchange.head.get("grpc-encoding"), encoding);
        assert_eq!(
            exchange.head.get("grpc-accept-encoding"),
            Some("gzip,deflate,zstd,snappy")
        );
        assert_eq!(exchange.body[0], u8::from(encoding.is_some()));
    }
}

#[tokio::test]
async fn an_encoding_without_a_compressor_is_an_error_of_the_settings() {
    let only_gzip = || Compressors::none().with(farcall_core::message::Gzip::default());
    let builder = Channel::builder("ipv4:127.0.0.1:1")
        .insecure()
        .compress(Encoding::Zstd);
    let error = builder
        .compressors(only_gzip())
        .build()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("\"zstd\"") && error.contains("gzip"),
        "{error}"
    );

    let server = || Server::builder().compressors(only_gzip());
    for server in [
        server().compress_responses(Encoding::Zstd),
        server().compress_responses_of("/t.T/Any", Encoding::Zstd),
    ] {
        let error = server.in_process().unwrap_err();
        assert!(error.to_string().contains("\"zstd\""), "{error}");
    }
    let nowhere = server()
        .compress_responses_of("/t.T/Any", Encoding::Gzip)
        .in_process();
    assert!(nowhere.unwrap_err().to_string().contains("/t.T/Any"));
}

#[tokio::test]
async fn what_a_side_does_not_know_it_neither_announces_nor_takes() {
    let stub = echo(None).configure(|server| server.compressors(Compressors::none()));
    let server = stub.unbound();
    let channel = server
        .channel_builder()
        .compress(Encoding::Gzip)
        .build()
        .unwrap();
    let status = calls::unary(&channel, "/t.T/Any", text())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status}");

    // A client that knows none gets none.
    let server = echo(Some(Encoding::Gzip)).unbound();
    let builder = server.channel_builder().compressors(Compressors::none());
    let channel = builder.build().unwrap();
    let reply = calls::unary(&channel, "/t.T/Any", text()).await.unwrap();
    assert!(!reply.message_was_compressed());
    let call = calls::unary(&channel, "/t.T/Any", text()).compress(Encoding::Gzip);
    assert_eq!(call.await.unwrap_err().code(), Code::Internal);
}

async fn messages_below_the_smallest_size_travel_as_they_are() {
    let server = mirror().configure(|server| {
        server
            .compressors(Compressors::default().min_size(1000))
            .compress_responses(Encoding::Gzip)
    });
    let channel = server.reach();
    for (size, compressed) in [(999, false), (1000, true)] {
        let reply = calls::unary(&channel, "/t.T/Any", Bytes::from(vec![7; size]));
        assert_eq!(
            reply.await.unwrap().message_was_compressed(),
            compressed,
            "{size}"
        );
    }
}

/// Turns the bits over; compresses nothing.
struct Inverse;

impl Compressor for Inverse {
    fn name(&self) -> &'static str {
        "x-inverse"
    }

    fn compress(&self, input: &[u8], output: &mut Vec<u8>) -> std::io::Result<()> {
        output.extend(input.iter().map(|byte| !byte));
        Ok(())
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        if input.len() > limit {
            return Err(DecompressError::TooLarge);
        }
        output.extend(input.iter().map(|byte| !byte));
        Ok(())
    }
}

async fn a_compressor_of_ones_own_is_one_like_any_other() {
    const INVERSE: Encoding = Encoding::Other("x-inverse");
    let stub = StubServer::unary("/t.T/Any", |request: Request<Bytes>| {
        assert_eq!(request.encoding(), INVERSE);
        Ok(request.into_inner())
    });
    let known = || Compressors::default().with(Inverse);
    let server = stub
        .configure(move |server| server.compressors(known()))
        .run()
        .await;
    let builder = server.channel_builder().compressors(known());
    let channel = builder.compress(INVERSE).build().unwrap();
    let reply = calls::unary(&channel, "/t.T/Any", text()).await.unwrap();
    assert!(reply.message_was_compressed());
    assert_eq!(*reply, text());
}
