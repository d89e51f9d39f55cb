//! The four kinds of call in twenty lines of one's own, the server's side: `twenty-server [ADDRESS]`.
//!
//! It wants to know the tenant, by metadata, and says in detail when it does not. The callers' deadlines hold by
//! themselves: a handler that is late is dropped.

use farcall::status::rpc::ErrorInfo;
use farcall::{Metadata, Request, Response, Sender, Server, Status, Streaming};
use farcall_examples::hello::{Greeter, GreeterServer, HelloReply, HelloRequest};
use std::env::args;

struct MyGreeter;

#[rustfmt::skip]
fn greet(name: &str, metadata: &Metadata) -> Result<HelloReply, Status> {
    let why = ErrorInfo { reason: "NO_TENANT".into(), ..ErrorInfo::default() };
    let tenant = metadata.get("tenant").ok_or(Status::unauthenticated("who?").with_detail(why))?;
    Ok(HelloReply { message: format!("Hello, {name} of {tenant}!") })
}

#[rustfmt::skip]
impl Greeter for MyGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        Ok(greet(&request.name, request.metadata())?.into())
    }
    async fn say_hello_in_every_language(&self, request: Request<HelloRequest>, replies: &mut Sender<HelloReply>) -> Result<(), Status> {
        replies.send(greet(&request.name, request.metadata())?).await?;
        replies.send(HelloReply { message: format!("Bonjour, {}!", request.name) }).await
    }
    async fn say_hello_to_all(&self, mut requests: Request<Streaming<HelloRequest>>) -> Result<Response<HelloReply>, Status> {
        let mut names = Vec::new();
        while let Some(request) = requests.message().await? { names.push(request.name); }
        Ok(greet(&names.join(" and "), requests.metadata())?.into())
    }
    async fn say_hello_to_each(&self, mut requests: Request<Streaming<HelloRequest>>, replies: &mut Sender<HelloReply>) -> Result<(), Status> {
        while let Some(request) = requests.message().await? { replies.send(greet(&request.name, requests.metadata())?).await?; }
        Ok(())
    }
}

#[rustfmt::skip]
#[tokio::main]
async fn main() -> Result<(), farcall::ServeError> {
    Server::builder().add_service(GreeterServer::new(MyGreeter)).serve(&args().nth(1).unwrap_or("[::]:50051".into())).await
}
