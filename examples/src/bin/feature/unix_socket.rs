//! A socket in the file system; the server removes what it has made.

use crate::Outcome;
use farcall::{Channel, Server};
use farcall_examples::{
    greeter::MyGreeter,
    hello::{GreeterClient, GreeterServer, HelloRequest},
};

pub(crate) async fn run() -> Outcome {
    let path = std::env::temp_dir().join(format!("farcall-example-{}.sock", std::process::id()));
    let target = format!("unix:{}", path.display());
    let builder = Server::builder().add_service(GreeterServer::new(MyGreeter));
    let serving = tokio::spawn(builder.bind(&target).await?.serve());

    let client = GreeterClient::new(Channel::builder(target).insecure().build()?);
    let reply = client.say_hello(HelloRequest { name: "neighbour".into() }).await?;
    println!("{}", reply.message);

    serving.abort();
    serving.await.ok();
    println!("the file is gone: {}", !path.exists());
    Ok(())
}
