//! A server that forwards every call of every kind to another one, without knowing what it is.

use crate::Outcome;
use bytes::Bytes;
use farcall::{
    Channel, Method, MethodDescriptor, MethodKind, Raw, Request, Sender, Server, Status, Streaming, client::BidiCall,
    server::UnknownService,
};
use farcall_examples::{
    greeter::MyGreeter,
    hello::{GreeterClient, GreeterServer, HelloRequest},
};
use std::future::pending;

struct Proxy {
    backend: Channel,
}

impl UnknownService for Proxy {
    async fn call(&self, mut from: Request<Streaming<Bytes>>, to: &mut Sender<Bytes>) -> Result<(), Status> {
        let path = from.method().to_owned();
        let method = MethodDescriptor::new(path, MethodKind::Bidi);
        let method = Method::new(method.map_err(|error| Status::internal(error.to_string()))?, Raw);
        // Deadline and cancellation go along by themselves.
        let call = BidiCall::new(&self.backend, &method).all_metadata(from.metadata());
        let (mut requests, mut replies) = call.split();
        let there = async {
            while let Some(message) = from.message().await? {
                if requests.send(message).await.is_err() {
                    // The backend has said its last word: the way back has it.
                    return pending().await;
                }
            }
            requests.half_close();
            pending::<Result<(), Status>>().await
        };
        let back = async {
            *to.metadata_mut() = replies.metadata().await.map_err(Status::forward)?.clone();
            to.metadata_mut().insert("forwarded", "yes");
            while let Some(message) = replies.message().await.map_err(Status::forward)? {
                to.send(message).await?;
            }
            *to.trailers_mut() = replies.trailers().cloned().unwrap_or_default();
            Ok(())
        };
        tokio::select! { end = there => end, end = back => end }
    }
}

pub(crate) async fn run() -> Outcome {
    let backend = Server::builder().add_service(GreeterServer::new(MyGreeter)).in_process()?;
    let front = Server::builder().unknown_service(Proxy { backend }).in_process()?;

    let client = GreeterClient::new(front);
    let hello = |name: &str| HelloRequest { name: name.into() };
    let reply = client.say_hello(hello("Ada")).await?;
    println!("{} (forwarded: {:?})", reply.message, reply.metadata().get("forwarded"));
    let (mut names, mut replies) = client.say_hello_to_each().split();
    for name in ["Grace", "Barbara"] {
        names.send(hello(name)).await?;
        println!("{}", replies.message().await?.unwrap_or_default().message);
    }
    println!("{}", client.say_hello(hello("")).await.unwrap_err());
    Ok(())
}
