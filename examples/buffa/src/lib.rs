//! The greeter with messages of buffa in place of prost's. Handlers get views of the requests, which copy no text.

/// What buffa has generated.
#[allow(missing_docs, unreachable_pub, reason = "generated")]
pub mod messages {
    include!(concat!(env!("OUT_DIR"), "/messages.rs"));
}

farcall::include_protos!();

use farcall::{Request, Response, Sender, Status, Streaming};
use farcall_buffa::View;
use hello::Greeter;
use messages::hello::{HelloReply, HelloRequest};

/// Greets.
#[derive(Debug)]
pub struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(
        &self,
        request: Request<View<HelloRequest>>,
    ) -> Result<Response<HelloReply>, Status> {
        Ok(reply("Hello", request.name()).into())
    }

    async fn say_hello_in_every_language(
        &self,
        request: Request<View<HelloRequest>>,
        replies: &mut Sender<HelloReply>,
    ) -> Result<(), Status> {
        for word in ["Hello", "Bonjour", "Hallo"] {
            replies.send(reply(word, request.name())).await?;
        }
        Ok(())
    }

    async fn say_hello_to_all(
        &self,
        mut requests: Request<Streaming<View<HelloRequest>>>,
    ) -> Result<Response<HelloReply>, Status> {
        let mut everybody = String::new();
        while let Some(request) = requests.message().await? {
            let comma = if everybody.is_empty() { "" } else { ", " };
            everybody = format!("{everybody}{comma}{}", request.name());
        }
        Ok(reply("Hello", &everybody).into())
    }

    async fn say_hello_to_each(
        &self,
        mut requests: Request<Streaming<View<HelloRequest>>>,
        replies: &mut Sender<HelloReply>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.message().await? {
            replies.send(reply("Hello", request.name())).await?;
        }
        Ok(())
    }
}

fn reply(word: &str, name: &str) -> HelloReply {
    HelloReply {
        message: format!("{word} {name}"),
        ..Default::default()
    }
}
