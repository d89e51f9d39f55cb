//! Codecs by content-subtype.

use bytes::Bytes;
use farcall_core::{Codec, CodecError, EncodeBuf, Method, MethodKind};
use farcall_e2e::{PATIENCE, within};
use farcall_net::{
    Channel, Code, Server,
    client::{BidiCall, ClientStreamingCall, ServerStreamingCall, UnaryCall},
    server::{Methods, Service},
};
use farcall_testkit::scripted_peer::{ScriptedPeer, message};
use std::sync::Arc;

/// Messages are text, under a subtype of one's choice.
#[derive(Clone, Copy)]
struct Text(&'static str);

impl Codec<String> for Text {
    fn encode(&self, message: &String, buf: &mut EncodeBuf) -> Result<(), CodecError> {
        buf.put_slice(message.as_bytes());
        Ok(())
    }

    fn decode(&self, message: Bytes) -> Result<String, CodecError> {
        String::from_utf8(message.into()).map_err(CodecError::new)
    }

    fn content_subtype(&self) -> &'static str {
        self.0
    }
}

type Echo = Method<String, String, Text>;

fn method(path: &'static str, kind: MethodKind, subtype: &'static str) -> Echo {
    Method::with_codec(path, kind, Text(subtype))
}

const KINDS: [(&str, MethodKind); 4] = [
    ("/t.Text/Unary", MethodKind::Unary),
    ("/t.Text/Watch", MethodKind::ServerStreaming),
    ("/t.Text/Upload", MethodKind::ClientStreaming),
    ("/t.Text/Chat", MethodKind::Bidi),
];

/// All four kinds, which send back what comes.
struct Texts;

impl Service for Texts {
    const NAME: &'static str = "t.Text";

    fn methods(&self, methods: &mut Methods) {
        let none = Arc::new(());
        let [unary, watch, upload, chat] = KINDS.map(|(path, kind)| method(path, kind, "text"));
        methods.unary(&unary, &none, |_, request| async move {
            Ok(request.into_inner().into())
        });
        methods.server_streaming(&watch, &none, |_, request, mut replies| async move {
            (replies.send(request.into_inner()).await, replies)
        });
        methods.client_streaming(&upload, &none, |_, mut request| async move {
            Ok(request.message().await?.unwrap_or_default().into())
        });
        methods.bidi(&chat, &none, |_, mut request, mut replies| async move {
            let result = async {
                while let Some(message) = request.message().await? {
                    replies.send(message).await?;
                }
                Ok(())
            };
            (result.await, replies)
        });
    }
}

/// What comes back for "hello" as a message of this subtype.
async fn ask(channel: &Channel, kind: MethodKind, subtype: &'static str) -> Result<String, Code> {
    let (path, _) = KINDS.into_iter().find(|(_, other)| *other == kind).unwrap();
    let (method, hello) = (method(path, kind, subtype), "hello".to_owned());
    let answer = async {
        match kind {
            MethodKind::Unary => Ok(UnaryCall::new(channel, &method, hello).await?.into_inner()),
            MethodKind::ServerStreaming => {
                let mut replies = ServerStreamingCall::new(channel, &method, hello).await?;
                Ok(replies.message().await?.unwrap())
            }
            MethodKind::ClientStreaming => {
                let (mut sender, reply) = ClientStreamingCall::new(channel, &method).split();
                sender.send(hello).await.ok();
                sender.half_close();
                Ok(reply.await?.into_inner())
            }
            MethodKind::Bidi => {
                let (mut sender, mut replies) = BidiCall::new(channel, &method).split();
                sender.send(hello).await.ok();
                sender.half_close();
                Ok(replies.message().await?.unwrap())
            }
        }
    };
    let answer: Result<String, farcall_net::Status> = within(PATIENCE, "the answer", answer).await;
    answer.map_err(|status| status.code())
}

#[tokio::test]
async fn every_kind_of_call_takes_its_own_subtype_and_refuses_others() {
    let channel = Server::builder().add_service(Texts).in_process().unwrap();
    for (_, kind) in KINDS {
        assert_eq!(
            ask(&channel, kind, "text").await.as_deref(),
            Ok("hello"),
            "{kind:?}"
        );
        // Without a subtype it is taken for the method's own.
        assert_eq!(
            ask(&channel, kind, "").await.as_deref(),
            Ok("hello"),
            "{kind:?}"
        );
        assert_eq!(
            ask(&channel, kind, "json").await,
            Err(Code::Unimplemented),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn the_subtype_stands_in_the_content_type_of_request_and_response() {
    let server = Server::builder()
        .add_service(Texts)
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(server.serve());
    let mut peer = ScriptedPeer::connect(address).await.unwrap();
    peer.handshake().await;
    let head = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/t.Text/Unary"),
        (":authority", "test"),
        ("content-type", "application/grpc+text"),
        ("te", "trailers"),
    ];
    peer.headers(1, &head, false).await;
    peer.data(1, &message(b"hello"), true).await;
    let exchange = peer.expect_exchange(1).await;
    assert_eq!(
        exchange.head.get("content-type"),
        Some("application/grpc+text")
    );
    assert_eq!(exchange.body, message(b"hello"));
}

#[tokio::test]
async fn a_message_that_the_codec_cannot_read_is_internal_on_either_side() {
    #[derive(Clone, Copy)]
    struct Bad;
    impl Codec<String> for Bad {
        fn encode(&self, _: &String, buf: &mut EncodeBuf) -> Result<(), CodecError> {
            buf.put_slice(&[0xff]);
            Ok(())
        }
        fn decode(&self, _: Bytes) -> Result<String, CodecError> {
            Err(CodecError::new("never"))
        }
        fn content_subtype(&self) -> &'static str {
            "text"
        }
    }
    let channel = Server::builder().add_service(Texts).in_process().unwrap();
    let sends_rubbish = Method::with_codec("/t.Text/Unary", MethodKind::Unary, Bad);
    let status = UnaryCall::new(&channel, &sends_rubbish, String::new())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("request message"), "{status}");
}
