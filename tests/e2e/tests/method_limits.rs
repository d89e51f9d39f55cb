//! Limits of one method or service.

use bytes::Bytes;
use farcall_e2e::Probe;
use farcall_net::{
    Channel, Code,
    server::{MethodLimits, Overload},
};
use farcall_testkit::stub_server::{StubServer, calls};
use std::{future::pending, time::Duration};
use tokio::time::Instant;

fn echo(path: &'static str) -> StubServer {
    StubServer::unary(path, |request| async { Ok(request.into_inner()) })
}

fn waiting(path: &'static str, probe: &Probe) -> StubServer {
    let probe = probe.clone();
    StubServer::unary(path, move |_| {
        let guard = probe.enter();
        async move {
            let _guard = guard;
            pending::<Result<Bytes, _>>().await
        }
    })
}

async fn code(channel: &Channel, path: &'static str, size: usize) -> Code {
    let call = calls::unary(channel, path, Bytes::from(vec![7; size]));
    call.await.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn sizes_of_a_method_take_the_place_of_those_of_its_service_and_these_of_the_servers() {
    let stub = echo("/a.A/One")
        .and(echo("/a.A/Two"))
        .and(echo("/b.B/Three"));
    let stub = stub.configure(|server| {
        server
            .max_receive_message_size(100)
            .limits_of("/a.A/", MethodLimits::new().max_receive_message_size(200))
            .limits_of("/a.A/Two", MethodLimits::new().max_receive_message_size(50))
    });
    let channel = stub.channel();
    for (path, limit) in [("/a.A/One", 200), ("/a.A/Two", 50), ("/b.B/Three", 100)] {
        assert_eq!(code(&channel, path, limit).await, Code::Ok, "{path}");
        let over = code(&channel, path, limit + 1).await;
        assert_eq!(over, Code::ResourceExhausted, "{path}");
    }
}

#[tokio::test]
async fn what_a_method_sends_and_streams_is_limited_too() {
    let stub = StubServer::bidi("/a.A/Chat", |mut messages, replies| {
        Box::pin(async move {
            while let Some(message) = messages.message().await? {
                replies
                    .send([&message[..], &message[..]].concat().into())
                    .await?;
            }
            Ok(())
        })
    });
    let limits = MethodLimits::new()
        .max_receive_message_size(100)
        .max_send_message_size(50);
    let channel = stub
        .configure(move |server| server.limits_of("/a.A/Chat", limits.clone()))
        .channel();
    for (size, good) in [(25, true), (26, false), (101, false)] {
        let (mut messages, mut replies) = calls::bidi(&channel, "/a.A/Chat").split();
        messages.send(vec![7; size].into()).await.unwrap();
        let reply = replies.message().await;
        assert_eq!(reply.is_ok(), good, "{size}: {reply:?}");
        if let Err(status) = reply {
            assert_eq!(status.code(), Code::ResourceExhausted);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn timeouts_of_a_method_end_its_calls_alone() {
    let probe = Probe::new();
    let stub = waiting("/a.A/Short", &probe).and(waiting("/a.A/Capped", &probe));
    let second = Duration::from_secs(1);
    let channel = stub
        .configure(move |server| {
            server
                .default_timeout(100 * second)
                .limits_of(
                    "/a.A/Short",
                    MethodLimits::new().default_timeout(2 * second),
                )
                .limits_of("/a.A/Capped", MethodLimits::new().max_timeout(5 * second))
        })
        .channel();
    let start = Instant::now();
    let call = calls::unary(&channel, "/a.A/Short", Bytes::new());
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(start.elapsed().as_secs(), 2);
    let call = calls::unary(&channel, "/a.A/Capped", Bytes::new()).timeout(60 * second);
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(start.elapsed().as_secs(), 7);
}

#[tokio::test]
async fn a_method_that_is_busy_refuses_further_calls_and_its_neighbours_do_not() {
    let probe = Probe::new();
    let stub = waiting("/a.A/Wait", &probe).and(echo("/a.A/Echo"));
    let limits = MethodLimits::new().overload(Overload::fixed(2).code(Code::ResourceExhausted));
    let channel = stub
        .configure(move |server| server.limits_of("/a.A/Wait", limits.clone()))
        .channel();
    let wait = || calls::unary(&channel, "/a.A/Wait", Bytes::new()).into_future();
    let open = [tokio::spawn(wait()), tokio::spawn(wait())];
    probe.begun(2).await;
    assert_eq!(
        code(&channel, "/a.A/Wait", 0).await,
        Code::ResourceExhausted
    );
    assert_eq!(code(&channel, "/a.A/Echo", 0).await, Code::Ok);
    open.iter().for_each(|call| call.abort());
    probe.ended(2).await;
}

#[tokio::test]
async fn the_methods_of_a_service_share_its_limit_of_calls() {
    let probe = Probe::new();
    let stub = waiting("/a.A/Wait", &probe)
        .and(echo("/a.A/Echo"))
        .and(echo("/b.B/Echo"));
    let limits = MethodLimits::new().overload(Overload::fixed(1));
    let channel = stub
        .configure(move |server| server.limits_of("/a.A/", limits.clone()))
        .channel();
    let open = calls::unary(&channel, "/a.A/Wait", Bytes::new()).into_future();
    let open = tokio::spawn(open);
    probe.begun(1).await;
    assert_eq!(code(&channel, "/a.A/Echo", 0).await, Code::Unavailable);
    assert_eq!(code(&channel, "/b.B/Echo", 0).await, Code::Ok);
    open.abort();
    probe.ended(1).await;
}

#[tokio::test]
async fn limits_at_a_path_where_nothing_is_are_an_error_of_bind() {
    let server = echo("/a.A/One")
        .server()
        .limits_of("/a.A/Two", MethodLimits::new());
    let error = server.bind("127.0.0.1:0").await.unwrap_err();
    assert!(error.is_config());
    assert!(error.to_string().contains("/a.A/Two"), "{error}");
}

#[tokio::test]
async fn a_path_that_lacks_a_slash_is_told_which_one_is_meant() {
    for (path, meant) in [
        ("a.A/One", Some("/a.A/One")),
        ("/a.A", Some("/a.A/")),
        ("a.A/", Some("/a.A/")),
        ("/a.A/Two", None),
    ] {
        let server = echo("/a.A/One")
            .server()
            .limits_of(path, MethodLimits::new());
        let error = server.in_process().unwrap_err().to_string();
        let hint =
            meant.map(|meant| format!("nothing that was added is at {path} (is it {meant}?)"));
        match hint {
            Some(hint) => assert!(error.contains(&hint), "{error}"),
            None => assert!(!error.contains("is it"), "{error}"),
        }
    }
}
