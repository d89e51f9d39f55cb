//! Statuses are errors: `?`, codes to decide by, causes that stay in the process, and what a middle server hands on.

use crate::Outcome;
use farcall::{Code, Request, Response, Status};
use farcall_examples::{
    greeter::MyGreeter,
    hello::{Greeter, GreeterClient, HelloReply, HelloRequest},
    local,
};

/// Asks another greeter, and hands its errors on: whole if it is asked for `forward`.
struct Middle(GreeterClient);

impl Greeter for Middle {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let forward = request.name == "forward";
        // Unless it is forwarded, the caller gets the code with a neutral message: what another server says may not be for it.
        let outcome = self.0.say_hello(HelloRequest::default()).await;
        outcome.map_err(|status| if forward { status.forward() } else { status })
    }

    async fn say_hello_to_all(
        &self,
        _: Request<farcall::Streaming<HelloRequest>>,
    ) -> Result<Response<HelloReply>, Status> {
        let guests = std::fs::read_to_string("/no/such/list");
        // The cause is for our own log: no peer ever sees it.
        guests.map_err(|error| Status::internal("the list of guests is lost").with_cause(error))?;
        Ok(HelloReply::default().into())
    }
}

pub(crate) async fn run() -> Outcome {
    let client = local::serve(Middle(local::serve(MyGreeter).await?)).await?;
    for name in ["plain", "forward"] {
        let call = client.say_hello(HelloRequest { name: name.into() });
        match call.await {
            Ok(reply) => println!("{}", reply.message),
            Err(status) if status.code() == Code::InvalidArgument => println!("{name}: {:?}", status.message()),
            Err(status) => return Err(status.into()),
        }
    }
    let (names, reply) = client.say_hello_to_all().split();
    drop(names); // not half-closed: the call is cancelled
    println!("an upload that was given up: {}", reply.await.unwrap_err().code());
    let (mut names, reply) = client.say_hello_to_all().split();
    names.half_close();
    println!("what the client is told: {:?}", reply.await.unwrap_err().message());
    Ok(())
}
