//! Messages of buffa at one end and of prost at the other, or at both.

use buffa::Message;
use bytes::Bytes;
use farcall::{Channel, Code, Method, MethodKind, Raw, Server, client::UnaryCall};
use farcall_buffa::{Buffa, View};
use farcall_buffa_example::{MyGreeter, hello, messages::hello as buffas};
use farcall_examples::{greeter, hello as prosts};

fn serving_buffa() -> Channel {
    let server = Server::builder().add_service(hello::GreeterServer::new(MyGreeter));
    server.in_process().unwrap()
}

fn serving_prost() -> Channel {
    let service = prosts::GreeterServer::new(greeter::MyGreeter);
    Server::builder().add_service(service).in_process().unwrap()
}

fn request(name: &str) -> buffas::HelloRequest {
    buffas::HelloRequest {
        name: name.into(),
        ..Default::default()
    }
}

/// All four kinds, by the client of this example.
async fn all_kinds(channel: Channel) {
    let client = hello::GreeterClient::new(channel);
    let reply = client.say_hello(request("Ada")).await.unwrap();
    assert_eq!(reply.message, "Hello Ada");
    let mut replies = client
        .say_hello_in_every_language(request("Ada"))
        .await
        .unwrap();
    let first = replies.message().await.unwrap().unwrap();
    assert_eq!(first.message, "Hello Ada");
    while replies.message().await.unwrap().is_some() {}

    let (mut requests, reply) = client.say_hello_to_all().split();
    for name in ["Ada", "Grace"] {
        requests.send(request(name)).await.unwrap();
    }
    requests.half_close();
    assert_eq!(reply.await.unwrap().message, "Hello Ada, Grace");

    let (mut requests, mut replies) = client.say_hello_to_each().split();
    for name in ["Ada", "Grace"] {
        requests.send(request(name)).await.unwrap();
        let reply = replies.message().await.unwrap().unwrap();
        assert_eq!(reply.message, format!("Hello {name}"));
    }
    requests.half_close();
    assert!(replies.message().await.unwrap().is_none());
}

#[tokio::test]
async fn all_kinds_of_call_between_two_ends_with_buffa() {
    all_kinds(serving_buffa()).await;
}

#[tokio::test]
async fn a_client_with_buffa_calls_a_server_with_prost() {
    let client = hello::GreeterClient::new(serving_prost());
    let reply = client.say_hello(request("Ada")).await.unwrap();
    assert_eq!(reply.message, "Hello, Ada!");
}

#[tokio::test]
async fn a_client_with_prost_calls_a_server_with_buffa() {
    let client = prosts::GreeterClient::new(serving_buffa());
    let name = "Ada".to_owned();
    let reply = client.say_hello(prosts::HelloRequest { name }).await;
    assert_eq!(reply.unwrap().message, "Hello Ada");
}

#[tokio::test]
async fn clients_may_take_responses_as_views() {
    static SAY_HELLO: Method<buffas::HelloRequest, View<buffas::HelloReply>, Buffa> =
        Method::with_codec("/hello.Greeter/SayHello", MethodKind::Unary, Buffa);
    let channel = serving_buffa();
    let reply = UnaryCall::new(&channel, &SAY_HELLO, request("Ada")).await;
    let view = reply.unwrap().into_inner();
    assert_eq!(view.message(), "Hello Ada");
    let within = view.bytes().as_ptr_range();
    assert!(within.contains(&view.message().as_ptr()), "no copy");
    // What was received can be sent on as it is.
    static SAY_IT: Method<View<buffas::HelloReply>, buffas::HelloReply, Buffa> =
        Method::with_codec("/hello.Greeter/SayHello", MethodKind::Unary, Buffa);
    let reply = UnaryCall::new(&channel, &SAY_IT, view).await.unwrap();
    assert_eq!(reply.message, "Hello Hello Ada");
}

#[tokio::test]
async fn what_is_no_message_is_internal_to_a_handler_of_views() {
    static SAY_HELLO: Method<Bytes, Bytes, Raw> =
        Method::with_codec("/hello.Greeter/SayHello", MethodKind::Unary, Raw);
    // A field of text that is longer than the message; one that is not UTF-8.
    for malformed in [&b"\x0a\x05ab"[..], b"\x0a\x02\xff\xfe"] {
        let call = UnaryCall::new(&serving_buffa(), &SAY_HELLO, Bytes::from_static(malformed));
        assert_eq!(call.await.unwrap_err().code(), Code::Internal);
    }
}

#[tokio::test]
async fn messages_of_every_size_arrive_whole() {
    let client = hello::GreeterClient::new(serving_buffa());
    for size in [0, 1, 127, 128, 16_383, 16_384, 1 << 20] {
        let name = "x".repeat(size);
        let reply = client.say_hello(request(&name)).await.unwrap();
        assert_eq!(reply.message.len(), "Hello ".len() + size);
    }
    assert_eq!(request("").encoded_len(), 0);
}
