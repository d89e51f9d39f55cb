//! A backend with addresses of both families: they take turns, 250 ms apart, and the first that answers is used (RFC 8305).

use crate::Outcome;
use farcall::{
    Address, Channel, Server,
    lb::{Endpoint, resolver::ResolverUpdate},
    resolver::ManualResolver,
};
use farcall_examples::{
    greeter::MyGreeter,
    hello::{GreeterClient, GreeterServer, HelloRequest},
};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

pub(crate) async fn run() -> Outcome {
    // `[::]` takes connections of both families.
    let builder = Server::builder().add_service(GreeterServer::new(MyGreeter));
    let server = builder.bind("[::]:0").await?;
    let port = server.local_addr()?.port();
    tokio::spawn(server.serve());

    let addresses = |first: Address, second: Address| [Endpoint::new([first, second])];
    let v6 = Address::from(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
    let v4 = Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    // An address for documentation: nobody is there, and nobody refuses either (RFC 3849).
    let silent = Address::from(SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), port)));

    for (what, list) in [("both", addresses(v6, v4.clone())), ("only IPv4", addresses(silent, v4))] {
        let backend = ManualResolver::new("both");
        backend.update(ResolverUpdate::endpoints(list));
        let channel = Channel::builder("both:///greeter").resolver(backend).insecure().build()?;
        let reply = GreeterClient::new(channel).say_hello(HelloRequest { name: what.into() }).await?;
        println!("{}", reply.message);
    }
    Ok(())
}
