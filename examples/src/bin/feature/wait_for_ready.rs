//! A call fails at once when nobody can be reached, unless it says that it will wait.

use crate::Outcome;
use farcall::{Channel, Server};
use farcall_examples::{
    greeter::MyGreeter,
    hello::{GreeterClient, GreeterServer, HelloRequest},
};
use std::time::Duration;

pub(crate) async fn run() -> Outcome {
    let path = std::env::temp_dir().join(format!("farcall-late-{}.sock", std::process::id()));
    let target = format!("unix:{}", path.display());
    let client = GreeterClient::new(Channel::builder(&target).insecure().build()?);
    let hello = || HelloRequest { name: "patience".into() };

    let hasty = client.say_hello(hello()).await.unwrap_err();
    println!("at once: {}", hasty.code());

    let brief = client.say_hello(hello()).wait_for_ready().timeout(Duration::from_millis(100));
    println!("after 100 ms: {}", brief.await.unwrap_err().code());

    let call = client.say_hello(hello()).wait_for_ready().timeout(Duration::from_secs(30));
    let waiting = tokio::spawn(call.into_future());
    let builder = Server::builder().add_service(GreeterServer::new(MyGreeter));
    tokio::spawn(builder.bind(&target).await?.serve());
    println!("{}", waiting.await??.message); // with the next attempt to connect
    std::fs::remove_file(path).ok();
    Ok(())
}
