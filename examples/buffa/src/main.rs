//! A server and a client with messages of buffa, in one program: `cargo run -p farcall-buffa-example`.

use farcall::{Channel, Server};
use farcall_buffa_example::{
    MyGreeter,
    hello::{GreeterClient, GreeterServer},
    messages::hello::HelloRequest,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().add_service(GreeterServer::new(MyGreeter));
    let server = server.bind("127.0.0.1:0").await?;
    let target = server.local_addr()?.to_string();
    tokio::spawn(server.serve());
    let client = GreeterClient::new(Channel::builder(target).insecure().build()?);
    let ada = HelloRequest {
        name: "Ada".into(),
        ..Default::default()
    };
    println!("{}", client.say_hello(ada.clone()).await?.message);
    let mut greetings = client.say_hello_in_every_language(ada).await?;
    while let Some(greeting) = greetings.message().await? {
        println!("{}", greeting.message);
    }
    Ok(())
}
