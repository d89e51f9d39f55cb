//! Streaming calls before and after the response has begun.

use super::*;

/// Takes all requests and answers them in one; fails as often as it is told to, after that many requests.
fn collecting(seen: &Seen, failures: usize, after: usize) -> StubServer {
    let seen = seen.clone();
    StubServer::client_streaming(PATH, move |request| {
        let index = seen.note(&request);
        async move {
            let mut messages = request.into_inner();
            let mut all = Vec::new();
            while let Some(message) = messages.message().await? {
                all.push(message);
                if index < failures && all.len() == after {
                    return Err(down());
                }
            }
            Ok(Bytes::from(all.concat()))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn an_upload_begins_anew_and_loses_nothing_wherever_the_attempt_has_failed() {
    for after in 1..5 {
        let seen = Seen::new();
        let stub = simulated(collecting(&seen, 2, after), &unavailable(4));
        let (mut requests, reply) = calls::client_streaming(stub.channel(), PATH).split();
        let sending = async {
            for message in ["a", "b", "c", "d"] {
                requests.send(Bytes::from(message)).await.unwrap();
                tokio::time::sleep(SECOND).await;
            }
            requests.half_close();
        };
        let (reply, ()) = tokio::join!(reply, sending);
        let reply = reply.unwrap();
        assert_eq!(
            (&reply[..], reply.attempts()),
            (&b"abcd"[..], 3),
            "after {after}"
        );
        assert_eq!(seen.count(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_replies_is_asked_for_again_until_it_begins() {
    let seen = Seen::new();
    let noting = seen.clone();
    let stub = StubServer::server_streaming(PATH, move |request, replies| {
        let index = noting.note(&request);
        Box::pin(async move {
            if index < 2 {
                return Err(down());
            }
            replies.send(Bytes::from("one")).await?;
            replies.send(Bytes::from("two")).await?;
            Err(Status::unavailable("in the middle"))
        })
    });
    let stub = simulated(stub, &unavailable(5));
    let call = calls::server_streaming(stub.channel(), PATH, Bytes::new());
    let mut replies = call.await.unwrap();
    let mut all = Vec::new();
    let status = loop {
        match replies.message().await {
            Ok(Some(message)) => all.push(message),
            Ok(None) => panic!("the stream has failed"),
            Err(status) => break status,
        }
    };
    assert_eq!(all, ["one", "two"]);
    assert_eq!((status.message(), status.attempts()), ("in the middle", 3));
    assert_eq!(
        (replies.attempts(), seen.count()),
        (3, 3),
        "none after the first reply"
    );
}

#[tokio::test(start_paused = true)]
async fn a_conversation_goes_on_on_the_attempt_that_answers() {
    let seen = Seen::new();
    let noting = seen.clone();
    let stub = StubServer::bidi(PATH, move |request, replies| {
        let index = noting.note(&request);
        Box::pin(async move {
            let mut requests = request.into_inner();
            while let Some(message) = requests.message().await? {
                if index < 2 && message == "two" {
                    return Err(down());
                }
                if message != "one" {
                    replies.send(message).await?;
                }
            }
            Ok(())
        })
    });
    let stub = simulated(stub, &unavailable(5));
    let (mut requests, mut replies) = calls::bidi(stub.channel(), PATH).split();
    requests.send(Bytes::from("one")).await.unwrap();
    requests.send(Bytes::from("two")).await.unwrap();
    assert_eq!(replies.message().await.unwrap().unwrap(), "two");
    for text in ["three", "four"] {
        requests.send(Bytes::from(text)).await.unwrap();
        assert_eq!(replies.message().await.unwrap().unwrap(), text);
    }
    requests.half_close();
    assert_eq!(replies.message().await.unwrap(), None);
    assert_eq!(seen.previous(), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn metadata_waits_for_the_attempt_that_has_some() {
    let seen = Seen::new();
    let noting = seen.clone();
    let stub = StubServer::bidi(PATH, move |request, replies| {
        let index = noting.note(&request);
        Box::pin(async move {
            if index < 1 {
                return Err(down());
            }
            replies.metadata_mut().insert("attempt", index.to_string());
            replies.send_metadata()?;
            Ok(())
        })
    });
    let stub = simulated(stub, &unavailable(5));
    let (_requests, mut replies) = calls::bidi(stub.channel(), PATH).split();
    assert_eq!(replies.metadata().await.unwrap().get("attempt"), Some("1"));
}
