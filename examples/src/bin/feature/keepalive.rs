//! Either side can find out that the other is gone without a word: it sends a PING and waits for the answer.

use crate::Outcome;
use farcall::{Channel, Server};
use farcall_examples::{
    greeter::MyGreeter,
    hello::{GreeterClient, GreeterServer, HelloRequest},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What every HTTP/2 client says first (RFC 9113 §3.4), and an empty SETTINGS frame.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
const SETTINGS_ACK: &[u8] = &[0, 0, 0, 4, 1, 0, 0, 0, 0];

pub(crate) async fn run() -> Outcome {
    let server = Server::builder()
        .add_service(GreeterServer::new(MyGreeter))
        .keepalive(Duration::from_secs(1), Duration::from_millis(200)) // a second is the least
        // Clients that ping more often than this are sent away.
        .keepalive_enforcement(Duration::from_secs(10), true)
        .bind("127.0.0.1:0")
        .await?;
    let address = server.local_addr()?;
    tokio::spawn(server.serve());

    // A client that says hello and nothing after it, as if its cable had been pulled.
    let mut silent = TcpStream::connect(address).await?;
    silent.write_all(HELLO).await?;
    silent.write_all(SETTINGS_ACK).await?;
    let mut told = Vec::new();
    silent.read_to_end(&mut told).await?;
    let ping = told.windows(4).any(|bytes| bytes == [0, 8, 6, 0]);
    println!("the silent client was asked: {ping}, and given up");

    // A client that watches its server: every 30 s, also without calls. Values below 10 s count as 10 s.
    let (interval, timeout) = (Duration::from_secs(30), Duration::from_secs(5));
    let channel = Channel::builder(format!("ipv4:{address}")).insecure().keepalive(interval, timeout, true).build()?;
    let client = GreeterClient::new(channel);
    client.say_hello(HelloRequest { name: "Ada".into() }).await?;
    tokio::time::sleep(Duration::from_secs(2)).await; // longer than the server's patience: this one answers its pings
    let reply = client.say_hello(HelloRequest { name: "Ada, still there".into() }).await?;
    println!("{}", reply.message);
    Ok(())
}
