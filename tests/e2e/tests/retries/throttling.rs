//! The bucket of tokens that holds retries back.

use super::*;

fn throttled(attempts: u32, tokens: u32, ratio: f64) -> String {
    let config = unavailable(attempts);
    let throttling =
        format!(r#"}}], "retryThrottling": {{"maxTokens": {tokens}, "tokenRatio": {ratio}}}}}"#);
    config.strip_suffix("}]}").unwrap().to_owned() + &throttling
}

/// A server that succeeds at will.
fn switched(seen: &Seen) -> (StubServer, Arc<Mutex<bool>>) {
    let up = Arc::new(Mutex::new(false));
    let switch = Arc::clone(&up);
    let stub = answering(seen, move |_| match *switch.lock().unwrap() {
        true => Ok(Bytes::new()),
        false => Err(down()),
    });
    (stub, up)
}

/// How many attempts one call makes.
async fn attempts(stub: &SimulatedStub, seen: &Seen) -> usize {
    let before = seen.count();
    unary(stub.channel()).await.ok();
    seen.count() - before
}

#[tokio::test(start_paused = true)]
async fn many_failures_stop_retries_and_successes_let_them_go_on() {
    let seen = Seen::new();
    let (stub, up) = switched(&seen);
    let stub = simulated(stub, &throttled(4, 10, 0.5));
    assert_eq!(attempts(&stub, &seen).await, 4, "tokens: from 10 to 6");
    assert_eq!(
        attempts(&stub, &seen).await,
        1,
        "5 are not more than a half"
    );
    assert_eq!(attempts(&stub, &seen).await, 1, "4");
    *up.lock().unwrap() = true;
    for _ in 0..5 {
        assert_eq!(attempts(&stub, &seen).await, 1, "6.5 in the end");
    }
    *up.lock().unwrap() = false;
    assert_eq!(attempts(&stub, &seen).await, 2, "5.5, then 4.5");
}

#[tokio::test(start_paused = true)]
async fn successes_of_methods_without_a_policy_count_too() {
    let seen = Seen::new();
    let (stub, _) = switched(&seen);
    let other = StubServer::unary("/t.Other/Any", |_| async { Ok(Bytes::new()) });
    let config = throttled(4, 4, 1.0).replace("[{}]", r#"[{"service": "t.T"}]"#);
    let stub = simulated(stub.and(other), &config);
    assert_eq!(attempts(&stub, &seen).await, 2, "3, then 2");
    assert_eq!(attempts(&stub, &seen).await, 1, "1");
    for _ in 0..3 {
        calls::unary(stub.channel(), "/t.Other/Any", Bytes::new())
            .await
            .unwrap();
    }
    assert_eq!(attempts(&stub, &seen).await, 2, "from 4 again");
}

#[tokio::test(start_paused = true)]
async fn streams_count_as_unary_calls_do() {
    let seen = Seen::new();
    let (stub, _) = switched(&seen);
    let good = StubServer::server_streaming("/t.T/Good", |_, replies| {
        Box::pin(async move { replies.send(Bytes::new()).await })
    });
    let bad = StubServer::server_streaming("/t.T/Bad", |_, replies| {
        Box::pin(async move {
            replies.send(Bytes::new()).await?;
            Err(down())
        })
    });
    let stub = simulated(stub.and(good).and(bad), &throttled(4, 4, 1.0));
    let stream = async |path| {
        let call = calls::server_streaming(stub.channel(), path, Bytes::new());
        let mut replies = call.await.unwrap();
        while let Ok(Some(_)) = replies.message().await {}
    };
    stream("/t.T/Bad").await;
    stream("/t.T/Bad").await;
    assert_eq!(attempts(&stub, &seen).await, 1, "2 were left");
    for _ in 0..3 {
        stream("/t.T/Good").await;
    }
    assert_eq!(attempts(&stub, &seen).await, 2, "4 again");
}

#[tokio::test(start_paused = true)]
async fn failures_that_no_policy_would_mend_do_not_count() {
    let seen = Seen::new();
    let stub = answering(&seen, |index| match index {
        0..50 => Err(Status::invalid_argument("wrong")),
        _ => Err(down()),
    });
    let stub = simulated(stub, &throttled(4, 4, 1.0));
    for _ in 0..50 {
        assert_eq!(attempts(&stub, &seen).await, 1);
    }
    assert_eq!(attempts(&stub, &seen).await, 2, "the bucket was full");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_forbids_retries_takes_tokens_whatever_its_code() {
    let seen = Seen::new();
    let stub = answering(&seen, |index| match index {
        0..2 => Err(Status::internal("broken").with_retry_pushback(None)),
        _ => Err(down()),
    });
    let stub = simulated(stub, &throttled(4, 4, 1.0));
    for _ in 0..2 {
        assert_eq!(attempts(&stub, &seen).await, 1);
    }
    assert_eq!(attempts(&stub, &seen).await, 1, "2 were left");
}
