use super::*;
use farcall_net::Code;

fn all_kinds() -> StubServer {
    StubServer::unary(
        "/a.B/Unary",
        |request| async move { Ok(request.into_inner()) },
    )
    .and(StubServer::client_streaming(
        "/a.B/ClientStreaming",
        |request| async move {
            let (mut messages, mut all) = (request.into_inner(), Vec::new());
            while let Some(message) = messages.message().await? {
                all.extend_from_slice(&message);
            }
            Ok(Bytes::from(all))
        },
    ))
    .and(StubServer::server_streaming(
        "/a.B/ServerStreaming",
        |request, replies| {
            Box::pin(async move {
                for byte in request.into_inner() {
                    replies.send(Bytes::from(vec![byte])).await?;
                }
                Ok(())
            })
        },
    ))
    .and(StubServer::bidi("/a.B/Bidi", |request, replies| {
        Box::pin(async move {
            let mut messages = request.into_inner();
            while let Some(message) = messages.message().await? {
                replies.send(message).await?;
            }
            Ok(())
        })
    }))
}

async fn say_all(channel: &Channel) {
    let reply = calls::unary(channel, "/a.B/Unary", Bytes::from("hello"))
        .await
        .unwrap();
    assert_eq!(*reply, "hello");

    let (mut sender, reply) = calls::client_streaming(channel, "/a.B/ClientStreaming").split();
    sender.send("ab".into()).await.unwrap();
    sender.send("c".into()).await.unwrap();
    sender.half_close();
    assert_eq!(*reply.await.unwrap(), "abc");

    let mut replies = calls::server_streaming(channel, "/a.B/ServerStreaming", Bytes::from("xyz"))
        .await
        .unwrap();
    let mut got = Vec::new();
    while let Some(reply) = replies.message().await.unwrap() {
        got.push(reply);
    }
    assert_eq!(got, ["x", "y", "z"]);

    let (mut sender, mut replies) = calls::bidi(channel, "/a.B/Bidi").split();
    for text in ["one", "two"] {
        sender.send(text.into()).await.unwrap();
        assert_eq!(replies.message().await.unwrap().unwrap(), text);
    }
    sender.half_close();
    assert_eq!(replies.message().await.unwrap(), None);
}

#[tokio::test]
async fn closures_serve_all_four_kinds_of_call() {
    say_all(&all_kinds().channel()).await;
}

#[tokio::test]
async fn a_started_stub_has_an_address_and_shuts_down() {
    let mut stub = all_kinds().start().await;
    let channel = stub.channel();
    say_all(&channel).await;
    let status = calls::unary(&channel, "/a.B/Other", Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    stub.begin_shutdown();
    let report = stub.wait().await;
    assert_eq!((report.connections_cut, report.calls_cut), (0, 0));
}
