//! Whose name a call carries: the user's, that of the credentials, or the target's.

use bytes::Bytes;
use farcall_net::{ChannelBuilder, Request, tls::ClientTls, tls::ServerTls};
use farcall_testkit::stub_server::{StubServer, calls};

const WHO: &str = "/t.T/Who";
const CA: &str = include_str!("../../../crates/net/src/tls/testdata/ca.pem");
const CERTIFICATE: &str = include_str!("../../../crates/net/src/tls/testdata/server.pem");
const KEY: &str = include_str!("../../../crates/net/src/tls/testdata/server.key");

/// The authority that a server at 127.0.0.1 sees of a channel with these settings; `PORT` in place of its port.
async fn seen(settings: impl FnOnce(ChannelBuilder) -> ChannelBuilder) -> String {
    let stub = StubServer::unary(WHO, |request: Request<Bytes>| async move {
        Ok(Bytes::from(request.authority().to_owned()))
    });
    let tls = || ServerTls::from_pem(CERTIFICATE, KEY).unwrap();
    let stub = stub
        .configure(move |server| server.tls(tls()))
        .start()
        .await;
    let channel = settings(stub.channel_builder()).build().unwrap();
    let reply = calls::unary(&channel, WHO, Bytes::new()).await.unwrap();
    let port = format!(":{}", stub.address().port());
    String::from_utf8(reply.to_vec())
        .unwrap()
        .replace(&port, ":PORT")
}

#[tokio::test]
async fn the_users_authority_comes_before_the_credentials_and_theirs_before_the_targets() {
    let trusting = || ClientTls::ca_pem(CA).unwrap();
    let named = || trusting().server_name("localhost").unwrap();
    assert_eq!(
        seen(|channel| channel.tls(trusting())).await,
        "127.0.0.1:PORT"
    );
    assert_eq!(seen(|channel| channel.tls(named())).await, "localhost");
    let users = seen(|channel| channel.tls(named()).authority("localhost:77"));
    assert_eq!(users.await, "localhost:77");
}
