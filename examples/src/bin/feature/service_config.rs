//! What the owner of a service says to all its clients: timeouts, waiting, sizes, balancing, for each method.

use crate::Outcome;
use farcall::{Channel, Request, Response, Sender, Status};
use farcall_examples::{
    hello::{Greeter, GreeterClient, HelloReply, HelloRequest},
    local,
};
use std::time::{Duration, Instant};

/// Of DNS (a TXT record), of a resolver of one's own, or of the program.
const CONFIG: &str = r#"{
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {"name": [{"service": "hello.Greeter"}], "timeout": "2s", "waitForReady": true},
        {"name": [{"service": "hello.Greeter", "method": "SayHello"}], "timeout": "30s", "maxRequestMessageBytes": 100}
    ]
}"#;

struct Watch;

impl Greeter for Watch {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let message = seconds(request.deadline());
        Ok(HelloReply { message }.into())
    }

    async fn say_hello_in_every_language(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloReply>,
    ) -> Result<(), Status> {
        let message = seconds(request.deadline());
        replies.send(HelloReply { message }).await
    }
}

fn seconds(deadline: Option<Instant>) -> String {
    let left = deadline.map_or(Duration::ZERO, |deadline| deadline - Instant::now());
    format!("about {} s", left.as_secs_f64().round())
}

pub(crate) async fn run() -> Outcome {
    let target = local::channel(Watch).await?.target();
    let channel = Channel::builder(&target).default_service_config(CONFIG).insecure().build()?;
    let client = GreeterClient::new(channel);
    println!("SayHello has {}", client.say_hello(HelloRequest::default()).await?.message);
    let mut others = client.say_hello_in_every_language(HelloRequest::default()).await?;
    println!("the others have {}", others.message().await?.unwrap_or_default().message);
    let large = client.say_hello(HelloRequest { name: "x".repeat(200) });
    println!("a large request: {}", large.await.unwrap_err().code());

    let broken = CONFIG.replace("30s", "half a minute");
    let error = Channel::builder(&target).default_service_config(broken).insecure().build().unwrap_err();
    println!("{}", error.to_string().contains("methodConfig[1].timeout"));
    Ok(())
}
