//! Limits: sizes of messages in both directions, header lists, concurrent streams.

use crate::{everywhere, over_our_own, reach::Reach};
use bytes::Bytes;
use farcall_e2e::{PATIENCE, Probe, within};
use farcall_net::{Channel, Code, Request, Response};
use farcall_testkit::stub_server::{StubServer, calls};
use std::sync::Arc;
use tokio::sync::Semaphore;

everywhere![
    four_mebibytes_are_the_default_limit_of_what_is_received_on_both_sides,
    limits_can_be_raised_and_lowered_on_each_side_for_each_direction,
    a_message_larger_than_every_window_crosses,
    a_stream_with_a_message_over_the_limit_ends_and_its_neighbours_go_on,
];

over_our_own![
    calls_beyond_the_servers_concurrent_streams_wait_for_their_turn,
    metadata_beyond_the_servers_advertised_header_list_fails_the_call_before_it_is_sent,
    trailers_beyond_the_clients_header_list_are_left_out_and_spare_the_connection,
    trailers_that_the_caller_does_not_take_lose_their_metadata_and_keep_the_status,
];

/// Answers with as many bytes as the request says; the request may be longer than its number.
fn sized() -> StubServer {
    StubServer::unary("/t.T/Sized", |request: Request<Bytes>| async move {
        let digits: String = request
            .iter()
            .map(|byte| char::from(*byte))
            .take_while(char::is_ascii_digit)
            .collect();
        Ok(Bytes::from(vec![7; digits.parse().unwrap()]))
    })
}

/// A request of `len` bytes that asks for `answer` bytes.
fn ask(len: usize, answer: usize) -> Bytes {
    let mut text = format!("{answer} ").into_bytes();
    text.resize(len.max(text.len()), b'.');
    text.into()
}

async fn four_mebibytes_are_the_default_limit_of_what_is_received_on_both_sides() {
    const LIMIT: usize = 4 << 20;
    let channel = sized().reach();
    let reply = calls::unary(&channel, "/t.T/Sized", ask(LIMIT, LIMIT))
        .await
        .unwrap();
    assert_eq!(reply.len(), LIMIT);
    for (request, answer) in [(LIMIT + 1, 1), (1, LIMIT + 1)] {
        let status = calls::unary(&channel, "/t.T/Sized", ask(request, answer))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        let (found, limit) = ((LIMIT + 1).to_string(), LIMIT.to_string());
        assert!(
            status.message().contains(&found) && status.message().contains(&limit),
            "{status}"
        );
    }
    let reply = calls::unary(&channel, "/t.T/Sized", ask(1, 1))
        .await
        .unwrap();
    assert_eq!(reply.len(), 1, "the connection is unharmed");
}

async fn limits_can_be_raised_and_lowered_on_each_side_for_each_direction() {
    let stub = sized().configure(|server| {
        server
            .max_receive_message_size(1000)
            .max_send_message_size(2000)
    });
    let stub = stub.run().await;
    let channel = stub
        .channel_builder()
        .max_receive_message_size(500)
        .build()
        .unwrap();
    let call = |request, answer| calls::unary(&channel, "/t.T/Sized", ask(request, answer));
    assert_eq!(call(1000, 500).await.unwrap().len(), 500);
    assert_eq!(
        call(1001, 1).await.unwrap_err().code(),
        Code::ResourceExhausted,
        "the server receives"
    );
    assert_eq!(
        call(1, 501).await.unwrap_err().code(),
        Code::ResourceExhausted,
        "the client receives"
    );
    let raised = call(1, 2000).max_receive_message_size(3000).await;
    assert_eq!(raised.unwrap().len(), 2000, "a call's own limit");
    let status = call(1, 2001)
        .max_receive_message_size(3000)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "the server sends");
    let status = call(300, 1).max_send_message_size(299).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "the client sends");
    assert!(status.message().contains("299"), "{status}");
}

async fn a_message_larger_than_every_window_crosses() {
    let stub = sized().configure(|server| {
        server
            .max_receive_message_size(64 << 20)
            .static_windows(65_535, 65_535)
    });
    let stub = stub.run().await;
    let builder = stub.channel_builder().static_windows(65_535, 65_535);
    let channel = builder.max_receive_message_size(64 << 20).build().unwrap();
    const LARGE: usize = 20 << 20;
    let reply = within(
        PATIENCE * 3,
        "the reply",
        calls::unary(&channel, "/t.T/Sized", ask(LARGE, LARGE)).into_future(),
    );
    assert_eq!(reply.await.unwrap().len(), LARGE);
}

async fn a_stream_with_a_message_over_the_limit_ends_and_its_neighbours_go_on() {
    let stub = StubServer::bidi("/t.T/Echo", |request, replies| {
        Box::pin(async move {
            let mut messages = request.into_inner();
            while let Some(message) = messages.message().await? {
                replies.send(message).await?;
            }
            Ok(())
        })
    });
    let stub = stub
        .configure(|server| server.max_receive_message_size(1000))
        .run()
        .await;
    let channel = stub.channel();
    let (mut good, mut good_replies) = calls::bidi(&channel, "/t.T/Echo").split();
    let (mut bad, mut bad_replies) = calls::bidi(&channel, "/t.T/Echo").split();
    bad.send(Bytes::from(vec![1; 1000])).await.unwrap();
    assert_eq!(bad_replies.message().await.unwrap().unwrap().len(), 1000);
    bad.send(Bytes::from(vec![1; 1001])).await.unwrap();
    let status = within(PATIENCE, "the end", bad_replies.message())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    good.send("hello".into()).await.unwrap();
    assert_eq!(good_replies.message().await.unwrap().unwrap(), "hello");
    good.half_close();
    assert_eq!(good_replies.message().await.unwrap(), None);
}

async fn metadata_beyond_the_servers_advertised_header_list_fails_the_call_before_it_is_sent() {
    let probe = Probe::new();
    let inside = probe.clone();
    let stub = StubServer::unary("/t.T/Any", move |_| {
        drop(inside.enter());
        async { Ok(Bytes::new()) }
    });
    let channel = stub.reach();
    calls::unary(&channel, "/t.T/Any", Bytes::new())
        .metadata("x-large", "a".repeat(7000))
        .await
        .unwrap();
    let call =
        calls::unary(&channel, "/t.T/Any", Bytes::new()).metadata("x-large", "a".repeat(9000));
    let status = call.await.unwrap_err();
    assert!(
        matches!(status.code(), Code::Internal | Code::ResourceExhausted),
        "{status}"
    );
    calls::unary(&channel, "/t.T/Any", Bytes::new())
        .await
        .unwrap();
    assert_eq!(probe.counts().0, 2);
}

async fn trailers_beyond_the_clients_header_list_are_left_out_and_spare_the_connection() {
    let stub = StubServer::unary("/t.T/Any", move |request: Request<Bytes>| async move {
        let mut response = Response::new(Bytes::new());
        if !request.is_empty() {
            response
                .trailers_mut()
                .insert("x-large", "a".repeat(20_000));
        }
        Ok(response)
    });
    let channel = stub.reach();
    let reply = calls::unary(&channel, "/t.T/Any", Bytes::from("large"))
        .await
        .unwrap();
    assert!(reply.trailers().is_empty());
    calls::unary(&channel, "/t.T/Any", Bytes::new())
        .await
        .unwrap();
}

async fn calls_beyond_the_servers_concurrent_streams_wait_for_their_turn() {
    let (probe, gate) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let (inside, door) = (probe.clone(), Arc::clone(&gate));
    let stub = StubServer::unary("/t.T/Any", move |_| {
        let (guard, door) = (inside.enter(), Arc::clone(&door));
        async move {
            let _guard = guard;
            door.acquire().await.unwrap().forget();
            Ok(Bytes::new())
        }
    });
    let channel = stub
        .configure(|server| server.max_concurrent_streams(2))
        .reach();
    channel.connect().await.unwrap();
    let calls: Vec<_> = (0..5)
        .map(|_| tokio::spawn(calls::unary(&channel, "/t.T/Any", Bytes::new()).into_future()))
        .collect();
    within(PATIENCE, "two handlers", probe.begun(2)).await;
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(probe.counts(), (2, 0));
    gate.add_permits(1);
    within(PATIENCE, "a third handler", probe.begun(3)).await;
    gate.add_permits(10);
    for call in calls {
        within(PATIENCE, "every call", call).await.unwrap().unwrap();
    }
    assert_eq!(probe.counts(), (5, 5));
}

async fn trailers_that_the_caller_does_not_take_lose_their_metadata_and_keep_the_status() {
    use farcall_net::Status;
    let long = || "y".repeat(3000);
    let mut stub = StubServer::unary("/t.T/Fails", move |_| async move {
        let mut status = Status::not_found("no such thing");
        status.metadata_mut().insert("x", long());
        Err::<Bytes, _>(status)
    })
    .and(StubServer::unary("/t.T/Trails", move |_| async move {
        let mut response = Response::new(Bytes::from("done"));
        response.trailers_mut().insert("x", long());
        Ok(response)
    }))
    .and(StubServer::unary("/t.T/Heads", move |_| async move {
        let mut response = Response::new(Bytes::from("done"));
        response.metadata_mut().insert("x", long());
        Ok(response)
    }))
    .and(StubServer::bidi("/t.T/Stream", move |_, replies| {
        Box::pin(async move {
            replies.metadata_mut().insert("x", long());
            replies.send(Bytes::from("one")).await?;
            Ok(())
        })
    }))
    .run()
    .await;
    let builder = stub.channel_builder();
    let channel = builder.max_header_list_size(1000).build().unwrap();
    let status = calls::unary(&channel, "/t.T/Fails", Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::NotFound, "no such thing")
    );
    let reply = calls::unary(&channel, "/t.T/Trails", Bytes::new())
        .await
        .unwrap();
    assert_eq!((&reply[..], reply.trailers().len()), (&b"done"[..], 0));
    let status = calls::unary(&channel, "/t.T/Heads", Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(
        status.message().contains("MAX_HEADER_LIST_SIZE"),
        "{status}"
    );
    let (requests, mut replies) = calls::bidi(&channel, "/t.T/Stream").split();
    let status = within(PATIENCE, "the status", replies.message())
        .await
        .unwrap_err();
    assert!(
        status.message().contains("MAX_HEADER_LIST_SIZE"),
        "{status}"
    );
    drop((requests, replies, channel));
    stub.begin_shutdown();
    within(PATIENCE, "the shutdown", stub.wait()).await;
}

/// A call whose server answers with a long value in its headers, or in its trailers.
async fn answered_at_length(trailers: bool, bytes: usize) -> farcall_net::Status {
    use farcall_http2::Reason;
    use farcall_testkit::scripted_peer::ScriptedPeer;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("ipv4:{}", listener.local_addr().unwrap());
    let channel = Channel::builder(target).insecure().build().unwrap();
    let call = tokio::spawn(async move {
        let call = calls::unary(&channel, "/t.T/Any", Bytes::new()).timeout(PATIENCE);
        call.await.unwrap_err()
    });
    let mut server = ScriptedPeer::accept(&listener).await.unwrap();
    server.handshake().await;
    server.expect_headers(1).await;
    server.expect_data(1).await;
    let long = "x".repeat(bytes);
    if trailers {
        server.response(1).await;
        let list = [("grpc-status", "5"), ("grpc-message", &long)];
        server.headers(1, &list, true).await;
    } else {
        let list = [(":status", "200"), ("content-type", "application/grpc")];
        let list = [&list[..], &[("x", &long)]].concat();
        server.headers(1, &list, false).await;
    }
    assert_eq!(server.expect_rst(1).await, Reason::ENHANCE_YOUR_CALM);
    call.await.unwrap()
}

#[tokio::test]
async fn metadata_of_the_servers_beyond_the_clients_limit_is_resource_exhausted_and_says_so() {
    for trailers in [false, true] {
        // One frame holds it, and it is more than the 16 KiB that are accepted with 32 for each field.
        let status = answered_at_length(trailers, 16_350).await;
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        let text = status.message();
        assert!(text.contains("max_header_list_size"), "{text}");
        assert!(text.contains("SETTINGS_MAX_HEADER_LIST_SIZE"), "{text}");
    }
}

#[tokio::test]
async fn a_request_that_arrives_slowly_gets_no_handler_beyond_the_limit() {
    use farcall_http2::Reason;
    use farcall_testkit::scripted_peer::{ScriptedPeer, message};
    let (probe, gate) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let (inside, door) = (probe.clone(), Arc::clone(&gate));
    let stub = StubServer::unary("/t.T/Wait", move |_| {
        let (guard, door) = (inside.enter(), Arc::clone(&door));
        async move {
            let _guard = guard;
            door.acquire().await.unwrap().forget();
            Ok(Bytes::new())
        }
    });
    let stub = stub.configure(|server| server.max_concurrent_streams(2).run_to_completion());
    let stub = stub.start().await;
    let mut peer = ScriptedPeer::connect(stub.address()).await.unwrap();
    peer.handshake().await;
    peer.request(1, "/t.T/Wait", &[]).await;
    for (stream, handlers) in [(3, 1), (5, 2)] {
        peer.request(stream, "/t.T/Wait", &[]).await;
        peer.data(stream, &message(b""), true).await;
        within(PATIENCE, "the handler", probe.begun(handlers)).await;
        peer.rst(stream, Reason::CANCEL).await;
    }
    peer.data(1, &message(b""), true).await;
    assert_eq!(peer.expect_rst(1).await, Reason::REFUSED_STREAM);
    assert_eq!(probe.counts(), (2, 0));
    gate.add_permits(2);
    within(PATIENCE, "the handlers' end", probe.ended(2)).await;
    // The limit is free again.
    gate.add_permits(1);
    peer.request(7, "/t.T/Wait", &[]).await;
    peer.data(7, &message(b""), true).await;
    assert_eq!(peer.expect_exchange(7).await.last().grpc_status(), Some(0));
}
