//! What handlers of streams may answer with.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_testkit::stub_server::{StubServer, calls};
use futures_core::Stream;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

/// Messages of 1,000 bytes without an end, or so many; counts what was taken.
struct Numbers {
    taken: Arc<AtomicUsize>,
    last: usize,
}

impl Stream for Numbers {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        Poll::Ready((number < self.last).then(|| vec![number as u8; 1000].into()))
    }
}

fn stub(taken: &Arc<AtomicUsize>, last: usize) -> StubServer {
    let taken = Arc::clone(taken);
    StubServer::server_streaming("/t.T/Count", move |_, replies| {
        let numbers = Numbers {
            taken: Arc::clone(&taken),
            last,
        };
        Box::pin(async move { replies.send_all(numbers).await })
    })
}

#[tokio::test]
async fn a_handler_may_hand_over_a_stream_of_replies() {
    let channel = stub(&Arc::default(), 3).channel();
    let call = calls::server_streaming(&channel, "/t.T/Count", Bytes::new());
    let mut replies = call.await.unwrap();
    for number in 0..3 {
        assert_eq!(
            replies.message().await.unwrap().unwrap()[..],
            [number; 1000]
        );
    }
    assert_eq!(replies.message().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_handed_over_is_asked_no_faster_than_its_reader_reads() {
    let taken = Arc::default();
    let channel = stub(&taken, usize::MAX).channel();
    let call = calls::server_streaming(&channel, "/t.T/Count", Bytes::new());
    let mut replies = call.await.unwrap();
    within(PATIENCE, "the first", replies.message())
        .await
        .unwrap();
    // Time stands still while anybody has something to do.
    tokio::time::sleep(PATIENCE).await;
    let before = taken.load(Ordering::Relaxed);
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(taken.load(Ordering::Relaxed), before);
    assert!(before < 2_000, "{before} messages of 1,000 bytes");
}
