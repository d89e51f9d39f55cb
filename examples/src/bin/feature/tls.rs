//! TLS: the server shows a certificate, the client checks it against the authorities that it trusts.

use crate::Outcome;
use farcall::{Channel, ClientTls, Server, ServerTls};
use farcall_examples::{
    greeter::MyGreeter,
    hello::{GreeterClient, GreeterServer, HelloRequest},
};

/// Files of one's own come with `from_pem_files` and `ca_pem_file`; those are read again when they change.
const CA: &str = include_str!("../../../data/tls/ca.pem");
const CERTIFICATE: &str = include_str!("../../../data/tls/server.pem");
const KEY: &str = include_str!("../../../data/tls/server.key");

pub(crate) async fn run() -> Outcome {
    let server = Server::builder()
        .tls(ServerTls::from_pem(CERTIFICATE, KEY)?)
        .add_service(GreeterServer::new(MyGreeter))
        .bind("127.0.0.1:0")
        .await?;
    let target = format!("dns:///localhost:{}", server.local_addr()?.port());
    tokio::spawn(server.serve());

    let hello = || HelloRequest { name: "Ada, in private".into() };
    let trusting = Channel::builder(&target).tls(ClientTls::ca_pem(CA)?).build()?;
    println!("{}", GreeterClient::new(trusting).say_hello(hello()).await?.message);

    // What the system trusts is not enough for a certificate of one's own.
    let wary = Channel::builder(&target).tls(ClientTls::system_roots()).build()?;
    let refused = GreeterClient::new(wary).say_hello(hello()).await.unwrap_err();
    println!("with the system's authorities: {}", refused.code());
    Ok(())
}
