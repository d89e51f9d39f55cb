//! Targets of virtual machines.

use bytes::Bytes;
use farcall_net::{Address, Channel, Code, client::ByteStream, lb::Location};
use farcall_testkit::{
    sim::{NetConfig, duplex},
    stub_server::{StubServer, calls},
};

const ECHO: &str = "/t.T/Echo";

#[tokio::test(start_paused = true)]
async fn a_vsock_target_reaches_the_connector_and_without_one_the_error_says_that_one_is_needed() {
    let stub = StubServer::unary(ECHO, |request| async move { Ok(Bytes::clone(&request)) });
    let server = stub.unbound();
    let connect = move |address: &Address| {
        assert_eq!(
            *address.location(),
            Location::Vsock {
                cid: 2,
                port: 50051
            }
        );
        let (near, far, _) = duplex(7, NetConfig::default());
        tokio::spawn(server.serve(far));
        Box::pin(async move { Ok(Box::new(near) as Box<dyn ByteStream>) }) as _
    };
    let builder = || Channel::builder("vsock:2:50051").insecure();
    let channel = builder().connector(connect).build().unwrap();
    let reply = calls::unary(&channel, ECHO, Bytes::from_static(b"hi")).await;
    assert_eq!(reply.unwrap()[..], *b"hi");

    let channel = builder().build().unwrap();
    let status = calls::unary(&channel, ECHO, Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let text = status.to_string();
    assert!(text.contains("vsock:2:50051"), "{text}");
    assert!(text.contains("ChannelBuilder::connector"), "{text}");
}
