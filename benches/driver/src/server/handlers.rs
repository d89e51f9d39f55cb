//! What the server's methods do.

use crate::{mailbox::Mailbox, message, setup::Handler, shape::Queue};
use bytes::Bytes;
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    time::Duration,
};
use tokio::sync::Semaphore;

/// A unary handler at work, boxed as the product's are.
pub(super) type Work = Pin<Box<dyn Future<Output = Bytes> + Send>>;

pub(super) fn unary(handler: Handler, wanted: usize) -> Work {
    match handler {
        Handler::Echo => Box::pin(async move { message::response(wanted) }),
        Handler::Sleep => Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            message::response(wanted)
        }),
        Handler::Coop => Box::pin(async move {
            static SEMAPHORE: Semaphore = Semaphore::const_new(1 << 20);
            for _ in 0..2 {
                let _permit = SEMAPHORE.acquire().await;
            }
            message::response(wanted)
        }),
    }
}

/// Answers each message of a stream. All have the same size.
pub(super) async fn ping_pong(mailbox: Arc<Mailbox>, queue: Arc<Queue>, size: usize, reply: Bytes) {
    let mut ahead = 0;
    loop {
        while ahead < size {
            let (bytes, tell) = poll_fn(|cx| mailbox.poll_receive(cx)).await;
            if bytes == 0 {
                return;
            }
            ahead += bytes;
            if tell {
                queue.push(Arc::clone(&mailbox));
            }
        }
        ahead -= size;
        send(&mailbox, &queue, reply.clone()).await;
    }
}

/// Sends as fast as the caller reads.
pub(super) async fn stream(mailbox: Arc<Mailbox>, queue: Arc<Queue>, message: Bytes) {
    loop {
        send(&mailbox, &queue, message.clone()).await;
    }
}

async fn send(mailbox: &Arc<Mailbox>, queue: &Queue, message: Bytes) {
    poll_fn(|cx| mailbox.poll_capacity(cx)).await;
    if mailbox.send(message, false) {
        queue.push(Arc::clone(mailbox));
    }
    // As the product's sender does not either, a stream that is never held up does not let go of its worker
    // by itself: tokio's budget does it.
    tokio::task::coop::consume_budget().await;
}
