//! A greeter of this process, for the code in Farcall's documentation.

use crate::{
    greeter::MyGreeter,
    hello::{Greeter, GreeterClient, GreeterServer},
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
    serve(MyGreeter).await
}

/// As [`greeter`], with a greeter of one's own.
///
/// # Errors
/// There is no free port.
///
/// ```
/// use farcall::Code;
/// use farcall_examples::{hello::{Greeter, HelloRequest}, local};
///
/// struct Mute;
/// impl Greeter for Mute {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = local::serve(Mute).await?;
/// let status = client.say_hello(HelloRequest::default()).await.unwrap_err();
/// assert_eq!(status.code(), Code::Unimplemented);
/// # Ok(()) }
/// ```
pub async fn serve(greeter: impl Greeter) -> Result<GreeterClient, Box<dyn Error>> {
    Ok(GreeterClient::new(channel(greeter).await?))
}

/// As [`serve`], with a channel in place of the client.
///
/// # Errors
/// There is no free port.
///
/// ```
/// use farcall_examples::{greeter::MyGreeter, local};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// local::channel(MyGreeter).await?.connect().await?;
/// # Ok(()) }
/// ```
pub async fn channel(greeter: impl Greeter) -> Result<Channel, Box<dyn Error>> {
    let server = Server::builder()
        .add_service(GreeterServer::new(greeter))
        .bind("127.0.0.1:0")
        .await?;
    let target = format!("ipv4:{}", server.local_addr()?);
    tokio::spawn(server.serve());
    Ok(Channel::builder(target).insecure().build()?)
}
