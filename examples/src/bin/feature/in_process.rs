//! A server without a socket: the same rules, in one process.

use crate::Outcome;
use farcall::Server;
use farcall_examples::{
    greeter::MyGreeter,
    hello::{GreeterClient, GreeterServer, HelloRequest},
};

pub(crate) async fn run() -> Outcome {
    let channel = Server::builder()
        .add_service(GreeterServer::new(MyGreeter))
        .max_receive_message_size(1000)
        .in_process()?;
    let client = GreeterClient::new(channel);
    let reply = client.say_hello(HelloRequest { name: "neighbour".into() }).await?;
    println!("{}", reply.message);
    let long = client.say_hello(HelloRequest { name: "x".repeat(2000) });
    println!("limits hold: {}", long.await.unwrap_err().code());
    Ok(())
}
