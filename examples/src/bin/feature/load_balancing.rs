//! Calls over several backends: one for all of them, or all in turn.

use crate::Outcome;
use farcall::{Channel, Request, Response, Server, Status};
use farcall_examples::hello::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
use std::collections::BTreeMap;

/// Says its name.
struct Backend(&'static str);

impl Greeter for Backend {
    async fn say_hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        Ok(HelloReply { message: self.0.into() }.into())
    }
}

pub(crate) async fn run() -> Outcome {
    let mut addresses = Vec::new();
    for name in ["red", "green", "blue"] {
        let builder = Server::builder().add_service(GreeterServer::new(Backend(name)));
        let server = builder.bind("127.0.0.1:0").await?;
        addresses.push(server.local_addr()?.to_string());
        tokio::spawn(server.serve());
    }
    // With DNS: `dns:///greeter.example:50051`, one address record for each backend.
    let target = format!("ipv4:{}", addresses.join(","));

    for policy in ["pick_first", "round_robin"] {
        let builder = Channel::builder(&target).load_balancing_policy(policy);
        let client = GreeterClient::new(builder.insecure().build()?);
        // round_robin begins with the backends that are ready first: wait until all of them are.
        let mut seen = BTreeMap::new();
        while policy == "round_robin" && seen.len() < addresses.len() {
            let reply = client.say_hello(HelloRequest::default()).await?;
            *seen.entry(reply.into_inner().message).or_insert(0) += 1;
        }
        let mut counts = BTreeMap::new();
        for _ in 0..30 {
            let reply = client.say_hello(HelloRequest::default()).await?;
            *counts.entry(reply.into_inner().message).or_insert(0) += 1;
        }
        println!("{policy}: {counts:?}");
    }
    Ok(())
}
