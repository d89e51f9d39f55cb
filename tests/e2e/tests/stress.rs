//! Many calls at once on several threads over real sockets: no call hangs, none gets another's answer, no handler is left.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, Probe, within};
use farcall_net::{Channel, Code, Request, Status};
use farcall_testkit::{
    Rng,
    stub_server::{StubServer, calls},
};
use std::time::Duration;

const TASKS: u64 = 16;
const CALLS: usize = 150;

fn server(probe: &Probe) -> StubServer {
    let (unary, chat) = (probe.clone(), probe.clone());
    StubServer::unary("/t.T/Unary", move |request: Request<Bytes>| {
        let guard = unary.enter();
        async move {
            let _guard = guard;
            for _ in 0..request[0] % 4 {
                tokio::task::yield_now().await;
            }
            if request[0] == 99 {
                std::future::pending::<()>().await;
            }
            Ok(request.into_inner())
        }
    })
    .and(StubServer::bidi("/t.T/Chat", move |request, replies| {
        let guard = chat.enter();
        Box::pin(async move {
            let _guard = guard;
            let mut messages = request.into_inner();
            while let Some(message) = messages.message().await? {
                replies.send(message).await?;
            }
            Ok(())
        })
    }))
}

fn message(rng: &mut Rng) -> Bytes {
    let len = if rng.chance(90) {
        rng.range(1..500)
    } else {
        rng.range(1..100_000)
    };
    let mut message = rng.bytes(len);
    message[0] %= 99;
    message.into()
}

async fn unary(channel: &Channel, rng: &mut Rng) {
    let request = message(rng);
    let reply = calls::unary(channel, "/t.T/Unary", request.clone()).await;
    assert_eq!(reply.unwrap().into_inner(), request);
}

/// A call whose handler does not end by itself: the deadline or the caller ends it.
async fn given_up(channel: &Channel, rng: &mut Rng) {
    let call = calls::unary(channel, "/t.T/Unary", Bytes::from(vec![99]));
    let patience = Duration::from_micros(rng.range(0..3000) as u64);
    if rng.chance(50) {
        let status = call.timeout(patience).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    } else {
        let outcome = tokio::time::timeout(patience, call.into_future()).await;
        assert!(outcome.is_err(), "{outcome:?}");
    }
}

async fn chat(channel: &Channel, rng: &mut Rng) {
    let (mut sender, mut replies) = calls::bidi(channel, "/t.T/Chat").split();
    let messages: Vec<Bytes> = (0..rng.range(0..6)).map(|_| message(rng)).collect();
    let (copy, abandon) = (messages.clone(), rng.chance(20));
    let sending = tokio::spawn(async move {
        for message in copy {
            sender.send(message).await?;
        }
        if !abandon {
            sender.half_close();
        }
        Ok::<_, Status>(())
    });
    let mut got = Vec::new();
    let end = loop {
        match replies.message().await {
            Ok(Some(reply)) => got.push(reply),
            Ok(None) => break Ok(()),
            Err(status) => break Err(status.code()),
        }
    };
    let sent = sending.await.unwrap();
    match end {
        Ok(()) => assert!(!abandon && sent.is_ok() && got == messages),
        Err(code) => assert!(
            abandon && code == Code::Cancelled && messages.starts_with(&got),
            "{code:?}"
        ),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_on_many_threads_all_end_and_leave_no_handler() {
    let probe = Probe::new();
    let stub = server(&probe).start().await;
    let channels = [stub.channel(), stub.channel()];
    let tasks: Vec<_> = (0..TASKS)
        .map(|seed| {
            let channel = channels[seed as usize % 2].clone();
            tokio::spawn(async move {
                let mut rng = Rng::new(seed);
                for _ in 0..CALLS {
                    match rng.range(0..10) {
                        0..5 => unary(&channel, &mut rng).await,
                        5..7 => given_up(&channel, &mut rng).await,
                        _ => chat(&channel, &mut rng).await,
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        within(PATIENCE * 6, "a task", task).await.unwrap();
    }
    let (begun, _) = probe.counts();
    assert!(begun > CALLS * TASKS as usize / 2);
    within(PATIENCE, "every handler", async {
        while probe.counts().0 != probe.counts().1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
