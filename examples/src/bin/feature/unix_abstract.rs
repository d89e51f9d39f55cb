//! Linux's abstract sockets: names without files, gone with their server.

use crate::Outcome;
use farcall::{Channel, Server};
use farcall_examples::{
    greeter::MyGreeter,
    hello::{GreeterClient, GreeterServer, HelloRequest},
};

pub(crate) async fn run() -> Outcome {
    let name = format!("unix-abstract:farcall-example-{}", std::process::id());
    let builder = Server::builder().add_service(GreeterServer::new(MyGreeter));
    tokio::spawn(builder.bind(&name).await?.serve());

    let client = GreeterClient::new(Channel::builder(name).insecure().build()?);
    let reply = client.say_hello(HelloRequest { name: "neighbour".into() }).await?;
    println!("{}", reply.message);
    Ok(())
}
