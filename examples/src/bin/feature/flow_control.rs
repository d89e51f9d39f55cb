//! A sender waits while its reader does not read: nothing is buffered without a limit.

use crate::Outcome;
use farcall::{Request, Sender, Status};
use farcall_examples::{
    hello::{Greeter, HelloReply, HelloRequest},
    local,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const MESSAGES: usize = 2000;

/// Sends 10 KB again and again, and counts how often `send` has returned.
struct Talker(Arc<AtomicUsize>);

impl Greeter for Talker {
    async fn say_hello_in_every_language(
        &self,
        _: Request<HelloRequest>,
        replies: &mut Sender<HelloReply>,
    ) -> Result<(), Status> {
        for _ in 0..MESSAGES {
            replies.send(HelloReply { message: "!".repeat(10_000) }).await?; // waits for room
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

pub(crate) async fn run() -> Outcome {
    let sent = Arc::new(AtomicUsize::new(0));
    let client = local::serve(Talker(Arc::clone(&sent))).await?;
    let mut replies = client.say_hello_in_every_language(HelloRequest::default()).await?;
    replies.message().await?;

    tokio::time::sleep(Duration::from_millis(200)).await;
    let early = sent.load(Ordering::Relaxed);
    println!("nobody reads, and the sender waits: {}", early < MESSAGES);
    println!("less than 8 MB are on their way: {}", early * 10_000 < 8_000_000);

    let mut read = 1;
    while replies.message().await?.is_some() {
        read += 1;
    }
    println!("read {read}, sent {}", sent.load(Ordering::Relaxed));
    Ok(())
}
