//! Requests that are too large to be kept.

use super::*;
use std::future::IntoFuture;

async fn sized(channel: &Channel, size: usize) -> Result<Bytes, Status> {
    let call = calls::unary(channel, PATH, Bytes::from(vec![1; size]));
    call.await.map(|response| response.into_inner())
}

#[tokio::test(start_paused = true)]
async fn a_request_larger_than_the_buffer_of_a_call_is_sent_once() {
    // With its prefix of five bytes a message has to fit.
    for (size, expected) in [(1000 - 5, 3), (1000 - 4, 1)] {
        let seen = Seen::new();
        let stub = failing(&seen, 9, down());
        let stub = simulated_with(stub, &unavailable(3), |channel| {
            channel.max_retry_buffer_size(1000)
        });
        sized(stub.channel(), size).await.unwrap_err();
        assert_eq!(seen.count(), expected, "{size} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_calls_own_buffer_counts() {
    let seen = Seen::new();
    let stub = simulated(failing(&seen, 9, down()), &unavailable(3));
    let call = calls::unary(stub.channel(), PATH, Bytes::from(vec![1; 300 << 10]));
    call.max_retry_buffer_size(400 << 10).await.unwrap_err();
    assert_eq!(seen.count(), 3);
    sized(stub.channel(), 300 << 10).await.unwrap_err();
    assert_eq!(seen.count(), 4, "256 KiB is the default");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_outgrows_the_buffer_goes_on_without_another_attempt() {
    let seen = Seen::new();
    let noting = seen.clone();
    let stub = StubServer::client_streaming(PATH, move |request| {
        noting.note(&request);
        async move {
            let mut messages = request.into_inner();
            let mut count = 0;
            while messages.message().await?.is_some() {
                count += 1;
            }
            match count {
                20 => Ok(Bytes::from("all")),
                _ => Err(Status::unavailable(format!("only {count}"))),
            }
        }
    });
    let stub = simulated_with(stub, &unavailable(3), |channel| {
        channel.max_retry_buffer_size(1000)
    });
    for (count, expected) in [(20, Ok("all")), (11, Err(()))] {
        let (mut requests, reply) = calls::client_streaming(stub.channel(), PATH).split();
        for _ in 0..count {
            requests.send(Bytes::from(vec![0; 100])).await.unwrap();
        }
        requests.half_close();
        let reply = reply.await.map_err(drop);
        assert_eq!(
            reply.as_deref().map(|bytes| &bytes[..]),
            expected.as_ref().map(|text| text.as_bytes())
        );
    }
    assert_eq!(seen.count(), 2, "one attempt of each");
}

#[tokio::test(start_paused = true)]
async fn calls_that_do_not_fit_into_the_memory_of_the_channel_are_sent_once() {
    let seen = Seen::new();
    let stub = failing(&seen, 9999, down());
    let stub = simulated_with(stub, &unavailable(2), |channel| {
        channel.max_retry_memory(2050)
    });
    let calls = (0..3).map(|_| {
        let call = calls::unary(stub.channel(), PATH, Bytes::from(vec![0; 1000]));
        tokio::spawn(call.into_future())
    });
    let mut attempts = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        attempts.push(call.await.unwrap().unwrap_err().attempts());
    }
    attempts.sort();
    assert_eq!(attempts, [1, 2, 2]);
    // The memory is free again.
    assert_eq!(sized(stub.channel(), 2000).await.unwrap_err().attempts(), 2);
}
