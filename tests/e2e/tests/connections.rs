//! How many connections a server holds.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, logged, within};
use farcall_net::{Code, Request};
use farcall_testkit::stub_server::{RunningStub, StubServer, calls};
use std::time::Duration;
use tokio::{io::AsyncReadExt, net::TcpStream};

async fn server(configure: fn(farcall_net::Server) -> farcall_net::Server) -> RunningStub {
    let stub = StubServer::unary("/t.T/Echo", |request: Request<Bytes>| async move {
        Ok(request.into_inner())
    });
    stub.configure(configure).start().await
}

/// A connection that is let in says something; one that is not ends without a word. Kept if it is let in.
async fn let_in(stub: &RunningStub) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(stub.address()).await.unwrap();
    let read = async {
        let mut first = [0; 1];
        matches!(stream.read(&mut first).await, Ok(1))
    };
    within(PATIENCE, "a word or the end", read)
        .await
        .then_some(stream)
}

async fn echo(channel: &farcall_net::Channel) -> Result<(), Code> {
    let call = calls::unary(channel, "/t.T/Echo", Bytes::from("hello")).timeout(PATIENCE);
    call.await.map(drop).map_err(|status| status.code())
}

#[tokio::test]
async fn beyond_max_connections_a_connection_is_closed_at_once_and_the_others_do_not_notice() {
    logged("");
    let stub = server(|server| server.max_connections(3)).await;
    let reports = stub.peer_reports();
    let neighbour = stub.channel();
    echo(&neighbour).await.unwrap();
    let held = [let_in(&stub).await.unwrap(), let_in(&stub).await.unwrap()];
    for _ in 0..100 {
        assert!(let_in(&stub).await.is_none());
        echo(&neighbour).await.unwrap();
    }
    // A client of gRPC's is told so that it can go elsewhere.
    assert_eq!(echo(&stub.channel()).await, Err(Code::Unavailable));
    let refused = reports.snapshot().connections_refused;
    assert!(refused > 100, "{refused}");
    let lines = logged("3 are open (max_connections)");
    assert!((1..20).contains(&lines.len()), "{lines:?}");

    drop(held);
    let again = async {
        while let_in(&stub).await.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(PATIENCE, "room", again).await;
}

#[tokio::test]
async fn an_address_can_have_a_limit_of_its_own() {
    logged("");
    let stub = server(|server| server.max_connections_per_address(2)).await;
    let held = [let_in(&stub).await, let_in(&stub).await];
    assert!(held.iter().all(Option::is_some));
    assert!(let_in(&stub).await.is_none());
    assert!(!logged("2 of its address are open (max_connections_per_address)").is_empty());
    // From another address there is room.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(stub.address()).await.unwrap();
    let word = async { other.read(&mut [0; 1]).await.unwrap() };
    assert_eq!(within(PATIENCE, "a word", word).await, 1);
}

#[tokio::test]
async fn the_limit_is_of_all_shards_together() {
    let stub = server(|server| server.shards(2).max_connections(4)).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.extend(let_in(&stub).await);
    }
    assert_eq!(held.len(), 4);
}

#[tokio::test]
async fn streams_that_a_server_is_given_are_counted_too() {
    let stub = StubServer::unary("/t.T/Echo", |_: Request<Bytes>| async { Ok(Bytes::new()) });
    let server = stub.configure(|server| server.max_connections(1)).unbound();
    let (near, far) = tokio::io::duplex(1024);
    tokio::spawn(server.serve(far));
    let (mut second, far) = tokio::io::duplex(1024);
    tokio::task::yield_now().await;
    server.serve(far).await;
    assert_eq!(second.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(server.peer_reports().snapshot().connections_refused, 1);
    drop(near);
}
