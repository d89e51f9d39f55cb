//! Targets of virtual machines.

use bytes::Bytes;
use farcall_net::{Address, Channel, Code, client::ByteStream, lb::Location};
#[cfg(target_os = "linux")]
use farcall_net::{Server, peer::SocketAddress};
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

/// Listens at a port that the system chooses; `None`, said loudly, where the system has no such sockets.
#[cfg(target_os = "linux")]
async fn listening(server: Server) -> Option<farcall_net::server::Bound> {
    match server.bind("vsock::4294967295").await {
        Ok(server) => Some(server),
        Err(error) => {
            println!("SKIPPED: no vsock here: {error}");
            None
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_listens_on_vsock_and_says_where() {
    let server = || StubServer::unary(ECHO, |_| async { Ok(Bytes::new()) }).server();
    for server in [server(), server().shards(2)] {
        let Some(server) = listening(server).await else {
            return;
        };
        let &SocketAddress::Vsock { cid, port } = server.local_address() else {
            panic!("{}", server.local_address());
        };
        assert_eq!(cid, u32::MAX);
        assert_ne!(port, u32::MAX);
        let address = format!("vsock::{port}");
        let second = StubServer::unary(ECHO, |_| async { Ok(Bytes::new()) }).server();
        let error = second.bind(&address).await.unwrap_err();
        let error = error.bind_error().unwrap();
        assert!(error.is_in_use(), "{error}");
        assert_eq!(error.address(), address);
    }
}

/// Needs the kernel's module vsock_loopback, through which a machine reaches itself as machine 1.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_call_over_vsock_reaches_the_server_and_the_handler_sees_who_called() {
    if !std::path::Path::new("/sys/module/vsock_loopback").exists() {
        println!("SKIPPED: this machine cannot reach itself: no module vsock_loopback");
        return;
    }
    let server = StubServer::unary(ECHO, |request| async move {
        let peer = request.peer().expect("known on a server");
        let text = format!("{} at {}", peer.remote_address(), peer.local_address());
        Ok(Bytes::from(text))
    });
    let Some(server) = listening(server.server()).await else {
        return;
    };
    let &SocketAddress::Vsock { port, .. } = server.local_address() else {
        panic!("{}", server.local_address());
    };
    tokio::spawn(server.serve());
    let connect = |address: &Address| {
        let &Location::Vsock { cid, port } = address.location() else {
            panic!("{address}");
        };
        Box::pin(async move { Ok(Box::new(vsock(cid, port)?) as Box<dyn ByteStream>) }) as _
    };
    let channel = Channel::builder(format!("vsock:1:{port}"));
    let channel = channel.connector(connect).insecure().build().unwrap();
    let reply = calls::unary(&channel, ECHO, Bytes::new()).await.unwrap();
    let text = String::from_utf8(reply.to_vec()).unwrap();
    assert!(text.starts_with("vsock:1:"), "{text}");
    assert!(text.ends_with(&format!(" at vsock:1:{port}")), "{text}");
}

/// A client's socket, as a connector makes one: for tokio it is a Unix socket.
#[cfg(target_os = "linux")]
fn vsock(cid: u32, port: u32) -> std::io::Result<tokio::net::UnixStream> {
    use std::os::{fd::OwnedFd, unix::net::UnixStream};
    let socket = socket2::Socket::new(socket2::Domain::VSOCK, socket2::Type::STREAM, None)?;
    socket.connect(&socket2::SockAddr::vsock(cid, port))?;
    socket.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(UnixStream::from(OwnedFd::from(socket)))
}
