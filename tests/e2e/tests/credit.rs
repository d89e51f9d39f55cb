//! Credit for what is read in small bites: it has to find its way back to whoever sends.

use bytes::Bytes;
use farcall_e2e::within;
use farcall_net::{Request, Server, Streaming};
use farcall_testkit::stub_server::{StubServer, calls};
use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{task::JoinSet, time::sleep};

const DRIP: &str = "/t.T/Drip";
const COLLECT: &str = "/t.T/Collect";
/// So many streams have each read a little less than what is worth a word to the driver: together more than what a connection holds.
const STREAMS: usize = 1500;
const BITE: usize = 15_000;
const MINUTE: Duration = Duration::from_secs(60);

fn roomy(server: Server) -> Server {
    server.max_concurrent_streams(10_000)
}

#[tokio::test(start_paused = true)]
async fn many_readers_of_single_responses_do_not_hold_up_each_other() {
    let stub = StubServer::server_streaming(DRIP, |_, replies| {
        Box::pin(async move {
            for _ in 0..2 {
                replies.send(Bytes::from(vec![7; BITE])).await?;
                sleep(10 * MINUTE).await;
            }
            pending().await
        })
    });
    let channel = stub.configure(roomy).channel();
    let mut readers = JoinSet::new();
    for _ in 0..STREAMS {
        let call = calls::server_streaming(&channel, DRIP, Bytes::new());
        readers.spawn(async move {
            let mut replies = call.await.unwrap();
            for _ in 0..2 {
                assert_eq!(replies.message().await.unwrap().unwrap().len(), BITE);
            }
            replies
        });
    }
    within(60 * MINUTE, "all responses", async {
        let mut open = Vec::new();
        while let Some(replies) = readers.join_next().await {
            open.push(replies.unwrap());
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn many_readers_of_single_requests_do_not_hold_up_each_other() {
    let read = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&read);
    let stub = StubServer::client_streaming(COLLECT, move |request: Request<Streaming<Bytes>>| {
        let seen = Arc::clone(&seen);
        async move {
            let mut messages = request.into_inner();
            while let Some(message) = messages.message().await? {
                assert_eq!(message.len(), BITE);
                seen.fetch_add(1, SeqCst);
            }
            Ok(Bytes::new())
        }
    });
    let channel = stub.configure(roomy).channel();
    let mut uploads = Vec::new();
    for _ in 0..STREAMS {
        let (mut messages, reply) = calls::client_streaming(&channel, COLLECT).split();
        messages.send(Bytes::from(vec![7; BITE])).await.unwrap();
        uploads.push((messages, reply));
    }
    sleep(10 * MINUTE).await;
    assert_eq!(read.load(SeqCst), STREAMS);
}
