//! How streams of messages end: only what was ended on purpose looks complete.

use crate::{everywhere, reach::Reach};
use bytes::Bytes;
use farcall_e2e::{PATIENCE, PROMPTLY, Probe, within};
use farcall_http2::Reason;
use farcall_net::{Channel, Code, Status};
use farcall_testkit::{
    scripted_peer::ScriptedPeer,
    stub_server::{StubServer, calls},
};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

everywhere![
    a_half_closed_upload_is_complete,
    an_empty_upload_is_complete_too,
    an_upload_whose_sender_is_dropped_never_looks_complete,
    an_answer_before_the_half_close_ends_the_call_well,
    a_stream_of_replies_ends_well_only_by_the_handlers_ok,
    a_message_after_the_half_close_is_refused_and_harms_nothing,
];

type Outcome = Arc<Mutex<Option<Result<usize, Status>>>>;

/// Counts messages, and notes how the upload ended.
fn counting(outcome: &Outcome, done: &Probe) -> Channel {
    let (outcome, done) = (Arc::clone(outcome), done.clone());
    StubServer::client_streaming("/t.T/Upload", move |request| {
        let (outcome, guard) = (Arc::clone(&outcome), done.enter());
        async move {
            let _guard = guard;
            let (mut messages, mut count) = (request.into_inner(), 0);
            let end = loop {
                match messages.message().await {
                    Ok(Some(_)) => count += 1,
                    Ok(None) => break Ok(count),
                    Err(status) => break Err(status),
                }
            };
            *outcome.lock().unwrap() = Some(end.clone());
            end.map(|count| Bytes::from(count.to_string()))
        }
    })
    // So that the handler lives to note what it saw.
    .configure(|server| server.run_to_completion())
    .reach()
}

async fn a_half_closed_upload_is_complete() {
    let (outcome, done) = (Outcome::default(), Probe::new());
    let channel = counting(&outcome, &done);
    let (mut sender, reply) = calls::client_streaming(&channel, "/t.T/Upload").split();
    for _ in 0..3 {
        sender.send("part".into()).await.unwrap();
    }
    sender.half_close();
    assert_eq!(*reply.await.unwrap(), "3");
}

async fn an_empty_upload_is_complete_too() {
    let (outcome, done) = (Outcome::default(), Probe::new());
    let channel = counting(&outcome, &done);
    let (mut sender, reply) = calls::client_streaming(&channel, "/t.T/Upload").split();
    sender.half_close();
    assert_eq!(*reply.await.unwrap(), "0");
}

async fn an_upload_whose_sender_is_dropped_never_looks_complete() {
    let (outcome, done) = (Outcome::default(), Probe::new());
    let channel = counting(&outcome, &done);
    let (mut sender, reply) = calls::client_streaming(&channel, "/t.T/Upload").split();
    sender.send("part".into()).await.unwrap();
    within(PATIENCE, "the handler", done.begun(1)).await;
    drop(sender);
    assert_eq!(reply.await.unwrap_err().code(), Code::Cancelled);
    within(PROMPTLY, "the handler's end", done.ended(1)).await;
    let end = outcome
        .lock()
        .unwrap()
        .take()
        .expect("the handler saw an end");
    assert_eq!(end.unwrap_err().code(), Code::Cancelled);
}

#[tokio::test]
async fn a_dropped_sender_resets_with_cancel_on_the_wire() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("ipv4:{}", listener.local_addr().unwrap());
    let channel = Channel::builder(target).insecure().build().unwrap();
    let (mut sender, replies) = calls::bidi(&channel, "/t.T/Chat").split();
    sender.send("part".into()).await.unwrap();
    let mut server = ScriptedPeer::accept(&listener).await.unwrap();
    server.handshake().await;
    let (_, end) = server.expect_headers(1).await;
    assert!(!end);
    let (_, end) = server.expect_data(1).await;
    assert!(!end);
    drop(sender);
    assert_eq!(server.expect_rst(1).await, Reason::CANCEL);
    drop(replies);
}

async fn an_answer_before_the_half_close_ends_the_call_well() {
    let stub = StubServer::client_streaming("/t.T/Enough", |request| async move {
        let mut messages = request.into_inner();
        messages.message().await?;
        Ok(Bytes::from("enough"))
    });
    let channel = stub.reach();
    let (mut sender, reply) = calls::client_streaming(&channel, "/t.T/Enough").split();
    sender.send("one".into()).await.unwrap();
    let reply = within(PATIENCE, "the answer", reply).await.unwrap();
    assert_eq!(*reply, "enough");
    let late = within(PATIENCE, "the late message", async {
        loop {
            if let Err(status) = sender.send("two".into()).await {
                break status;
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(late.await.code(), Code::Unavailable);
}

async fn a_stream_of_replies_ends_well_only_by_the_handlers_ok() {
    let stub = StubServer::server_streaming("/t.T/List", |request, replies| {
        Box::pin(async move {
            for text in ["one", "two"] {
                replies.send(text.into()).await?;
            }
            match &request[..] {
                b"ok" => Ok(()),
                b"err" => Err(Status::data_loss("the third is gone")),
                b"panic" => panic!("on purpose"),
                _ => std::future::pending().await,
            }
        })
    });
    let stub = stub.run().await;
    let channel = stub.channel();
    for (how, code) in [
        ("ok", None),
        ("err", Some(Code::DataLoss)),
        ("panic", Some(Code::Internal)),
    ] {
        let mut replies = calls::server_streaming(&channel, "/t.T/List", Bytes::from(how))
            .await
            .unwrap();
        assert_eq!(replies.message().await.unwrap().unwrap(), "one");
        assert_eq!(replies.message().await.unwrap().unwrap(), "two");
        let end = within(PATIENCE, "the end", replies.message()).await;
        match code {
            None => assert_eq!(end.unwrap(), None),
            Some(code) => assert_eq!(end.unwrap_err().code(), code),
        }
    }
    let mut replies = calls::server_streaming(&channel, "/t.T/List", Bytes::from("never"))
        .await
        .unwrap();
    assert_eq!(replies.message().await.unwrap().unwrap(), "one");
    assert_eq!(replies.message().await.unwrap().unwrap(), "two");
    stub.cut();
    let end = within(PATIENCE, "the end", replies.message()).await;
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
}

async fn a_message_after_the_half_close_is_refused_and_harms_nothing() {
    let (outcome, done) = (Outcome::default(), Probe::new());
    let channel = counting(&outcome, &done);
    let (mut sender, reply) = calls::client_streaming(&channel, "/t.T/Upload").split();
    sender.send("one".into()).await.unwrap();
    sender.half_close();
    assert_eq!(
        sender.send("two".into()).await.unwrap_err().code(),
        Code::Internal
    );
    assert_eq!(*reply.await.unwrap(), "1");
}
