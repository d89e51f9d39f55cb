//! Several attempts of a call beside each other.

use super::*;
use farcall_e2e::{PATIENCE, Probe, within};
use std::future::{IntoFuture, pending};
use tokio::time::sleep;

/// A hedging policy for everything.
pub(super) fn hedged(attempts: u32, delay: &str) -> String {
    format!(
        r#"{{"methodConfig": [{{"name": [{{}}], "hedgingPolicy": {{
            "maxAttempts": {attempts}, "hedgingDelay": "{delay}",
            "nonFatalStatusCodes": ["UNAVAILABLE"]
        }}}}]}}"#
    )
}

/// A unary method that answers its attempts, counted from 0, each after a time of its own.
fn taking(
    seen: &Seen,
    probe: &Probe,
    answer: impl Fn(usize) -> (Duration, Result<Bytes, Status>) + Send + Sync + 'static,
) -> StubServer {
    let (seen, probe, answer) = (seen.clone(), probe.clone(), Arc::new(answer));
    StubServer::unary(PATH, move |request| {
        let (pause, outcome) = answer(seen.note(&request));
        let guard = probe.enter();
        async move {
            let _guard = guard;
            sleep(pause).await;
            outcome
        }
    })
}

fn text(index: usize) -> Result<Bytes, Status> {
    Ok(Bytes::from(format!("from {index}")))
}

fn millis(seen: &Seen) -> Vec<u128> {
    seen.pauses().iter().map(Duration::as_millis).collect()
}

/// Give or take the milliseconds of timers, the network's too.
fn near(pauses: &[u128], expected: &[u128]) -> bool {
    let close = |(pause, expected): (&u128, &u128)| pause.abs_diff(*expected) <= 5;
    pauses.len() == expected.len() && pauses.iter().zip(expected).all(close)
}

#[tokio::test(start_paused = true)]
async fn a_slow_attempt_is_overtaken_by_the_next_one_and_cancelled() {
    for early in [true, false] {
        let (seen, probe) = (Seen::new(), Probe::new());
        let stub = taking(&seen, &probe, |index| match index {
            0 => (100 * SECOND, text(0)),
            _ => (SECOND / 10, text(index)),
        });
        let stub = simulated(stub, &hedged(3, "1s"));
        if early {
            stub.channel().connect().await.unwrap();
        }
        let start = Instant::now();
        let reply = calls::unary(stub.channel(), PATH, Bytes::from("request"))
            .metadata("tenant", "blue")
            .await
            .unwrap();
        assert_eq!(
            (&reply[..], reply.attempts()),
            (&b"from 1"[..], 2),
            "early: {early}"
        );
        assert!(start.elapsed() < 6 * SECOND / 5);
        assert_eq!(seen.previous(), [0, 1]);
        within(SECOND, "the end of the slow one", probe.ended(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_start_one_delay_after_the_other_until_there_are_as_many_as_the_policy_has() {
    let (seen, probe) = (Seen::new(), Probe::new());
    let stub = taking(&seen, &probe, |index| (20 * SECOND, text(index)));
    let stub = simulated(stub, &hedged(4, "0.5s"));
    let reply = unary(stub.channel()).await.unwrap();
    assert_eq!(reply, "from 0", "the first one has had most time");
    assert!(
        near(&millis(&seen), &[500, 500, 500]),
        "{:?}",
        seen.pauses()
    );
    within(SECOND, "the end of the others", probe.ended(4)).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_within_the_delay_is_the_only_attempt() {
    let seen = Seen::new();
    let stub = simulated(failing(&seen, 0, down()), &hedged(4, "0.5s"));
    for count in 1..4 {
        assert_eq!(code(unary(stub.channel()).await), Code::Ok);
        sleep(5 * SECOND).await;
        assert_eq!(seen.count(), count);
    }
}

#[tokio::test(start_paused = true)]
async fn the_cap_of_attempts_holds_for_hedging_and_a_channel_can_do_without() {
    for (settings, expected) in [
        (
            (|channel| channel) as fn(ChannelBuilder) -> ChannelBuilder,
            5,
        ),
        (|channel| channel.max_attempts(7), 7),
        (|channel| channel.retries(false), 1),
    ] {
        let seen = Seen::new();
        let stub = simulated_with(failing(&seen, 99, down()), &hedged(50, "0.1s"), settings);
        let status = unary(stub.channel()).await.unwrap_err();
        assert_eq!((seen.count(), status.attempts()), (expected, expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_not_fatal_brings_the_next_attempt_forward() {
    let seen = Seen::new();
    let stub = simulated(failing(&seen, 2, down()), &hedged(5, "10s"));
    let reply = calls::unary(stub.channel(), PATH, Bytes::new())
        .await
        .unwrap();
    assert_eq!(reply.attempts(), 3);
    assert!(near(&millis(&seen), &[0, 0]), "{:?}", seen.pauses());
}

#[tokio::test(start_paused = true)]
async fn a_fatal_failure_ends_the_call_and_cancels_the_other_attempts() {
    let (seen, probe) = (Seen::new(), Probe::new());
    let stub = taking(&seen, &probe, |index| match index {
        1 => (SECOND / 2, Err(Status::permission_denied("no"))),
        _ => (100 * SECOND, text(index)),
    });
    let stub = simulated(stub, &hedged(5, "1s"));
    let status = unary(stub.channel()).await.unwrap_err();
    assert_eq!((status.code(), seen.count()), (Code::PermissionDenied, 2));
    assert_eq!(status.message(), "no");
    within(SECOND, "the end of the other one", probe.ended(2)).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_attempts_have_all_failed_tells_of_each() {
    let seen = Seen::new();
    let stub = answering(&seen, |index| {
        let mut status = Status::unavailable(format!("no. {index}"));
        status.metadata_mut().insert("backend", index.to_string());
        Err(status)
    });
    let stub = simulated(stub, &hedged(3, "1s"));
    let status = unary(stub.channel()).await.unwrap_err();
    assert_eq!((status.message(), status.attempts()), ("no. 2", 3));
    assert_eq!(status.metadata().get("backend"), Some("2"));
    assert_eq!(status.previous_attempts()[1].message(), "no. 1");
}

#[tokio::test(start_paused = true)]
async fn pushback_delays_the_next_attempt_or_forbids_all() {
    let seen = Seen::new();
    let stub = answering(&seen, |index| match index {
        0 => Err(down().with_retry_pushback(Some(3 * SECOND))),
        1 => Err(down().with_retry_pushback(None)),
        _ => Ok(Bytes::new()),
    });
    let stub = simulated(stub, &hedged(5, "1s"));
    let status = unary(stub.channel()).await.unwrap_err();
    assert_eq!((status.code(), status.attempts()), (Code::Unavailable, 2));
    assert!(near(&millis(&seen), &[3000]), "{:?}", seen.pauses());
}

#[tokio::test(start_paused = true)]
async fn throttling_leaves_one_attempt_of_each_call() {
    let seen = Seen::new();
    let config = hedged(3, "1s").strip_suffix('}').unwrap().to_owned();
    let config = config + r#", "retryThrottling": {"maxTokens": 4, "tokenRatio": 1}}"#;
    let stub = answering(&seen, |index| match index {
        0..3 => Err(down()),
        _ => Ok(Bytes::new()),
    });
    let stub = simulated(stub, &config);
    assert_eq!(
        unary(stub.channel()).await.unwrap_err().attempts(),
        2,
        "3, then 2 tokens"
    );
    assert_eq!(
        unary(stub.channel()).await.unwrap_err().attempts(),
        1,
        "1 token"
    );
    for _ in 0..2 {
        unary(stub.channel()).await.unwrap();
    }
    assert_eq!(seen.count(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_all_attempts_and_a_dropped_call_ends_all() {
    let probe = Probe::new();
    let stub = taking(&Seen::new(), &probe, |index| (100 * SECOND, text(index)));
    let stub = simulated(stub, &hedged(5, "1s"));
    stub.channel().connect().await.unwrap();
    let start = Instant::now();
    let call = calls::unary(stub.channel(), PATH, Bytes::new()).timeout(5 * SECOND / 2);
    let status = call.await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(start.elapsed().as_millis(), 2500);
    within(SECOND, "the end of its attempts", probe.ended(3)).await;
    let call = tokio::spawn(calls::unary(stub.channel(), PATH, Bytes::new()).into_future());
    sleep(3 * SECOND / 2).await;
    probe.begun(5).await;
    call.abort();
    within(SECOND, "the end of its attempts", probe.ended(5)).await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_given_up_for_the_next() {
    let (seen, probe) = (Seen::new(), Probe::new());
    let stub = taking(&seen, &probe, |index| match index {
        0..2 => (100 * SECOND, text(index)),
        _ => (Duration::ZERO, text(index)),
    });
    let stub = simulated(stub, &hedged(3, "60s"));
    let call = calls::unary(stub.channel(), PATH, Bytes::new()).attempt_timeout(2 * SECOND);
    let reply = within(PATIENCE, "the call", call.into_future())
        .await
        .unwrap();
    assert_eq!((&reply[..], reply.attempts()), (&b"from 2"[..], 3));
    assert!(near(&millis(&seen), &[2000, 2000]), "{:?}", seen.pauses());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_kept_goes_to_one_attempt() {
    let seen = Seen::new();
    let stub = taking(&seen, &Probe::new(), |index| (5 * SECOND, text(index)));
    let stub = simulated_with(stub, &hedged(3, "1s"), |channel| {
        channel.max_retry_buffer_size(1000)
    });
    for (size, expected) in [(995, 3), (996, 1)] {
        let before = seen.count();
        let call = calls::unary(stub.channel(), PATH, Bytes::from(vec![0; size]));
        assert_eq!(call.await.unwrap().attempts() as usize, expected);
        assert_eq!(seen.count() - before, expected, "{size} bytes");
    }
}

#[tokio::test]
async fn calls_that_find_nobody_end_when_all_attempts_have() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let builder = Channel::builder(format!("ipv4:{address}")).insecure();
    let channel = builder
        .default_service_config(hedged(3, "0.01s"))
        .build()
        .unwrap();
    for _ in 0..2 {
        let status = within(PATIENCE, "the call", unary(&channel))
            .await
            .unwrap_err();
        assert_eq!((status.code(), status.attempts()), (Code::Unavailable, 3));
        assert!(status.to_string().contains("refused"), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_closes_ends_a_hedged_call_that_waits_for_its_next_attempt() {
    let stub = StubServer::unary(PATH, |_| async {
        Err::<Bytes, _>(down().with_retry_pushback(Some(60 * SECOND)))
    });
    let stub = simulated(stub, &hedged(3, "100s"));
    let channel = stub.channel().clone();
    let call = tokio::spawn(async move { unary(&channel).await });
    sleep(SECOND).await;
    let start = Instant::now();
    stub.channel().close();
    let outcome = within(SECOND, "the end", call).await.unwrap();
    assert_eq!(outcome.unwrap_err().code(), Code::Cancelled);
    assert!(start.elapsed() < SECOND / 10, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_closes_ends_hedged_calls() {
    let stub = StubServer::unary(PATH, |_| pending::<Result<Bytes, _>>());
    let stub = simulated(stub, &hedged(3, "1s"));
    let channel = stub.channel().clone();
    let call = tokio::spawn(async move { unary(&channel).await });
    sleep(3 * SECOND / 2).await;
    stub.channel().close();
    let outcome = within(SECOND, "the end", call).await.unwrap();
    assert_eq!(outcome.unwrap_err().code(), Code::Cancelled);
}
