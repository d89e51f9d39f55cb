//! Both roles in one process: serves a greeter on a port of its own, and makes each of the four kinds of call.

use farcall::{Channel, Server, status::rpc::BadRequest};
use farcall_examples::{
    greeter::MyGreeter,
    hello::{GreeterClient, GreeterServer, HelloRequest},
};
use std::{error::Error, time::Duration};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder()
        .add_service(GreeterServer::new(MyGreeter))
        .bind("127.0.0.1:0")
        .await?;
    let address = server.local_addr()?;
    tokio::spawn(server.serve());
    println!("serving hello.Greeter on {address}");

    let channel = Channel::builder(format!("dns:///{address}"))
        .insecure()
        .build()?;
    let client = GreeterClient::new(channel);

    let reply = client
        .say_hello(named("Ada"))
        .timeout(Duration::from_secs(5))
        .metadata("accept-language", "fr")
        .await?;
    println!("unary              {}", reply.message);

    let mut replies = client.say_hello_in_every_language(named("Ada")).await?;
    while let Some(reply) = replies.message().await? {
        println!("server streaming   {}", reply.message);
    }

    let (mut names, reply) = client.say_hello_to_all().split();
    for name in ["Ada", "Grace", "Barbara"] {
        names.send(named(name)).await?;
    }
    names.half_close();
    println!("client streaming   {}", reply.await?.message);

    let (mut names, mut replies) = client.say_hello_to_each().split();
    for name in ["Ada", "Grace", "Barbara"] {
        names.send(named(name)).await?;
        if let Some(reply) = replies.message().await? {
            println!("bidirectional      {}", reply.message);
        }
    }
    names.half_close();

    if let Err(status) = client.say_hello(named("")).await {
        println!("a call that fails  {status}");
        for violation in status
            .details::<BadRequest>()
            .unwrap_or_default()
            .field_violations
        {
            println!(
                "                   {} {}",
                violation.field, violation.description
            );
        }
    }
    Ok(())
}

fn named(name: &str) -> HelloRequest {
    HelloRequest {
        name: name.to_owned(),
    }
}
