//! A deadline covers the whole call, and both sides end at it.

use crate::Outcome;
use farcall::{Code, Request, Response, Status};
use farcall_examples::{
    hello::{Greeter, HelloReply, HelloRequest},
    local,
};
use std::time::{Duration, Instant};

struct Slow;

impl Greeter for Slow {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        println!("the server knows the deadline: {}", request.deadline().is_some());
        tokio::time::sleep(Duration::from_millis(300)).await; // dropped here if the deadline comes first
        println!("the server had time enough");
        Ok(HelloReply { message: "Hello, at last".into() }.into())
    }
}

pub(crate) async fn run() -> Outcome {
    let client = local::serve(Slow).await?;

    let hasty = client.say_hello(HelloRequest::default()).timeout(Duration::from_millis(50));
    let status = hasty.await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    println!("50 ms: {}", status.code());

    // A point in time, for several calls that share it.
    let deadline = Instant::now() + Duration::from_secs(5);
    let reply = client.say_hello(HelloRequest::default()).deadline(deadline).await?;
    println!("5 s: {}", reply.message);
    Ok(())
}
