//! HTTP/1.1 and gRPC on one port.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, within};
use farcall_net::Server;
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{StubServer, calls},
};
use std::{convert::Infallible, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    net::TcpStream,
};

fn stub() -> StubServer {
    StubServer::unary("/t.T/Quick", |_| async { Ok(Bytes::from("here")) })
}

fn refusing(server: Server) -> Server {
    server.http1(connection_refused)
}

async fn connection_refused(connection: farcall_net::server::Http1Connection) {
    assert!(connection.peer().remote_address().ip().is_some());
    connection.refuse("This port is for gRPC.").await;
}

/// Sends a request in pieces, and reads to the end.
async fn ask(address: SocketAddr, pieces: &[&str]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        stream.write_all(piece.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut answer = String::new();
    let reading = stream.read_to_string(&mut answer);
    within(PATIENCE, "the answer", reading).await.unwrap();
    answer
}

#[tokio::test]
async fn a_client_that_speaks_http_1_is_refused_in_its_own_words_on_the_port_of_grpc() {
    let stub = stub().configure(refusing).start().await;
    let pieces: [&[&str]; 3] = [
        &["GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
        &["P", "UT", " /x HTTP/1.1\r\nHo", "st: x\r\n\r", "\n"],
        &["POST /t.T/Quick HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"],
    ];
    for pieces in pieces {
        let answer = ask(stub.address(), pieces).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{answer}"
        );
        assert!(
            answer.ends_with("\r\n\r\nThis port is for gRPC.\n"),
            "{answer}"
        );
    }
    let reply = calls::unary(&stub.channel(), "/t.T/Quick", Bytes::new()).await;
    assert_eq!(*reply.unwrap(), "here");
    assert_eq!(stub.peer_reports().snapshot().goaways_sent, 0);
}

#[tokio::test]
async fn an_http_server_of_somebody_else_takes_the_connection_from_its_first_octet_on() {
    let stub = stub().configure(|server| {
        server.http1(|connection| async move {
            let draining = connection.draining();
            let answer = |request: hyper::Request<hyper::body::Incoming>| async move {
                let text = format!("{} {}", request.method(), request.uri());
                Ok::<_, Infallible>(hyper::Response::new(text))
            };
            let io = hyper_util::rt::TokioIo::new(connection);
            let service = hyper::service::service_fn(answer);
            let serving = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
            let mut serving = std::pin::pin!(serving);
            tokio::select! {
                end = serving.as_mut() => return end.unwrap(),
                () = draining => serving.as_mut().graceful_shutdown(),
            }
            serving.await.unwrap();
        })
    });
    let mut stub = stub.start().await;
    let request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = ask(stub.address(), &[request]).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nGET /healthz"), "{answer}");
    let reply = calls::unary(&stub.channel(), "/t.T/Quick", Bytes::new()).await;
    assert_eq!(*reply.unwrap(), "here");
    // A connection that is kept alive ends when the server drains.
    let mut kept = TcpStream::connect(stub.address()).await.unwrap();
    kept.write_all(b"GET /kept HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![0; 4096];
    let read = within(PATIENCE, "the answer", kept.read(&mut answer))
        .await
        .unwrap();
    assert!(read > 0);
    stub.begin_shutdown();
    let report = within(PATIENCE / 2, "the shutdown", stub.wait()).await;
    assert_eq!((report.connections_cut, report.calls_cut), (0, 0));
    let end = within(PATIENCE, "the end", kept.read(&mut answer)).await;
    assert_eq!(end.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn grpc_is_told_apart_wherever_its_first_octets_are_cut() {
    for seed in 0..50 {
        let stub = stub().configure(|server| server.http1(|_| async { panic!("not HTTP/1.1") }));
        let stub = stub.simulated(seed, NetConfig::default());
        let reply = calls::unary(stub.channel(), "/t.T/Quick", Bytes::new()).await;
        assert_eq!(*reply.unwrap(), "here");
    }
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for() {
    let server = stub()
        .configure(|server| server.http1(|_| async {}))
        .unbound();
    let (mut near, far) = duplex(1024);
    let start = tokio::time::Instant::now();
    tokio::spawn(server.serve(far));
    assert_eq!(near.read(&mut [0; 64]).await.unwrap(), 0);
    assert_eq!(start.elapsed(), Duration::from_secs(20));
    assert_eq!(server.peer_reports().snapshot().handshakes_failed, 1);
}
