//! The end of a call by its caller, and what becomes of the handler.

use crate::{everywhere, reach::Reach};
use bytes::Bytes;
use farcall_e2e::{PATIENCE, PROMPTLY, Probe, within};
use farcall_http2::Reason;
use farcall_net::{Channel, Code};
use farcall_testkit::{
    scripted_peer::ScriptedPeer,
    stub_server::{StubServer, calls},
};
use std::{future::pending, time::Duration};
use tokio::net::TcpListener;

everywhere![
    over_a_socket_a_dropped_call_of_any_kind_ends_its_handler_within_100_ms,
    a_cancelled_sender_ends_the_handler_and_the_receiver_is_told,
    a_call_that_was_never_polled_never_happens,
];

/// Handlers of all kinds that never end by themselves.
pub(crate) fn waiting(probe: &Probe) -> StubServer {
    let probes = [probe.clone(), probe.clone(), probe.clone(), probe.clone()];
    let [unary, upload, watch, chat] = probes;
    StubServer::unary("/t.T/Unary", move |_| {
        let guard = unary.enter();
        async move {
            let _guard = guard;
            pending::<Result<Bytes, _>>().await
        }
    })
    .and(StubServer::client_streaming("/t.T/Upload", move |_| {
        let guard = upload.enter();
        async move {
            let _guard = guard;
            pending::<Result<Bytes, _>>().await
        }
    }))
    .and(StubServer::server_streaming(
        "/t.T/Watch",
        move |_, replies| {
            let guard = watch.enter();
            Box::pin(async move {
                let _guard = guard;
                replies.send("first".into()).await?;
                pending().await
            })
        },
    ))
    .and(StubServer::bidi("/t.T/Chat", move |_, replies| {
        let guard = chat.enter();
        Box::pin(async move {
            let _guard = guard;
            replies.send("first".into()).await?;
            pending().await
        })
    }))
}

async fn promptly_ended(probe: &Probe, count: usize) {
    within(PROMPTLY, "the handler's end", probe.ended(count)).await;
}

pub(crate) async fn a_dropped_call_ends_its_handler(channel: Channel, probe: Probe) {
    let call = tokio::spawn(calls::unary(&channel, "/t.T/Unary", Bytes::new()).into_future());
    within(PATIENCE, "the handler", probe.begun(1)).await;
    call.abort();
    promptly_ended(&probe, 1).await;

    let (sender, response) = calls::client_streaming(&channel, "/t.T/Upload").split();
    within(PATIENCE, "the handler", probe.begun(2)).await;
    drop(response);
    promptly_ended(&probe, 2).await;
    drop(sender);

    let mut replies = calls::server_streaming(&channel, "/t.T/Watch", Bytes::new())
        .await
        .unwrap();
    assert_eq!(replies.message().await.unwrap().unwrap(), "first");
    drop(replies);
    promptly_ended(&probe, 3).await;

    let (sender, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
    assert_eq!(replies.message().await.unwrap().unwrap(), "first");
    drop(replies);
    promptly_ended(&probe, 4).await;
    drop(sender);
}

async fn over_a_socket_a_dropped_call_of_any_kind_ends_its_handler_within_100_ms() {
    let probe = Probe::new();
    a_dropped_call_ends_its_handler(waiting(&probe).reach(), probe).await;
}

async fn a_cancelled_sender_ends_the_handler_and_the_receiver_is_told() {
    let probe = Probe::new();
    let channel = waiting(&probe).reach();
    let (mut sender, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
    replies.message().await.unwrap();
    sender.cancel();
    assert_eq!(replies.message().await.unwrap_err().code(), Code::Cancelled);
    promptly_ended(&probe, 1).await;
}

async fn a_call_that_was_never_polled_never_happens() {
    let probe = Probe::new();
    let channel = waiting(&probe).reach();
    drop(calls::unary(&channel, "/t.T/Unary", Bytes::new()));
    drop(calls::unary(&channel, "/t.T/Unary", Bytes::new()).into_future());
    // The next call reaches the server alone.
    let call = tokio::spawn(calls::unary(&channel, "/t.T/Unary", Bytes::new()).into_future());
    within(PATIENCE, "the handler", probe.begun(1)).await;
    call.abort();
    promptly_ended(&probe, 1).await;
    assert_eq!(probe.counts(), (1, 1));
}

#[tokio::test]
async fn a_call_dropped_while_it_waits_for_a_connection_is_not_sent_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("ipv4:{}", listener.local_addr().unwrap());
    let channel = Channel::builder(target).insecure().build().unwrap();
    let early = tokio::spawn(calls::unary(&channel, "/t.T/Early", Bytes::new()).into_future());
    let mut server = ScriptedPeer::accept(&listener).await.unwrap();
    early.abort();
    assert!(early.await.unwrap_err().is_cancelled());
    let call = tokio::spawn(calls::unary(&channel, "/t.T/Late", Bytes::new()).into_future());
    server.handshake().await;
    let (head, _) = server.expect_headers(1).await;
    assert_eq!(head.get(":path"), Some("/t.T/Late"));
    call.abort();
}

#[tokio::test]
async fn a_dropped_call_is_reset_with_cancel_on_the_wire() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("ipv4:{}", listener.local_addr().unwrap());
    let channel = Channel::builder(target).insecure().build().unwrap();
    let call = tokio::spawn(calls::unary(&channel, "/t.T/Unary", Bytes::new()).into_future());
    let mut server = ScriptedPeer::accept(&listener).await.unwrap();
    server.handshake().await;
    server.expect_headers(1).await;
    server.expect_data(1).await;
    call.abort();
    assert_eq!(server.expect_rst(1).await, Reason::CANCEL);
}

#[tokio::test]
async fn a_lost_connection_ends_the_handlers_and_fails_the_calls() {
    let probe = Probe::new();
    let stub = waiting(&probe).start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    peer.request(1, "/t.T/Upload", &[]).await;
    within(PATIENCE, "the handler", probe.begun(1)).await;
    drop(peer);
    promptly_ended(&probe, 1).await;

    let channel = stub.channel();
    let call = tokio::spawn(calls::unary(&channel, "/t.T/Unary", Bytes::new()).into_future());
    within(PATIENCE, "the handler", probe.begun(2)).await;
    drop(stub);
    let status = within(PATIENCE, "the call's end", call)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    promptly_ended(&probe, 2).await;
}

#[tokio::test]
async fn a_reset_by_the_client_ends_the_handler_whatever_its_code() {
    let probe = Probe::new();
    let stub = waiting(&probe).start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    for (at, reason) in [
        Reason::CANCEL,
        Reason::NO_ERROR,
        Reason::INTERNAL_ERROR,
        Reason(99),
    ]
    .into_iter()
    .enumerate()
    {
        let stream = 2 * at as u32 + 1;
        peer.request(stream, "/t.T/Upload", &[]).await;
        within(PATIENCE, "the handler", probe.begun(at + 1)).await;
        peer.rst(stream, reason).await;
        promptly_ended(&probe, at + 1).await;
    }
    peer.expect_silence(Duration::from_millis(20)).await;
}
