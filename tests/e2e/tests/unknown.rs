//! Calls of methods that the server does not have, and what answers them.

use bytes::Bytes;
use farcall_net::{
    Channel, Code, Request, Sender, Server, Status, Streaming,
    interceptor::{Call, Interceptor, Next, Outcome},
    server::UnknownService,
};
use farcall_testkit::stub_server::{StubServer, calls};
use std::sync::{Arc, Mutex};

/// Gives every message back behind the name of the method.
struct Echo;

impl UnknownService for Echo {
    async fn call(
        &self,
        mut messages: Request<Streaming<Bytes>>,
        replies: &mut Sender<Bytes>,
    ) -> Result<(), Status> {
        let method = messages.method().to_owned();
        replies.metadata_mut().insert("method", method.clone());
        replies.trailers_mut().insert("end", "here");
        while let Some(message) = messages.message().await? {
            if message.is_empty() {
                return Err(Status::not_found("nothing in it"));
            }
            replies
                .send([method.as_bytes(), b" ", &message].concat().into())
                .await?;
        }
        Ok(())
    }
}

fn known() -> Server {
    StubServer::unary("/t.T/Known", |_| async { Ok(Bytes::from("known")) }).server()
}

fn channel() -> Channel {
    known().unknown_service(Echo).in_process().unwrap()
}

fn text(text: &'static str) -> Bytes {
    Bytes::from(text)
}

#[tokio::test]
async fn calls_of_all_kinds_of_methods_that_the_server_does_not_have_are_answered() {
    let channel = channel();
    let reply = calls::unary(&channel, "/t.T/One", text("a")).await.unwrap();
    assert_eq!(*reply, "/t.T/One a");
    assert_eq!(reply.metadata().get("method"), Some("/t.T/One"));
    assert_eq!(reply.trailers().get("end"), Some("here"));

    let call = calls::server_streaming(&channel, "/u.U/Two", text("b"));
    let mut replies = call.await.unwrap();
    assert_eq!(replies.message().await.unwrap().unwrap(), "/u.U/Two b");
    assert_eq!(replies.message().await.unwrap(), None);

    let (mut messages, reply) = calls::client_streaming(&channel, "/u.U/Three").split();
    messages.send(text("c")).await.unwrap();
    messages.half_close();
    assert_eq!(*reply.await.unwrap(), "/u.U/Three c");

    let (mut messages, mut replies) = calls::bidi(&channel, "/u.U/Four").split();
    for letter in ["d", "e"] {
        messages.send(text(letter)).await.unwrap();
        let reply = replies.message().await.unwrap().unwrap();
        assert_eq!(reply, format!("/u.U/Four {letter}"));
    }
}

#[tokio::test]
async fn methods_that_the_server_has_stay_as_they_are() {
    let reply = calls::unary(&channel(), "/t.T/Known", text("a")).await;
    assert_eq!(*reply.unwrap(), "known");
}

#[tokio::test]
async fn its_status_is_that_of_the_call() {
    let status = calls::unary(&channel(), "/t.T/One", Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::NotFound, "nothing in it")
    );
}

#[tokio::test]
async fn a_server_without_one_says_what_it_does_not_have() {
    let channel = known().in_process().unwrap();
    for (path, message) in [
        ("/t.T/One", "unknown service t.T"),
        ("/u.U/One", "unknown service u.U"),
    ] {
        let status = calls::unary(&channel, path, text("a")).await.unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::Unimplemented, message)
        );
    }
}

#[tokio::test]
async fn limits_of_the_server_hold() {
    let server = known().unknown_service(Echo).max_receive_message_size(10);
    let channel = server.in_process().unwrap();
    let call = calls::unary(&channel, "/t.T/One", text("eleven bytes"));
    assert_eq!(call.await.unwrap_err().code(), Code::ResourceExhausted);
}

#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<String>>>);

impl Interceptor for Names {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        self.0.lock().unwrap().push(call.method().path().to_owned());
        next.run(call).await
    }
}

#[tokio::test]
async fn interceptors_of_the_server_see_such_calls_with_their_names() {
    let names = Names::default();
    let server = known().unknown_service(Echo).interceptor(names.clone());
    let channel = server.in_process().unwrap();
    calls::unary(&channel, "/t.T/One", text("a")).await.unwrap();
    calls::unary(&channel, "/u.U/Two", text("a")).await.unwrap();
    assert_eq!(*names.0.lock().unwrap(), ["/t.T/One", "/u.U/Two"]);
}
