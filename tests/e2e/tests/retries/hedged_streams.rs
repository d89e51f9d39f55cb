//! Streaming calls whose attempts go out beside each other.

use super::{hedging::hedged, *};
use farcall_e2e::{Probe, within};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn an_upload_reaches_every_attempt_whole_and_the_fastest_answers() {
    let seen = Seen::new();
    let noting = seen.clone();
    let stub = StubServer::client_streaming(PATH, move |request| {
        let index = noting.note(&request);
        async move {
            let mut messages = request.into_inner();
            let mut all = Vec::new();
            while let Some(message) = messages.message().await? {
                all.push(message);
            }
            if index < 2 {
                sleep(100 * SECOND).await;
            }
            all.push(Bytes::from(index.to_string()));
            Ok(Bytes::from(all.concat()))
        }
    });
    let stub = simulated(stub, &hedged(3, "1.5s"));
    let (mut requests, reply) = calls::client_streaming(stub.channel(), PATH).split();
    let sending = async {
        for message in ["a", "b", "c", "d", "e"] {
            requests.send(Bytes::from(message)).await.unwrap();
            sleep(SECOND).await;
        }
        requests.half_close();
    };
    let (reply, ()) = tokio::join!(reply, sending);
    let reply = reply.unwrap();
    assert_eq!((&reply[..], reply.attempts()), (&b"abcde2"[..], 3));
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_replies_comes_from_the_first_attempt_that_begins_one() {
    let (seen, probe) = (Seen::new(), Probe::new());
    let (noting, watching) = (seen.clone(), probe.clone());
    let stub = StubServer::server_streaming(PATH, move |request, replies| {
        let index = noting.note(&request);
        let guard = watching.enter();
        Box::pin(async move {
            let _guard = guard;
            if index == 0 {
                sleep(100 * SECOND).await;
            }
            replies.metadata_mut().insert("backend", index.to_string());
            replies.send_metadata()?;
            for message in ["x", "y", "z"] {
                sleep(2 * SECOND).await;
                replies
                    .send(Bytes::from(format!("{message}{index}")))
                    .await?;
            }
            replies.trailers_mut().insert("end", index.to_string());
            Err(Status::unavailable("in the end"))
        })
    });
    let stub = simulated(stub, &hedged(4, "1s"));
    let call = calls::server_streaming(stub.channel(), PATH, Bytes::new());
    let mut replies = call.await.unwrap();
    assert_eq!(replies.metadata().await.unwrap().get("backend"), Some("1"));
    within(SECOND / 10, "the end of the slow one", probe.ended(1)).await;
    for expected in ["x1", "y1", "z1"] {
        assert_eq!(replies.message().await.unwrap().unwrap(), expected);
    }
    let status = replies.message().await.unwrap_err();
    assert_eq!((status.code(), status.attempts()), (Code::Unavailable, 2));
    assert_eq!(replies.trailers().unwrap().get("end"), Some("1"));
    assert_eq!(
        seen.count(),
        2,
        "nothing starts after the response has begun"
    );
}

#[tokio::test(start_paused = true)]
async fn a_conversation_goes_on_with_the_winner_alone() {
    let seen = Seen::new();
    let noting = seen.clone();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = Arc::clone(&heard);
    let stub = StubServer::bidi(PATH, move |request, replies| {
        let (index, heard) = (noting.note(&request), Arc::clone(&hearing));
        Box::pin(async move {
            let mut requests = request.into_inner();
            while let Some(message) = requests.message().await? {
                heard.lock().unwrap().push((index, message.clone()));
                if index > 0 {
                    replies.send(message).await?;
                }
            }
            Ok(())
        })
    });
    let stub = simulated(stub, &hedged(2, "1s"));
    let (mut requests, mut replies) = calls::bidi(stub.channel(), PATH).split();
    for text in ["one", "two", "three"] {
        requests.send(Bytes::from(text)).await.unwrap();
        assert_eq!(replies.message().await.unwrap().unwrap(), text);
    }
    requests.half_close();
    assert_eq!(replies.message().await.unwrap(), None);
    assert_eq!(replies.attempts(), 2);
    let heard = heard.lock().unwrap();
    let by = |index| heard.iter().filter(|(by, _)| *by == index).count();
    assert_eq!((by(0), by(1)), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn large_streams_in_both_directions_arrive_whole_and_wait_for_a_slow_reader() {
    const SIZE: usize = 40_000;
    const COUNT: usize = 100;
    let sent = Arc::new(Mutex::new(0));
    let counting = Arc::clone(&sent);
    let stub = StubServer::bidi(PATH, move |request, replies| {
        let sent = Arc::clone(&counting);
        Box::pin(async move {
            let mut requests = request.into_inner();
            while let Some(message) = requests.message().await? {
                replies.send(message).await?;
                *sent.lock().unwrap() += 1;
            }
            Ok(())
        })
    });
    let stub = simulated(stub, &hedged(3, "100s"));
    let (mut requests, mut replies) = calls::bidi(stub.channel(), PATH).split();
    let sending = tokio::spawn(async move {
        for index in 0..COUNT {
            requests
                .send(Bytes::from(vec![index as u8; SIZE]))
                .await
                .unwrap();
        }
        requests.half_close();
    });
    sleep(60 * SECOND).await;
    let early = *sent.lock().unwrap();
    assert!(early < COUNT, "nobody reads: {early} have been echoed");
    for index in 0..COUNT {
        let message = replies.message().await.unwrap().unwrap();
        assert!(message.len() == SIZE && message.iter().all(|byte| *byte == index as u8));
    }
    assert_eq!(replies.message().await.unwrap(), None);
    sending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_outgrows_the_buffer_goes_on_with_one_attempt() {
    let seen = Seen::new();
    let (noting, probe) = (seen.clone(), Probe::new());
    let watching = probe.clone();
    let stub = StubServer::client_streaming(PATH, move |request| {
        noting.note(&request);
        let guard = watching.enter();
        async move {
            let _guard = guard;
            let mut messages = request.into_inner();
            let mut bytes = 0;
            while let Some(message) = messages.message().await? {
                bytes += message.len();
            }
            Ok(Bytes::from(bytes.to_string()))
        }
    });
    let stub = simulated(stub, &hedged(3, "0.5s"));
    let (mut requests, reply) = calls::client_streaming(stub.channel(), PATH).split();
    requests.send(Bytes::from(vec![0; 1000])).await.unwrap();
    sleep(2 * SECOND).await;
    assert_eq!(seen.count(), 3);
    for _ in 0..100 {
        requests.send(Bytes::from(vec![0; 10_000])).await.unwrap();
    }
    within(SECOND, "the end of the others", probe.ended(2)).await;
    requests.half_close();
    assert_eq!(reply.await.unwrap().into_inner(), "1001000");
    assert_eq!(seen.count(), 3);
}
