//! Calls that a handler makes inherit its deadline and its cancellation.

use crate::Outcome;
use farcall::{Context, Request, Response, Status};
use farcall_examples::{
    hello::{Greeter, GreeterClient, HelloReply, HelloRequest},
    local,
};
use std::time::{Duration, Instant};

/// Says how long it has.
struct Last;

impl Greeter for Last {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let left = request.deadline().map(|deadline| deadline - Instant::now());
        let message = match left {
            Some(left) if left < Duration::from_secs(10) => "less than ten seconds",
            Some(_) => "more than ten seconds",
            None => "for ever",
        };
        Ok(HelloReply { message: message.into() }.into())
    }
}

/// Asks another server.
struct First(GreeterClient);

impl Greeter for First {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let inherited = self.0.say_hello(request.into_inner()).await?;
        let detached = Context::detached(self.0.say_hello(HelloRequest::default()).into_future());
        let message = format!("{}, detached {}", inherited.message, detached.await?.message);
        Ok(HelloReply { message }.into())
    }
}

pub(crate) async fn run() -> Outcome {
    let last = local::serve(Last).await?;
    let client = local::serve(First(last)).await?;
    let call = client.say_hello(HelloRequest::default());
    let reply = call.timeout(Duration::from_secs(5)).await?;
    println!("the server behind the server had {}", reply.message);
    Ok(())
}
