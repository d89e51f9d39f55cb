//! Calls of all four kinds through generated code, with names that collide with everything.

use bytes::Bytes;
use farcall::{
    Channel, Code, Request, Response, Sender, Server, Status, Streaming, server::Service,
};
use farcall_codegen_tests::{collisions as c, names::r#match as n, well_known as w};

/// A channel to a server of its own.
async fn channel(service: impl Service + Send + Sync + 'static) -> Channel {
    let server = Server::builder()
        .add_service(service)
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let target = server.local_addr().unwrap().to_string();
    tokio::spawn(server.serve());
    Channel::builder(target).insecure().build().unwrap()
}

struct Everything;

impl c::Result for Everything {
    async fn ok(&self, request: Request<c::Option>) -> Result<Response<c::Some>, Status> {
        let value = [Some(request.value.clone()), request.other.clone()];
        Ok(c::Some {
            value: value.into_iter().flatten().map(Bytes::from).collect(),
        }
        .into())
    }

    async fn err(
        &self,
        mut requests: Request<Streaming<c::None>>,
    ) -> Result<Response<c::Vec>, Status> {
        let mut vec = Vec::new();
        while let Some(none) = requests.message().await? {
            vec.extend(none.map.into_values());
        }
        Ok(c::Vec { vec }.into())
    }

    async fn some(
        &self,
        request: Request<c::String>,
        replies: &mut Sender<c::Box>,
    ) -> Result<(), Status> {
        for _ in request.string.chars() {
            replies
                .send(c::Box {
                    r#box: Some(Box::default()),
                })
                .await?;
        }
        Ok(())
    }

    async fn none(
        &self,
        mut requests: Request<Streaming<c::Status>>,
        replies: &mut Sender<c::Request>,
    ) -> Result<(), Status> {
        while let Some(status) = requests.message().await? {
            replies
                .send(c::Request {
                    status: Some(status),
                })
                .await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn messages_that_are_called_like_the_prelude_are_sent_in_all_four_kinds_of_call() {
    let client = c::ResultClient::new(channel(c::ResultServer::new(Everything)).await);

    let option = c::Option {
        value: "a".into(),
        other: Some("b".into()),
    };
    assert_eq!(client.ok(option).await.unwrap().value, ["a", "b"]);

    let (mut requests, reply) = client.err().split();
    for _ in 0..2 {
        let map = [("x".to_owned(), c::Vec::default())].into();
        requests.send(c::None { map }).await.unwrap();
    }
    requests.half_close();
    assert_eq!(reply.await.unwrap().vec.len(), 2);

    let mut replies = client
        .some(c::String {
            string: "abc".into(),
        })
        .await
        .unwrap();
    let mut count = 0;
    while let Some(reply) = replies.message().await.unwrap() {
        assert!(reply.r#box.is_some());
        count += 1;
    }
    assert_eq!(count, 3);

    let (mut requests, mut replies) = client.none().split();
    requests.send(c::Status { code: 7 }).await.unwrap();
    let reply = replies.message().await.unwrap().unwrap();
    assert_eq!(reply.status, Some(c::Status { code: 7 }));
    requests.half_close();
    assert_eq!(replies.message().await.unwrap(), None);
}

#[tokio::test]
async fn a_method_that_is_left_out_answers_unimplemented() {
    let client = c::ResultClient::new(channel(c::ResultServer::new(Everything)).await);
    let status = client.all(c::Everything::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(
        status.message().contains("/collisions.Result/All"),
        "{}",
        status.message()
    );
}

struct Nothing;
impl n::Helpers for Nothing {
    async fn new_(&self, _: Request<n::In>) -> Result<Response<n::Type2>, Status> {
        Ok(n::Type2 {}.into())
    }

    async fn clone_(&self, _: Request<n::In>) -> Result<Response<n::Type2>, Status> {
        Err(Status::aborted("cloned"))
    }

    async fn drop(&self, _: Request<n::In>) -> Result<Response<n::Type2>, Status> {
        Err(Status::aborted("dropped"))
    }

    async fn into_(&self, _: Request<n::In>, replies: &mut Sender<n::Type2>) -> Result<(), Status> {
        replies.send(n::Type2 {}).await
    }
}

#[tokio::test]
async fn methods_that_are_called_like_those_of_every_type_reach_the_service() {
    let client = n::HelpersClient::new(channel(n::HelpersServer::new(Nothing)).await);
    // The client itself can still be cloned.
    let client = client.clone();
    client.new_(n::In::default()).await.unwrap();
    assert_eq!(
        client.clone_(n::In::default()).await.unwrap_err().message(),
        "cloned"
    );
    assert_eq!(
        client.drop(n::In::default()).await.unwrap_err().message(),
        "dropped"
    );
    let mut replies = client.into_(n::In::default()).await.unwrap();
    assert!(replies.message().await.unwrap().is_some());
    assert_eq!(
        client.unary(n::In::default()).await.unwrap_err().code(),
        Code::Unimplemented
    );
}

struct Known;
impl w::WellKnown for Known {
    async fn ping(&self, _: Request<()>) -> Result<Response<()>, Status> {
        Ok(().into())
    }

    async fn names(
        &self,
        mut names: Request<Streaming<String>>,
    ) -> Result<Response<Bytes>, Status> {
        let mut all = String::new();
        while let Some(name) = names.message().await? {
            all += &name;
        }
        Ok(Bytes::from(all).into())
    }

    async fn flags(
        &self,
        mut flags: Request<Streaming<bool>>,
        replies: &mut Sender<i64>,
    ) -> Result<(), Status> {
        while let Some(flag) = flags.message().await? {
            replies.send(flag.into()).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn well_known_types_are_requests_and_replies() {
    let client = w::WellKnownClient::new(channel(w::WellKnownServer::new(Known)).await);
    client.ping(()).await.unwrap();

    let (mut names, reply) = client.names().split();
    for name in ["a", "b"] {
        names.send(name.to_owned()).await.unwrap();
    }
    names.half_close();
    assert_eq!(&**reply.await.unwrap(), b"ab");

    let (mut flags, mut replies) = client.flags().split();
    flags.send(true).await.unwrap();
    assert_eq!(replies.message().await.unwrap(), Some(1));
    flags.half_close();
}
