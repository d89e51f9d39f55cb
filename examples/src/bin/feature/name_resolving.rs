//! A resolver of one's own: names that only this program knows, and backends that change while calls go on.

use crate::Outcome;
use farcall::{
    Address, Channel, Request, Response, Server, Status, lb::resolver::ResolverUpdate,
    resolver::ManualResolver,
};
use farcall_examples::hello::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};

struct Backend(&'static str);

impl Greeter for Backend {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let message = format!("{}, asked as {}", self.0, request.authority());
        Ok(HelloReply { message }.into())
    }
}

async fn backend(name: &'static str) -> Result<Address, farcall::ServeError> {
    let server = Server::builder().add_service(GreeterServer::new(Backend(name)));
    let server = server.bind("127.0.0.1:0").await?;
    let address = server.local_address().ip().expect("it listens on an IP address");
    tokio::spawn(server.serve());
    Ok(address.into())
}

pub(crate) async fn run() -> Outcome {
    // `farcall::resolver::ResolverTask` and `lb::resolver::Resolver` are for those that look names up; see `src/numbered.rs`.
    let team = ManualResolver::new("team");
    let channel = Channel::builder("team:///greeters.example").resolver(team.clone());
    let client = GreeterClient::new(channel.insecure().build()?);

    team.update(ResolverUpdate::endpoints([backend("the old one").await?.into()]));
    println!("{}", client.say_hello(HelloRequest::default()).await?.message);

    team.update(ResolverUpdate::endpoints([backend("the new one").await?.into()]));
    loop {
        // The old one serves until the new one is ready.
        let reply = client.say_hello(HelloRequest::default()).await?;
        if reply.message.starts_with("the new one") {
            println!("{}", reply.message);
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}
