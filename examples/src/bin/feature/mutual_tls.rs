//! TLS in both directions: the server wants a certificate of its clients, and handlers see it.

use crate::Outcome;
use farcall::{Channel, ClientTls, Request, Response, Server, ServerTls, Status};
use farcall_examples::hello::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};

const CA: &str = include_str!("../../../data/tls/ca.pem");
const SERVER: [&str; 2] = [
    include_str!("../../../data/tls/server.pem"),
    include_str!("../../../data/tls/server.key"),
];
const CLIENT: [&str; 2] = [
    include_str!("../../../data/tls/client.pem"),
    include_str!("../../../data/tls/client.key"),
];

struct Doorman;

impl Greeter for Doorman {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let tls = request.peer().and_then(|peer| peer.tls());
        let tls = tls.ok_or_else(|| Status::unauthenticated("not without TLS"))?;
        // In DER, as it came; a crate for X.509 reads names out of it.
        let shown = tls.certificates().len();
        let message = format!("{:?}, and the client has shown {shown} certificate(s)", tls.version());
        Ok(HelloReply { message }.into())
    }
}

pub(crate) async fn run() -> Outcome {
    let server = Server::builder()
        .tls(ServerTls::from_pem(SERVER[0], SERVER[1])?.client_ca_pem(CA)?)
        .add_service(GreeterServer::new(Doorman))
        .bind("127.0.0.1:0")
        .await?;
    let target = format!("dns:///localhost:{}", server.local_addr()?.port());
    tokio::spawn(server.serve());

    let known = ClientTls::ca_pem(CA)?.identity_pem(CLIENT[0], CLIENT[1])?;
    let known = GreeterClient::new(Channel::builder(&target).tls(known).build()?);
    println!("{}", known.say_hello(HelloRequest::default()).await?.message);

    let stranger = Channel::builder(&target).tls(ClientTls::ca_pem(CA)?).build()?;
    let refused = GreeterClient::new(stranger).say_hello(HelloRequest::default()).await;
    println!("without a certificate: {}", refused.unwrap_err().code());
    Ok(())
}
