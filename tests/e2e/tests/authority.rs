//! Whose name a call carries: the user's, that of the credentials, or the target's.

use bytes::Bytes;
use farcall_net::{
    Address, Channel, ChannelBuilder, Code, Request,
    lb::{Authority, Endpoint, resolver::ResolverUpdate},
    resolver::ManualResolver,
    tls::{ClientTls, ServerTls},
};
use farcall_testkit::stub_server::{RunningStub, StubServer, calls};

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

/// A server at 127.0.0.1 that tells the authority of calls; its certificate is for `localhost` and that address.
async fn telling() -> RunningStub {
    let stub = StubServer::unary(WHO, |request: Request<Bytes>| async move {
        Ok(Bytes::from(request.authority().to_owned()))
    });
    let tls = ServerTls::from_pem(CERTIFICATE, KEY).unwrap();
    stub.configure(move |server| server.tls(tls.clone()))
        .start()
        .await
}

fn trusting() -> ClientTls {
    ClientTls::ca_pem(CA).unwrap()
}

/// A channel to this endpoint, whose own authority is `fleet.example`, or the one that the user has given.
fn channel_to(endpoint: Endpoint, tls: ClientTls, users: Option<&str>) -> Channel {
    let fleet = ManualResolver::new("fleet");
    let mut builder = Channel::builder("fleet:///fleet.example")
        .resolver(fleet.clone())
        .tls(tls);
    if let Some(users) = users {
        builder = builder.authority(users);
    }
    fleet.update(ResolverUpdate::endpoints([endpoint]));
    builder.build().unwrap()
}

async fn who(channel: &Channel) -> String {
    let reply = calls::unary(channel, WHO, Bytes::new()).await.unwrap();
    String::from_utf8(reply.to_vec()).unwrap()
}

fn named(name: &str) -> Authority {
    Authority::new(name).unwrap()
}

#[tokio::test]
async fn an_address_can_have_a_name_which_the_server_must_prove_and_its_calls_carry() {
    let stub = telling().await;
    let address = Address::from(stub.address());
    let named_address = address.clone().with_authority(named("localhost:7"));
    for endpoint in [
        Endpoint::from(named_address.clone()),
        Endpoint::from(address.clone()).with_authority(named("localhost:7")),
        Endpoint::from(named_address).with_authority(named("elsewhere.example")),
    ] {
        let channel = channel_to(endpoint, trusting(), None);
        for _ in 0..3 {
            assert_eq!(who(&channel).await, "localhost:7");
        }
    }
    let wrong = Endpoint::from(address.with_authority(named("elsewhere.example")));
    let channel = channel_to(wrong, trusting(), None);
    let status = calls::unary(&channel, WHO, Bytes::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.to_string().contains("elsewhere.example"), "{status}");
}

#[tokio::test]
async fn the_authority_that_the_user_gave_the_channel_comes_before_that_of_an_address() {
    let stub = telling().await;
    let address = Address::from(stub.address()).with_authority(named("elsewhere.example"));
    let channel = channel_to(address.into(), trusting(), Some("localhost"));
    assert_eq!(who(&channel).await, "localhost");
}

#[tokio::test]
async fn a_call_can_name_the_server_if_the_servers_certificate_is_valid_for_the_name() {
    let stub = telling().await;
    let channel = stub.channel_builder().tls(trusting()).build().unwrap();
    let call = |name: &str| calls::unary(&channel, WHO, Bytes::new()).authority(name);
    for name in ["localhost", "LOCALHOST:99", "127.0.0.1", "localhost"] {
        assert_eq!(call(name).await.unwrap()[..], *name.as_bytes());
    }
    let others = calls::unary(&channel, WHO, Bytes::new()).await.unwrap();
    assert_eq!(others[..], *stub.address().to_string().as_bytes());
    for name in ["elsewhere.example", "127.0.0.2", "localhost.example:443"] {
        let status = call(name).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        let message = status.message();
        assert!(message.contains("the option authority"), "{status}");
        assert!(message.contains(name), "{status}");
    }
    // The connection has not suffered.
    assert_eq!(call("localhost").await.unwrap()[..], *b"localhost");
}

#[tokio::test]
async fn a_call_on_a_plaintext_channel_can_have_any_name_also_behind_interceptors() {
    let stub = StubServer::unary(WHO, |request: Request<Bytes>| async move {
        Ok(Bytes::from(request.authority().to_owned()))
    });
    let stub = stub.start().await;
    let channel = stub.channel();
    let call = |name: &str| calls::unary(&channel, WHO, Bytes::new()).authority(name);
    assert_eq!(call("any.example").await.unwrap()[..], *b"any.example");
    let around = call("any.example").extension(7);
    assert_eq!(around.await.unwrap()[..], *b"any.example");
}

#[tokio::test]
async fn a_text_that_is_no_authority_fails_the_call_and_names_the_option() {
    let stub = StubServer::unary(WHO, |_| async { Ok(Bytes::new()) })
        .start()
        .await;
    let channel = stub.channel();
    for text in ["", "a b", "me@host", "host/path"] {
        let call = calls::unary(&channel, WHO, Bytes::new()).authority(text);
        let status = call.await.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        assert!(
            status.message().contains("the option authority"),
            "{status}"
        );
    }
}
