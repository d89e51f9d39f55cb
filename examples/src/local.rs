//! A greeter of this process, for the code in Farcall's documentation.

use crate::{
    greeter::MyGreeter,
    hello::{GreeterClient, GreeterServer},
};
use farcall::{Channel, Server};
use std::error::Error;

/// Serves [`MyGreeter`] on a free port until the runtime ends; a client of it.
///
/// # Errors
/// There is no free port.
///
/// ```
/// use farcall_examples::{hello::HelloRequest, local};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = local::greeter().await?;
/// let reply = client.say_hello(HelloRequest { name: "Ada".into() }).await?;
/// assert_eq!(reply.message, "Hello, Ada!");
/// # Ok(()) }
/// ```
pub async fn greeter() -> Result<GreeterClient, Box<dyn Error>> {
    Ok(GreeterClient::new(channel().await?))
}

/// As [`greeter`], without the client.
///
/// # Errors
/// There is no free port.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// farcall_examples::local::channel().await?.connect().await?;
/// # Ok(()) }
/// ```
pub async fn channel() -> Result<Channel, Box<dyn Error>> {
    let server = Server::builder()
        .add_service(GreeterServer::new(MyGreeter))
        .bind("127.0.0.1:0")
        .await?;
    let target = format!("ipv4:{}", server.local_addr()?);
    tokio::spawn(server.serve());
    Ok(Channel::builder(target).insecure().build()?)
}
