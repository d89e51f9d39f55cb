//! What a caller learns of a call with one response that failed.

use bytes::Bytes;
use farcall_core::{Code, Method, MethodKind, Raw, Status};
use farcall_net::{
    Channel, Sender, Server,
    client::{ClientStreamingCall, UnaryCall},
    server::{Methods, Service},
};
use std::sync::Arc;

const PATH: &str = "/demo.Late/Fail";
/// For the server a stream of responses, so that it can send headers before it fails; for the client one response.
static STREAM: Method<Bytes, Bytes, Raw> =
    Method::with_codec(PATH, MethodKind::ServerStreaming, Raw);
static ONE: Method<Bytes, Bytes, Raw> = Method::with_codec(PATH, MethodKind::Unary, Raw);
static MANY: Method<Bytes, Bytes, Raw> = Method::with_codec(PATH, MethodKind::ClientStreaming, Raw);

struct Late;

impl Service for Late {
    const NAME: &'static str = "demo.Late";

    fn methods(&self, methods: &mut Methods) {
        methods.server_streaming(
            &STREAM,
            &Arc::new(()),
            |_, _, mut replies: Sender<Bytes>| async move {
                replies.metadata_mut().insert("when", "before");
                replies.trailers_mut().insert("when", "after");
                let sent = replies.send_metadata();
                (sent.and(Err(Status::aborted("too late"))), replies)
            },
        );
    }
}

async fn channel() -> Channel {
    let server = Server::builder()
        .add_service(Late)
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let target = server.local_addr().unwrap().to_string();
    tokio::spawn(server.serve());
    Channel::builder(target).insecure().build().unwrap()
}

fn check(status: &Status) {
    assert_eq!(status.code(), Code::Aborted, "{status}");
    assert_eq!(status.initial_metadata().get("when"), Some("before"));
    assert_eq!(status.metadata().get("when"), Some("after"));
}

#[tokio::test]
async fn a_failed_unary_call_tells_the_initial_metadata_too() {
    let channel = channel().await;
    check(
        &UnaryCall::new(&channel, &ONE, Bytes::new())
            .await
            .unwrap_err(),
    );
}

#[tokio::test]
async fn a_failed_client_streaming_call_tells_the_initial_metadata_too() {
    let channel = channel().await;
    let (mut sender, response) = ClientStreamingCall::new(&channel, &MANY).split();
    sender.send(Bytes::new()).await.unwrap();
    sender.half_close();
    check(&response.await.unwrap_err());
}
