//! A call that nobody waits for any more is cancelled, and its handler is dropped at its next await.

use crate::Outcome;
use farcall::{Request, Response, Sender, Status};
use farcall_examples::{
    hello::{Greeter, HelloReply, HelloRequest},
    local,
};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Thinks for ever, and tells when it is stopped.
struct Thinker(UnboundedSender<&'static str>);

/// What a handler holds is dropped with it.
struct Work(UnboundedSender<&'static str>, &'static str);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.send(self.1).ok();
    }
}

impl Greeter for Thinker {
    async fn say_hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let _work = Work(self.0.clone(), "the unary handler was dropped");
        std::future::pending().await
    }

    async fn say_hello_in_every_language(
        &self,
        _: Request<HelloRequest>,
        replies: &mut Sender<HelloReply>,
    ) -> Result<(), Status> {
        let _work = Work(self.0.clone(), "the streaming handler was dropped");
        loop {
            replies.send(HelloReply::default()).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

pub(crate) async fn run() -> Outcome {
    let (told, mut tells) = unbounded_channel();
    let client = local::serve(Thinker(told)).await?;

    // Dropping a future cancels its call; here a timeout of the client's own drops it.
    let call = client.say_hello(HelloRequest::default()).into_future();
    let patience = Duration::from_millis(100);
    assert!(tokio::time::timeout(patience, call).await.is_err());
    println!("{}", tells.recv().await.unwrap_or_default());

    // Streams can be cancelled, or dropped before their end.
    let mut replies = client.say_hello_in_every_language(HelloRequest::default()).await?;
    replies.message().await?;
    replies.cancel();
    println!("{}", tells.recv().await.unwrap_or_default());
    // What had come before is read first.
    let mut next = replies.message().await;
    while let Ok(Some(_)) = next {
        next = replies.message().await;
    }
    if let Err(status) = next {
        println!("the client's own stream says {}", status.code());
    }
    Ok(())
}
