//! Which attempts there are, and who learns of them.

use super::*;
use farcall_e2e::logged;

#[tokio::test(start_paused = true)]
async fn a_failed_call_is_tried_again_until_it_succeeds_and_nobody_but_the_server_notices() {
    for early in [true, false] {
        let seen = Seen::new();
        let stub = simulated(failing(&seen, 2, down()), &unavailable(4));
        if early {
            stub.channel().connect().await.unwrap();
        }
        let reply = calls::unary(stub.channel(), PATH, Bytes::new())
            .metadata("tenant", "blue")
            .await
            .unwrap();
        assert_eq!((&reply[..], reply.attempts()), (&b"done"[..], 3));
        assert_eq!(seen.previous(), [0, 1, 2], "early: {early}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_policys_number_of_attempts_is_made_and_the_status_tells_what_each_ended_with() {
    for attempts in [2, 3, 5] {
        let seen = Seen::new();
        let stub = answering(&seen, |index| {
            Err(Status::unavailable(format!("no. {index}")))
        });
        let stub = simulated(stub, &unavailable(attempts));
        let status = unary(stub.channel()).await.unwrap_err();
        assert_eq!(seen.count(), attempts as usize);
        assert_eq!(status.attempts(), attempts as usize);
        assert_eq!(status.message(), format!("no. {}", attempts - 1));
        let before = status.previous_attempts().iter().map(Status::message);
        let expected: Vec<_> = (0..attempts - 1)
            .map(|index| format!("no. {index}"))
            .collect();
        assert_eq!(before.collect::<Vec<_>>(), expected);
        assert!(status.to_string().contains("no. 0"), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_attempts_ended_with_is_not_passed_on_to_others() {
    let backend = simulated(failing(&Seen::new(), 9, down()), &unavailable(3));
    let channel = backend.channel().clone();
    let front = StubServer::unary(PATH, move |_| {
        let channel = channel.clone();
        async move {
            let status = unary(&channel).await.unwrap_err();
            assert_eq!(status.attempts(), 3);
            Err::<Bytes, _>(status.forward())
        }
    });
    let front = simulated(front, "{}");
    let status = unary(front.channel()).await.unwrap_err();
    assert_eq!((status.message(), status.attempts()), ("down", 1));
}

#[tokio::test(start_paused = true)]
async fn codes_that_are_not_the_policys_are_final() {
    let seen = Seen::new();
    let stub = failing(&seen, 1, Status::internal("broken"));
    let stub = simulated(stub, &unavailable(4));
    assert_eq!(code(unary(stub.channel()).await), Code::Internal);
    assert_eq!(seen.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_call_makes_more_than_five_attempts_unless_the_channel_allows_it_and_the_log_says_so() {
    for (cap, expected) in [(None, 5), (Some(7), 7), (Some(1), 1)] {
        let seen = Seen::new();
        logged("");
        let stub = failing(&seen, 100, down());
        let stub = simulated_with(stub, &unavailable(50), |channel| match cap {
            Some(cap) => channel.max_attempts(cap),
            None => channel,
        });
        unary(stub.channel()).await.unwrap_err();
        assert_eq!(seen.count(), expected);
        let said = format!("50 attempts of a call, the channel makes at most {expected}");
        assert_eq!(logged(&said).len(), 1, "once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_can_do_without_retries() {
    let seen = Seen::new();
    let stub = failing(&seen, 9, down());
    let stub = simulated_with(stub, &unavailable(4), |channel| channel.retries(false));
    let status = unary(stub.channel()).await.unwrap_err();
    assert_eq!((seen.count(), status.attempts()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_has_begun_is_not_asked_for_again() {
    let seen = Seen::new();
    let noting = seen.clone();
    let stub = StubServer::server_streaming(PATH, move |request, replies| {
        noting.note(&request);
        Box::pin(async move {
            replies.send_metadata()?;
            Err(down())
        })
    });
    let stub = simulated(stub, &unavailable(4));
    let call = calls::server_streaming(stub.channel(), PATH, Bytes::new());
    let mut replies = call.await.unwrap();
    let status = replies.message().await.unwrap_err();
    assert_eq!((status.code(), seen.count()), (Code::Unavailable, 1));
}
