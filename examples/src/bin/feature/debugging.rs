//! What to look at when something does not work: the status with its causes, the channel's state, what peers did wrong.

use crate::Outcome;
use farcall::Channel;
use farcall_examples::{
    greeter::MyGreeter,
    hello::{GreeterClient, HelloRequest},
    local,
};
use std::error::Error;

pub(crate) async fn run() -> Outcome {
    // Nobody listens at the first, the second speaks something else.
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = other.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = other.accept().await {
            use tokio::io::AsyncWriteExt;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
        }
    });
    let target = format!("ipv4:127.0.0.1:1,{address}");
    let channel = Channel::builder(target).insecure().build()?;
    let client = GreeterClient::new(channel.clone());
    let status = client.say_hello(HelloRequest::default()).await.unwrap_err();

    // The message alone is what a peer would see; the causes stay in this process.
    println!("{}: {}", status.code(), status.message());
    let mut cause = status.source();
    while let Some(error) = cause {
        println!("because {}", error.to_string().replace(&address.to_string(), "ADDRESS"));
        cause = error.source();
    }
    println!("the channel: {:?}", channel.state());

    // What peers did against the rules of HTTP/2, counted by name.
    let good = local::channel(MyGreeter).await?;
    good.connect().await?;
    println!("crimes of a good server: {}", good.peer_reports().snapshot().misbehaved().count());
    Ok(())
}
