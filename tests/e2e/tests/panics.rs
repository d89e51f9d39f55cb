//! Panics in handlers.

use crate::{everywhere, reach::Reach};
use bytes::Bytes;
use farcall_e2e::{PATIENCE, logged, within};
use farcall_net::{Code, Request};
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{StubServer, calls},
};

everywhere![
    a_panic_becomes_internal_and_the_connections_other_calls_go_on,
    the_text_of_a_panic_is_for_the_log_and_not_for_the_caller,
];

fn panicking() -> StubServer {
    StubServer::unary("/t.T/Panic", |request: Request<Bytes>| {
        assert!(&request[..] != b"at once", "before the first await");
        async move {
            tokio::task::yield_now().await;
            match &request[..] {
                b"later" => panic!("after an await"),
                _ => Ok(request.into_inner()),
            }
        }
    })
    .and(StubServer::bidi("/t.T/Echo", |request, replies| {
        Box::pin(async move {
            let mut messages = request.into_inner();
            while let Some(message) = messages.message().await? {
                replies.send(message).await?;
            }
            Ok(())
        })
    }))
}

async fn a_panic_becomes_internal_and_the_connections_other_calls_go_on() {
    logged("");
    let channel = panicking().reach();
    let (mut sender, mut replies) = calls::bidi(&channel, "/t.T/Echo").split();
    sender.send("before".into()).await.unwrap();
    assert_eq!(replies.message().await.unwrap().unwrap(), "before");
    for when in ["at once", "later", "at once", "later"] {
        let call = calls::unary(&channel, "/t.T/Panic", Bytes::from(when)).into_future();
        let status = within(PATIENCE, "the status", call).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal, "{when}: {status}");
    }
    sender.send("after".into()).await.unwrap();
    assert_eq!(replies.message().await.unwrap().unwrap(), "after");
    let reply = calls::unary(&channel, "/t.T/Panic", Bytes::from("fine"))
        .await
        .unwrap();
    assert_eq!(*reply, "fine");
    assert!(
        logged("Panic")
            .iter()
            .any(|line| line.contains("before the first await")),
        "{:?}",
        logged("Panic")
    );
}

async fn the_text_of_a_panic_is_for_the_log_and_not_for_the_caller() {
    let channel = panicking().reach();
    let status = calls::unary(&channel, "/t.T/Panic", Bytes::from("later"))
        .await
        .unwrap_err();
    assert!(!status.message().contains("after an await"), "{status}");
}

/// Panics when it is dropped, if it is told to.
struct Sore(bool);

impl Drop for Sore {
    fn drop(&mut self) {
        if self.0 {
            self.0 = false;
            panic!("sore when it is dropped");
        }
    }
}

/// A future that keeps what it holds after it is done.
struct Keeps {
    _sore: Sore,
    reply: Bytes,
}

impl std::future::Future for Keeps {
    type Output = Result<Bytes, farcall_net::Status>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::task::Poll::Ready(Ok(std::mem::take(&mut self.reply)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_when_it_is_dropped_harms_its_own_call_alone() {
    let stub = StubServer::unary("/t.T/Sore", |request: Request<Bytes>| Keeps {
        _sore: Sore(&request[..] == b"sore"),
        reply: request.into_inner(),
    })
    .simulated(1, NetConfig::default());
    // Often enough to be polled where it was read: time stands still, so every poll is short.
    for message in [&["fine"; 100][..], &["sore", "fine"]].concat() {
        let call = calls::unary(stub.channel(), "/t.T/Sore", Bytes::from(message)).into_future();
        let reply = within(PATIENCE, "the reply", call).await;
        match message {
            "fine" => assert_eq!(*reply.unwrap(), message),
            _ => assert_eq!(reply.unwrap_err().code(), Code::Internal),
        }
    }
    assert_eq!(stub.connections(), 1, "the connection lives");
}
