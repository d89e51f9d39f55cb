//! A server that stops lets its open calls end, and tells its clients to go elsewhere.

use crate::Outcome;
use farcall::{Channel, Code, Server};
use farcall_examples::{
    greeter::MyGreeter,
    hello::{GreeterClient, GreeterServer, HelloRequest},
};
use std::time::Duration;
use tokio::sync::oneshot;

pub(crate) async fn run() -> Outcome {
    let (stop, stopped) = oneshot::channel::<()>();
    let builder = Server::builder().add_service(GreeterServer::new(MyGreeter));
    let server = builder.bind("127.0.0.1:0").await?;
    let target = format!("ipv4:{}", server.local_addr()?);
    // After the signal: no new connections, GOAWAY, ten seconds for open calls, then the end.
    let signal = async { drop(stopped.await) };
    let serving = tokio::spawn(server.serve_with_shutdown(signal, Duration::from_secs(10)));

    let client = GreeterClient::new(Channel::builder(target).insecure().build()?);
    let hello = |name: &str| HelloRequest { name: name.into() };
    let (mut names, mut replies) = client.say_hello_to_each().split();
    names.send(hello("Ada")).await?;
    println!("{}", replies.message().await?.unwrap_or_default().message);

    drop(stop);
    println!("the server stops");
    names.send(hello("Grace")).await?;
    println!("{}", replies.message().await?.unwrap_or_default().message);
    names.half_close();
    println!("the open call ended well: {}", replies.message().await?.is_none());

    let report = serving.await?;
    println!("calls that were cut: {}", report.calls_cut);
    let late = client.say_hello(hello("Barbara")).await.unwrap_err();
    assert_eq!(late.code(), Code::Unavailable);
    println!("later calls: {}", late.code());
    Ok(())
}
