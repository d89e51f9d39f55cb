//! Asks a greeter for a hello: `hello-client [NAME [TARGET]]`.

use farcall::Channel;
use farcall_examples::hello::{GreeterClient, HelloRequest};
use std::{error::Error, time::Duration};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or("world".to_owned());
    let target = args.next().unwrap_or("dns:///localhost:50051".to_owned());

    let channel = Channel::builder(target).insecure().build()?;
    let client = GreeterClient::new(channel);
    let call = client.say_hello(HelloRequest { name });
    match call.timeout(Duration::from_secs(5)).await {
        Ok(reply) => println!("{}", reply.message),
        Err(status) => eprintln!("the call failed: {status}"),
    }
    Ok(())
}
