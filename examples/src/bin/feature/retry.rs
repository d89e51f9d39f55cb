//! A policy of the service config tries failed calls again; the server is told how often, and so is the client.

use crate::Outcome;
use farcall::{Channel, Request, Response, Status};
use farcall_examples::{
    hello::{Greeter, GreeterClient, HelloReply, HelloRequest},
    local,
};

const POLICY: &str = r#"{
    "methodConfig": [{"name": [{"service": "hello.Greeter"}], "retryPolicy": {
        "maxAttempts": 4, "initialBackoff": "0.01s", "maxBackoff": "0.1s", "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]
    }}]
}"#;

/// Works only with the attempt after so many others.
struct Unreliable(u32);

impl Greeter for Unreliable {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let attempts = request.previous_attempts();
        println!("the server hears of attempt {}", attempts + 1);
        if attempts < self.0 {
            return Err(Status::unavailable("not yet"));
        }
        Ok(HelloReply { message: "Hello, in the end".into() }.into())
    }
}

pub(crate) async fn run() -> Outcome {
    for failures in [2, 9] {
        let target = local::channel(Unreliable(failures)).await?.target();
        let channel = Channel::builder(&target).default_service_config(POLICY);
        let client = GreeterClient::new(channel.insecure().build()?);
        match client.say_hello(HelloRequest::default()).await {
            Ok(reply) => println!("{}, after {} attempts", reply.message, reply.attempts()),
            Err(status) => println!("given up: {} {}", status.code(), status.message()),
        }
    }
    Ok(())
}
