//! Servers in this process, and environments that reach them.

use farcall::{Server, ServerTls};
use farcall_interop::{
    TEST_CA, TEST_CERTIFICATE, TEST_KEY,
    env::{Env, ServerAddress},
    pb::{TestService, TestServiceServer},
    server::TestServer,
};
use std::net::SocketAddr;

/// Serves until the test's runtime ends.
pub(crate) async fn serve<S: TestService>(service: S) -> SocketAddr {
    start(Server::builder(), service).await
}

/// As [`serve`], with TLS and the certificate of the test CA.
pub(crate) async fn serve_tls() -> SocketAddr {
    let tls =
        ServerTls::from_pem(TEST_CERTIFICATE, TEST_KEY).expect("the test certificate is good");
    start(Server::builder().tls(tls), TestServer::new()).await
}

async fn start<S: TestService>(builder: Server, service: S) -> SocketAddr {
    let server = builder
        .max_receive_message_size(64 << 20)
        .add_service(TestServiceServer::new(service));
    let bound = server
        .bind("127.0.0.1:0")
        .await
        .expect("a free port of the loopback interface");
    let address = bound.local_addr().expect("it listens on an IP address");
    tokio::spawn(bound.serve());
    address
}

/// An environment without TLS.
pub(crate) fn env(address: SocketAddr) -> Env {
    build(address, false)
}

/// An environment that trusts the test CA.
pub(crate) fn env_tls(address: SocketAddr) -> Env {
    build(address, true)
}

fn build(address: SocketAddr, tls: bool) -> Env {
    let address = ServerAddress {
        host: address.ip().to_string(),
        port: address.port(),
        tls: tls.then(|| Some(TEST_CA.to_owned())),
        name: tls.then(|| "foo.test.google.fr".to_owned()),
        target: None,
        service_config: None,
        max_retry_buffer: None,
    };
    let mut env = Env::new(address).expect("the address of a running server makes a channel");
    env.long_lived_interval = std::time::Duration::ZERO;
    env
}
