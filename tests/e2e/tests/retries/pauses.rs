//! When attempts start, on simulated time; and what may end a call between two of them.

use super::*;
use farcall_e2e::{PATIENCE, within};
use std::future::{IntoFuture, pending};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn pauses_follow_the_backoff_of_the_policy() {
    for _ in 0..20 {
        let seen = Seen::new();
        let stub = simulated(failing(&seen, 9, down()), &unavailable(5));
        unary(stub.channel()).await.unwrap_err();
        let pauses = seen.pauses();
        assert_eq!(pauses.len(), 4);
        for (pause, nominal) in pauses.iter().zip([1.0, 2.0, 4.0, 4.0]) {
            let part = pause.as_secs_f64() / nominal;
            // A network without delay, and timers that count milliseconds.
            assert!((0.8..1.21).contains(&part), "{pauses:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_servers_pushback_is_obeyed_exactly_and_the_backoff_begins_anew() {
    let seen = Seen::new();
    let stub = answering(&seen, |index| match index {
        0 => Err(down().with_retry_pushback(Some(Duration::from_millis(12_345)))),
        1 => Err(down()),
        2 => Err(down().with_retry_pushback(Some(Duration::ZERO))),
        _ => Ok(Bytes::new()),
    });
    let stub = simulated(stub, &unavailable(5));
    unary(stub.channel()).await.unwrap();
    let millis: Vec<_> = seen.pauses().iter().map(Duration::as_millis).collect();
    // Timers, of the network too, are up to a millisecond late.
    assert!((12_345..=12_349).contains(&millis[0]), "{millis:?}");
    assert!((800..=1204).contains(&millis[1]), "{millis:?}");
    assert!(millis[2] <= 4, "{millis:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_wants_no_retries_gets_none() {
    for value in ["-1", "soon", ""] {
        let seen = Seen::new();
        let mut status = down();
        status
            .metadata_mut()
            .insert("grpc-retry-pushback-ms", value);
        let stub = simulated(failing(&seen, 9, status), &unavailable(5));
        assert_eq!(code(unary(stub.channel()).await), Code::Unavailable);
        assert_eq!(seen.count(), 1, "{value:?}");
    }
    let (seen, refusal) = (Seen::new(), down().with_retry_pushback(None));
    let stub = simulated(failing(&seen, 9, refusal), &unavailable(5));
    unary(stub.channel()).await.unwrap_err();
    assert_eq!(seen.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_all_attempts_and_the_pauses_between_them() {
    let seen = Seen::new();
    let stub = simulated(failing(&seen, 9, down()), &unavailable(5));
    stub.channel().connect().await.unwrap();
    let start = Instant::now();
    // The second attempt comes after 0.8 to 1.2 s, the third after 2.4 s at the earliest.
    let call = calls::unary(stub.channel(), PATH, Bytes::new()).timeout(11 * SECOND / 5);
    let status = call.await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert_eq!(start.elapsed().as_millis(), 2200);
    assert_eq!((seen.count(), status.previous_attempts().len()), (2, 2));
    assert_eq!(status.previous_attempts()[1].message(), "down");
}

#[tokio::test(start_paused = true)]
async fn the_server_is_told_what_is_left_of_the_deadline() {
    let seen = Seen::new();
    let noting = seen.clone();
    let stub = StubServer::unary(PATH, move |request| {
        let index = noting.note(&request);
        let left = request
            .deadline()
            .map(|at| Instant::from_std(at) - Instant::now());
        async move {
            match index {
                0 => Err(down().with_retry_pushback(Some(4 * SECOND))),
                _ => Ok(Bytes::from(left.unwrap().as_millis().to_string())),
            }
        }
    });
    let stub = simulated(stub, &unavailable(5));
    let call = calls::unary(stub.channel(), PATH, Bytes::new()).timeout(10 * SECOND);
    let left: u64 = String::from_utf8(call.await.unwrap().to_vec())
        .unwrap()
        .parse()
        .unwrap();
    assert!((5_990..=6_000).contains(&left), "{left} ms");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_between_attempts_makes_no_other_one() {
    let seen = Seen::new();
    let stub = simulated(failing(&seen, 9, down()), &unavailable(5));
    let call = tokio::spawn(calls::unary(stub.channel(), PATH, Bytes::new()).into_future());
    sleep(SECOND / 2).await;
    assert_eq!(seen.count(), 1);
    call.abort();
    sleep(100 * SECOND).await;
    assert_eq!(seen.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cancelled_between_attempts_ends_at_once() {
    let seen = Seen::new();
    let noting = seen.clone();
    let stub = StubServer::bidi(PATH, move |request, _| {
        noting.note(&request);
        Box::pin(async { Err(down()) })
    });
    let stub = simulated(stub, &unavailable(5));
    let (mut requests, mut replies) = calls::bidi(stub.channel(), PATH).split();
    requests.send(Bytes::from("one")).await.unwrap();
    sleep(SECOND / 2).await;
    assert_eq!(seen.count(), 1);
    replies.cancel();
    let status = within(SECOND / 10, "the end", replies.message())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
    sleep(100 * SECOND).await;
    assert_eq!(seen.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_whose_response_does_not_begin_in_its_time_is_given_up_and_followed_by_another()
{
    let seen = Seen::new();
    let noting = seen.clone();
    let stub = StubServer::unary(PATH, move |request| {
        let index = noting.note(&request);
        async move {
            if index < 2 {
                pending::<()>().await;
            }
            Ok(Bytes::from("done"))
        }
    });
    let channels: [fn(ChannelBuilder) -> ChannelBuilder; 2] = [
        |channel| channel.attempt_timeout(3 * SECOND),
        |channel| channel.attempt_timeout(90 * SECOND),
    ];
    for (index, settings) in channels.into_iter().enumerate() {
        seen.attempts.lock().unwrap().clear();
        let stub = simulated_with(stub.clone(), &policy(3, r#""ABORTED""#), settings);
        let mut call = calls::unary(stub.channel(), PATH, Bytes::new());
        if index == 1 {
            call = call.attempt_timeout(3 * SECOND);
        }
        let reply = within(PATIENCE, "the call", call.into_future())
            .await
            .unwrap();
        assert_eq!(reply.attempts(), 3);
        for (pause, backoff) in seen.pauses().iter().zip([1.0, 2.0]) {
            let part = (pause.as_secs_f64() - 3.0) / backoff;
            assert!((0.79..1.21).contains(&part), "{pause:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_policy_an_attempt_that_takes_too_long_ends_the_call() {
    let stub = StubServer::unary(PATH, |_| pending::<Result<Bytes, _>>());
    let stub = simulated(stub, "{}");
    stub.channel().connect().await.unwrap();
    let start = Instant::now();
    for (size, end) in [(0, 3), (300 << 10, 6)] {
        let call = calls::unary(stub.channel(), PATH, Bytes::from(vec![0; size]));
        let status = call.attempt_timeout(3 * SECOND).await.unwrap_err();
        assert_eq!(
            (status.code(), start.elapsed().as_secs()),
            (Code::DeadlineExceeded, end)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_of_an_attempt_does_not_limit_a_response_that_has_begun() {
    let stub = StubServer::server_streaming(PATH, |_, replies| {
        Box::pin(async move {
            for _ in 0..5 {
                sleep(2 * SECOND).await;
                replies.send(Bytes::from("more")).await?;
            }
            Ok(())
        })
    });
    let stub = simulated(stub, "{}");
    let call = calls::server_streaming(stub.channel(), PATH, Bytes::new());
    let mut replies = call.attempt_timeout(3 * SECOND).await.unwrap();
    let mut count = 0;
    while replies.message().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 5);
}
