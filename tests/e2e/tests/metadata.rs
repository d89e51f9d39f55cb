//! Metadata in both directions.

use crate::{everywhere, reach::Reach};
use bytes::Bytes;
use farcall_net::{Code, Metadata, Request, Response, Status};
use farcall_testkit::stub_server::{StubServer, calls};

everywhere![
    text_and_binary_values_cross_in_both_directions_in_order,
    names_that_belong_to_grpc_never_reach_the_handler_or_the_caller,
    metadata_that_cannot_be_sent_fails_the_call_by_name,
    a_failure_carries_its_metadata_in_the_trailers,
    a_stream_has_initial_metadata_before_its_messages_and_trailers_after,
];

/// Sends back what it gets: initial metadata as it came, the binary value as a trailer.
fn mirror() -> StubServer {
    StubServer::unary("/t.T/Mirror", |request: Request<Bytes>| async move {
        let mut response = Response::new(Bytes::new());
        for value in request.metadata().get_all("x-key") {
            response.metadata_mut().append("x-key", value);
        }
        for value in request.metadata().get_all_bin("x-key-bin") {
            response.trailers_mut().append("x-key-bin", value.clone());
        }
        Ok(response)
    })
}

async fn text_and_binary_values_cross_in_both_directions_in_order() {
    let channel = mirror().reach();
    let binary = [
        Bytes::from_static(&[0, 255, 10, 13]),
        Bytes::new(),
        Bytes::from_static(b"plain, with a comma"),
    ];
    let mut request = Request::new(Bytes::new());
    for text in ["one", "two", " spaces and ~!@ are fine"] {
        request.metadata_mut().append("x-key", text);
    }
    for value in &binary {
        request.metadata_mut().append("x-key-bin", value.clone());
    }
    let response = calls::unary(&channel, "/t.T/Mirror", request)
        .await
        .unwrap();
    let text: Vec<_> = response.metadata().get_all("x-key").collect();
    assert_eq!(text.len(), 3);
    assert_eq!(text[..2], ["one", "two"]);
    assert_eq!(text[2].trim_start(), "spaces and ~!@ are fine");
    let values: Vec<_> = response
        .trailers()
        .get_all_bin("x-key-bin")
        .cloned()
        .collect();
    assert_eq!(values, binary);
    assert!(
        !response.metadata().contains_key("x-key-bin")
            && !response.trailers().contains_key("x-key")
    );
}

async fn names_that_belong_to_grpc_never_reach_the_handler_or_the_caller() {
    let stub = StubServer::unary("/t.T/Names", |request: Request<Bytes>| async move {
        let names: Vec<&str> = request.metadata().iter().map(|(name, _)| name).collect();
        Ok(Bytes::from(names.join(" ")))
    });
    let channel = stub.reach();
    let call = calls::unary(&channel, "/t.T/Names", Bytes::new())
        .metadata("x-mine", "1")
        .timeout(std::time::Duration::from_secs(9));
    let response = call.await.unwrap();
    let names: Vec<_> = std::str::from_utf8(&response).unwrap().split(' ').collect();
    assert!(names.contains(&"x-mine"), "{names:?}");
    let reserved = |name: &&str| {
        name.starts_with("grpc-") || name.starts_with(':') || ["te", "content-type"].contains(name)
    };
    assert!(!names.iter().any(reserved), "{names:?}");
    assert!(
        !response.metadata().iter().any(|(name, _)| reserved(&name)),
        "{:?}",
        response.metadata()
    );
}

async fn metadata_that_cannot_be_sent_fails_the_call_by_name() {
    let channel = mirror().reach();
    for (key, value) in [
        ("x key", "1"),
        ("x-key", "line\nbreak"),
        ("x-key", "ümlaut"),
    ] {
        let call = calls::unary(&channel, "/t.T/Mirror", Bytes::new()).metadata(key, value);
        let status = call.await.unwrap_err();
        assert_eq!(status.code(), Code::Internal, "{key}: {value}");
        assert!(
            status.message().contains(&key.escape_debug().to_string()),
            "{status}"
        );
    }
}

async fn a_failure_carries_its_metadata_in_the_trailers() {
    let stub = StubServer::unary("/t.T/Fail", |_| async {
        let mut metadata = Metadata::new();
        metadata.insert("x-reason", "tired");
        metadata.insert("x-reason-bin", Bytes::from_static(&[1, 2, 3]));
        Err::<Bytes, _>(Status::unavailable("come back later").with_metadata(metadata))
    });
    let status = calls::unary(&stub.reach(), "/t.T/Fail", Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unavailable, "come back later")
    );
    assert_eq!(status.metadata().get("x-reason"), Some("tired"));
    assert_eq!(
        status
            .metadata()
            .get_bin("x-reason-bin")
            .map(|value| &value[..]),
        Some(&[1, 2, 3][..])
    );
}

async fn a_stream_has_initial_metadata_before_its_messages_and_trailers_after() {
    let stub = StubServer::bidi("/t.T/Chat", |request, replies| {
        Box::pin(async move {
            let mut messages = request.into_inner();
            replies.metadata_mut().insert("x-initial", "early");
            replies.send_metadata()?;
            while let Some(message) = messages.message().await? {
                replies.send(message).await?;
            }
            replies.trailers_mut().insert("x-trailing", "late");
            Ok(())
        })
    });
    let channel = stub.reach();
    let (mut sender, mut replies) = calls::bidi(&channel, "/t.T/Chat").split();
    assert_eq!(
        replies.metadata().await.unwrap().get("x-initial"),
        Some("early"),
        "before any message"
    );
    sender.send("hello".into()).await.unwrap();
    assert_eq!(replies.message().await.unwrap().unwrap(), "hello");
    assert!(replies.trailers().is_none());
    sender.half_close();
    assert_eq!(replies.message().await.unwrap(), None);
    assert_eq!(replies.trailers().unwrap().get("x-trailing"), Some("late"));
}

#[tokio::test]
async fn a_server_sees_the_user_agent_authority_and_peer() {
    let stub = StubServer::unary("/t.T/Who", |request: Request<Bytes>| async move {
        let peer = request.peer().expect("a server knows its peer");
        assert!(peer.tls().is_none() && peer.remote_address().ip().unwrap().ip().is_loopback());
        Ok(Bytes::from(format!(
            "{} {}",
            request.authority(),
            request.method()
        )))
    });
    let stub = stub.start().await;
    let channel = stub
        .channel_builder()
        .insecure()
        .authority("my.name:77")
        .build()
        .unwrap();
    let reply = calls::unary(&channel, "/t.T/Who", Bytes::new())
        .await
        .unwrap();
    assert_eq!(*reply, "my.name:77 /t.T/Who");
}
