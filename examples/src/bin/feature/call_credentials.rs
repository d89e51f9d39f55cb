//! Tokens with every call: fetched when they are needed, sent over TLS alone.

use crate::Outcome as Done;
use farcall::{
    Channel, ClientTls, Server, ServerTls, Status,
    credentials::{AccessToken, Token},
    interceptor::{Call, Interceptor, Next, Outcome},
};
use farcall_examples::{
    greeter::MyGreeter,
    hello::{GreeterClient, GreeterServer, HelloRequest},
};
use std::time::Duration;

const CA: &str = include_str!("../../../data/tls/ca.pem");
const SERVER: [&str; 2] = [
    include_str!("../../../data/tls/server.pem"),
    include_str!("../../../data/tls/server.key"),
];

/// Looks at the tokens of a server's callers.
struct Doorman;

impl Interceptor for Doorman {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        match call.metadata().get("authorization") {
            Some("Bearer sesame") => next.run(call).await,
            _ => Err(Status::unauthenticated("no token, no greeting")),
        }
    }
}

pub(crate) async fn run() -> Done {
    let server = Server::builder()
        .tls(ServerTls::from_pem(SERVER[0], SERVER[1])?)
        .interceptor(Doorman)
        .add_service(GreeterServer::new(MyGreeter))
        .bind("127.0.0.1:0")
        .await?;
    let target = format!("dns:///localhost:{}", server.local_addr()?.port());
    tokio::spawn(server.serve());
    let name = || HelloRequest { name: "Ada".into() };

    let token = Token::refreshing(|| async {
        println!("a token is fetched");
        Ok(AccessToken::new("sesame").expires_in(Duration::from_secs(3600)))
    });
    let channel = Channel::builder(&target)
        .tls(ClientTls::ca_pem(CA)?)
        .call_credentials(token)
        .build()?;
    let client = GreeterClient::new(channel);
    println!("{}", client.say_hello(name()).await?.message);
    println!("{}", client.say_hello(name()).await?.message);

    let bare = Channel::builder(&target).tls(ClientTls::ca_pem(CA)?).build()?;
    let bare = GreeterClient::new(bare);
    println!("{}", bare.say_hello(name()).await.unwrap_err());
    let wrong = bare.say_hello(name()).credentials(Token::fixed("mellon"));
    println!("{}", wrong.await.unwrap_err());

    let plaintext = Channel::builder(&target).insecure().build()?;
    let call = GreeterClient::new(plaintext).say_hello(name());
    println!("{}", call.credentials(Token::fixed("sesame")).await.unwrap_err());
    Ok(())
}
