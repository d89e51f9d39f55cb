//! Messages are compressed for a channel, for one call, or for one response. Both sides accept gzip without being told.

use crate::Outcome;
use farcall::{Channel, Encoding, Request, Response, Status};
use farcall_examples::{
    hello::{Greeter, GreeterClient, HelloReply, HelloRequest},
    local,
};

struct Brief;

impl Greeter for Brief {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let how = match request.message_was_compressed() {
            true => "compressed",
            false => "as it is",
        };
        let message = format!("a name of {} letters came {how}", request.name.len());
        let mut response = Response::new(HelloReply { message });
        // Only for a client that accepts it; others get the message as it is.
        response.set_compression(Encoding::Gzip);
        Ok(response)
    }
}

pub(crate) async fn run() -> Outcome {
    let target = local::channel(Brief).await?.target();
    let request = || HelloRequest { name: "a".repeat(100_000) };

    let channel = Channel::builder(target).insecure().compress(Encoding::Gzip).build()?;
    let client = GreeterClient::new(channel);
    let reply = client.say_hello(request()).await?;
    println!("{}; the reply was compressed: {}", reply.message, reply.message_was_compressed());

    let reply = client.say_hello(request()).compress(Encoding::Identity).await?;
    println!("{}; the reply was compressed: {}", reply.message, reply.message_was_compressed());
    Ok(())
}
