//! One port serves a web page, a JSON route and gRPC.

use bytes::Bytes;
use farcall::{Channel, Code};
use farcall_axum_example::serve;
use farcall_examples::hello::{GreeterClient, HelloRequest};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use std::{net::SocketAddr, time::Duration};
use tokio::net::{TcpListener, TcpStream};

async fn start() -> SocketAddr {
    start_with(Duration::from_secs(30)).await
}

async fn start_with(patience: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        serve(listener, patience, std::future::pending())
            .await
            .unwrap()
    });
    address
}

/// What a browser gets, over HTTP/1.1: content-type and body.
async fn browse(address: SocketAddr, path: &str) -> (String, String) {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get(path).header("host", "localhost");
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (kind, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_page_a_json_route_and_a_grpc_service_answer_on_the_same_port() {
    let address = start().await;
    let (kind, page) = browse(address, "/").await;
    assert!(
        kind.starts_with("text/html") && page.contains("Hello!"),
        "{kind}: {page}"
    );
    let (kind, json) = browse(address, "/hello/Ada").await;
    assert_eq!(
        (&kind[..], &json[..]),
        ("application/json", r#"{"message":"Hello, Ada!"}"#)
    );

    let channel = Channel::builder(format!("ipv4:{address}"))
        .insecure()
        .build()
        .unwrap();
    let client = GreeterClient::new(channel);
    let request = HelloRequest { name: "Ada".into() };
    let reply = client.say_hello(request.clone()).await.unwrap();
    assert_eq!(reply.message, "Hello, Ada!");
    let mut replies = client.say_hello_in_every_language(request).await.unwrap();
    let mut count = 0;
    while replies.message().await.unwrap().is_some() {
        count += 1;
    }
    assert!(count > 1);
    let (mut names, reply) = client.say_hello_to_all().split();
    for name in ["Ada", "Grace"] {
        names
            .send(HelloRequest { name: name.into() })
            .await
            .unwrap();
    }
    names.half_close();
    assert_eq!(reply.await.unwrap().message, "Hello, Ada, Grace!");
    let status = client.say_hello(HelloRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unimplemented() {
    let address = start().await;
    let channel = Channel::builder(format!("ipv4:{address}"))
        .insecure()
        .build()
        .unwrap();
    static OTHER: farcall::Method<Bytes, Bytes, farcall::Raw> = farcall::Method::with_codec(
        "/other.Service/Ask",
        farcall::MethodKind::Unary,
        farcall::Raw,
    );
    let call = farcall::client::UnaryCall::new(&channel, &OTHER, Bytes::new());
    assert_eq!(call.await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_middleware_that_has_enough_ends_the_call() {
    let address = start_with(Duration::from_millis(50)).await;
    let channel = Channel::builder(format!("ipv4:{address}"))
        .insecure()
        .build()
        .unwrap();
    let (_names, reply) = GreeterClient::new(channel).say_hello_to_all().split();
    let status = reply.await.unwrap_err(); // of HTTP's 504
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}
