//! The four kinds of call in twenty lines of one's own, the client's side: `twenty-client [TARGET]`.
//!
//! Each has metadata and a deadline; the last one fails, with a detail that has a type.

use farcall::{Channel, status::rpc::ErrorInfo};
use farcall_examples::hello::{GreeterClient, HelloRequest};
use std::{error::Error, time::Duration};

#[rustfmt::skip]
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let target = std::env::args().nth(1).unwrap_or("dns:///localhost:50051".into());
    let client = GreeterClient::new(Channel::builder(target).insecure().build()?);
    let (ada, second) = (HelloRequest { name: "Ada".into() }, Duration::from_secs(1));

    println!("{}", client.say_hello(ada.clone()).metadata("tenant", "blue").timeout(second).await?.message);

    let mut replies = client.say_hello_in_every_language(ada.clone()).metadata("tenant", "blue").timeout(second).await?;
    while let Some(reply) = replies.message().await? { println!("{}", reply.message); }

    let (mut names, reply) = client.say_hello_to_all().metadata("tenant", "blue").timeout(second).split();
    names.send(ada.clone()).await?;
    names.half_close();
    println!("{}", reply.await?.message);

    let (mut names, mut replies) = client.say_hello_to_each().metadata("tenant", "blue").timeout(second).split();
    names.send(ada.clone()).await?;
    println!("{:?}", replies.message().await?);
    names.half_close();

    let status = client.say_hello(ada).timeout(second).await.unwrap_err();
    println!("{status}: {:?}", status.details::<ErrorInfo>());
    Ok(())
}
