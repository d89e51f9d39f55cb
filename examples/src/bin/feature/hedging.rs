//! A second attempt starts while the first has not answered yet, at another backend; the faster one wins, the other is cancelled.

use crate::Outcome;
use farcall::{Channel, Request, Response, Server, Status};
use farcall_examples::hello::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
use std::time::{Duration, Instant};

/// For methods that do no harm when they run twice.
const POLICY: &str = r#"{
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 2, "hedgingDelay": "0.05s"}}]
}"#;

/// Answers after a while.
struct Backend(Duration);

impl Greeter for Backend {
    async fn say_hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        tokio::time::sleep(self.0).await;
        Ok(HelloReply::default().into())
    }
}

pub(crate) async fn run() -> Outcome {
    let mut addresses = Vec::new();
    for delay in [Duration::ZERO, Duration::from_secs(2)] {
        let builder = Server::builder().add_service(GreeterServer::new(Backend(delay)));
        let server = builder.bind("127.0.0.1:0").await?;
        addresses.push(server.local_addr()?.to_string());
        tokio::spawn(server.serve());
    }
    let target = format!("ipv4:{}", addresses.join(","));
    for (what, config) in [("with hedging", POLICY), ("without", r#"{"loadBalancingConfig": [{"round_robin": {}}]}"#)] {
        let channel = Channel::builder(&target).default_service_config(config);
        let client = GreeterClient::new(channel.insecure().build()?);
        client.say_hello(HelloRequest::default()).await?; // until both backends are connected there is no choice
        let mut slowest = Duration::ZERO;
        for _ in 0..4 {
            let start = Instant::now();
            client.say_hello(HelloRequest::default()).await?;
            slowest = slowest.max(start.elapsed());
        }
        println!("{what} all calls took less than a second: {}", slowest < Duration::from_secs(1));
    }
    Ok(())
}
