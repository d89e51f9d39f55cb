//! The server mounted into hyper: what is its own. That calls are as over our own listener is what
//! [`everywhere`](crate::everywhere) tests.

use crate::{echo::echo, reach::Mounted};
use bytes::Bytes;
use farcall_e2e::{PATIENCE, Probe, within};
use farcall_net::{Channel, Code, Request, Server, server::HttpService};
use farcall_testkit::{
    scripted_peer::{ScriptedPeer, message},
    stub_server::{StubServer, calls},
};
use http_body_util::{BodyExt, Empty, Full};
use std::{convert::Infallible, time::Duration};
use tower_service::Service;

fn service(stub: StubServer) -> HttpService {
    stub.server().into_service().unwrap()
}

fn channel(mounted: &Mounted) -> Channel {
    let target = format!("ipv4:{}", mounted.address);
    Channel::builder(target).insecure().build().unwrap()
}

fn request(path: &str) -> http::request::Builder {
    http::Request::post(path).version(http::Version::HTTP_2)
}

fn grpc(path: &str) -> http::request::Builder {
    request(path).header("content-type", "application/grpc")
}

/// Status, headers, body and trailers.
async fn ask<B: http_body::Body + Send + 'static>(
    service: &HttpService,
    request: http::Request<B>,
) -> (u16, http::HeaderMap, Bytes, http::HeaderMap) {
    let response = service.clone().call(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let collected = within(PATIENCE, "the body", body.collect()).await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    (
        parts.status.as_u16(),
        parts.headers,
        collected.to_bytes(),
        trailers,
    )
}

#[tokio::test]
async fn a_request_of_http_types_is_answered_with_messages_and_trailers() {
    let body = Full::new(message(b"hello"));
    let (status, headers, body, trailers) =
        ask(&service(echo()), grpc("/t.T/Echo").body(body).unwrap()).await;
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &"application/grpc".parse().unwrap())
    );
    assert_eq!(body, message(b"hello"));
    assert_eq!(trailers["grpc-status"], "0");
}

#[tokio::test]
async fn a_failure_without_messages_is_one_header_list() {
    let (status, headers, body, trailers) = ask(
        &service(echo()),
        grpc("/t.T/Other").body(Empty::<Bytes>::new()).unwrap(),
    )
    .await;
    assert_eq!(
        (status, &headers["grpc-status"]),
        (200, &"12".parse().unwrap())
    );
    assert!(body.is_empty() && trailers.is_empty());
}

#[tokio::test]
async fn what_is_not_grpc_is_told_so_in_words() {
    let empty = Empty::<Bytes>::new;
    let get = http::Request::get("/t.T/Echo")
        .version(http::Version::HTTP_2)
        .body(empty());
    let json = request("/t.T/Echo")
        .header("content-type", "application/json")
        .body(empty());
    let old = http::Request::post("/t.T/Echo")
        .header("content-type", "application/grpc")
        .body(empty());
    for (request, status, word) in [
        (get, 405, "POST"),
        (json, 415, "grpc"),
        (old, 505, "HTTP/2"),
    ] {
        let (found, headers, body, _) = ask(&service(echo()), request.unwrap()).await;
        assert_eq!(found, status);
        assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains(word) && text.ends_with('\n'), "{text}");
    }
}

#[tokio::test]
async fn bodies_in_any_pieces_and_of_any_kind_of_buffer_are_read() {
    let whole = message(&[7; 1000]);
    for cut in [1, 4, 5, 6, 500, 1004] {
        let (front, back) = (whole[..cut].to_vec(), whole[cut..].to_vec());
        let pieces = [front, back].map(|piece| {
            Ok::<_, Infallible>(http_body::Frame::data(std::collections::VecDeque::from(
                piece,
            )))
        });
        let request = grpc("/t.T/Echo").body(Frames(pieces.into_iter().collect()));
        let (_, _, body, trailers) = ask(&service(echo()), request.unwrap()).await;
        assert_eq!(trailers["grpc-status"], "0", "cut at {cut}");
        assert_eq!(body, whole);
    }
}

/// A body of these frames.
struct Frames<D>(std::collections::VecDeque<Result<http_body::Frame<D>, Infallible>>);

impl<D: bytes::Buf + Unpin> http_body::Body for Frames<D> {
    type Data = D;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<D>, Infallible>>> {
        std::task::Poll::Ready(self.0.pop_front())
    }
}

/// A body that is announced and never comes.
struct Silent(Option<Bytes>);

impl http_body::Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(data) => std::task::Poll::Ready(Some(Ok(http_body::Frame::data(data)))),
            None => std::task::Poll::Pending,
        }
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_before_its_bytes_arrive() {
    let announced = Silent(Some(Bytes::from_static(&[0, 255, 255, 255, 255])));
    let (_, headers, _, _) =
        ask(&service(echo()), grpc("/t.T/Echo").body(announced).unwrap()).await;
    assert_eq!(
        headers["grpc-status"],
        (Code::ResourceExhausted as i32).to_string()
    );
}

#[tokio::test(start_paused = true)]
async fn a_deadline_passes_also_while_the_request_has_not_arrived() {
    let late = grpc("/t.T/Echo")
        .header("grpc-timeout", "5S")
        .body(Silent(None))
        .unwrap();
    let start = tokio::time::Instant::now();
    let (_, headers, _, _) = ask(&service(echo()), late).await;
    assert_eq!(
        headers["grpc-status"],
        (Code::DeadlineExceeded as i32).to_string()
    );
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test]
async fn a_dropped_response_and_a_dropped_body_end_the_handler() {
    let probe = Probe::new();
    let stub = || crate::cancel::waiting(&probe);
    let mut mounted = service(stub());
    let unary = mounted.call(grpc("/t.T/Unary").body(Full::new(message(b""))).unwrap());
    let unary = tokio::spawn(unary);
    within(PATIENCE, "the handler", probe.begun(1)).await;
    unary.abort();
    within(PATIENCE, "its end", probe.ended(1)).await;

    let chat = mounted
        .call(grpc("/t.T/Chat").body(Silent(None)).unwrap())
        .await
        .unwrap();
    within(PATIENCE, "the handler", probe.begun(2)).await;
    let mut body = chat.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, message(b"first"));
    drop(body);
    within(PATIENCE, "its end", probe.ended(2)).await;
}

#[tokio::test]
async fn requests_are_read_also_while_the_caller_reads_no_replies() {
    const MESSAGE: usize = 16 << 10;
    let stub = StubServer::bidi("/t.T/Drain", |request, replies| {
        Box::pin(async move {
            // More than the caller's window takes: the replies are stuck before the requests have come.
            let mut messages = request.into_inner();
            let read = async {
                let mut count: u32 = 0;
                while messages.message().await?.is_some() {
                    count += 1;
                }
                Ok::<_, farcall_net::Status>(count)
            };
            let stuck = async {
                for _ in 0..64 {
                    replies.send(Bytes::from(vec![7; MESSAGE])).await?;
                }
                Ok::<_, farcall_net::Status>(())
            };
            let (count, sent) = tokio::join!(read, stuck);
            sent?;
            let count = count?;
            replies.send(Bytes::from(count.to_string())).await
        })
    });
    let mounted = Mounted::new(stub);
    let builder = Channel::builder(format!("ipv4:{}", mounted.address)).insecure();
    let channel = builder.static_windows(65_535, 65_535).build().unwrap();
    let (mut requests, mut replies) = calls::bidi(&channel, "/t.T/Drain").split();
    within(PATIENCE, "the upload", async {
        for _ in 0..200 {
            requests.send(Bytes::from(vec![1; MESSAGE])).await.unwrap();
        }
    })
    .await;
    requests.half_close();
    let mut last = None;
    while let Some(reply) = within(PATIENCE, "a reply", replies.message())
        .await
        .unwrap()
    {
        last = Some(reply);
    }
    assert_eq!(last.unwrap(), "200");
}

#[tokio::test]
async fn a_handler_that_does_not_read_holds_up_its_caller() {
    let mounted = Mounted::new(StubServer::bidi("/t.T/Chat", |request, _| {
        Box::pin(async move {
            let _unread = request;
            std::future::pending().await
        })
    }));
    let (mut requests, _replies) = calls::bidi(&channel(&mounted), "/t.T/Chat").split();
    let mut sent = 0;
    let upload = async {
        loop {
            requests.send(Bytes::from(vec![1; 16 << 10])).await.unwrap();
            sent += 16 << 10;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_millis(300), upload)
            .await
            .is_err()
    );
    // Hyper's window of a stream is 1 MiB; beside that there are 64 KiB on each side.
    assert!((64 << 10..2 << 20).contains(&sent), "{sent}");
}

#[tokio::test]
async fn handlers_see_the_address_that_the_http_server_knows() {
    let mounted = Mounted::new(StubServer::unary("/t.T/Who", |request: Request<Bytes>| {
        Ok(Bytes::from(
            request.peer().unwrap().remote_address().to_string(),
        ))
    }));
    let reply = calls::unary(&channel(&mounted), "/t.T/Who", Bytes::new())
        .await
        .unwrap();
    assert!(reply.starts_with(b"127.0.0.1:"), "{reply:?}");
}

#[tokio::test]
async fn handlers_find_what_middlewares_have_put_into_the_extensions() {
    #[derive(Clone)]
    struct User(&'static str);
    let stub = StubServer::unary("/t.T/Who", |request: Request<Bytes>| {
        let extensions: &http::Extensions = request.extensions().find().unwrap();
        Ok(Bytes::from(extensions.get::<User>().unwrap().0))
    });
    let body = Full::new(message(b""));
    let request = grpc("/t.T/Who").extension(User("ada")).body(body).unwrap();
    let (_, _, body, _) = ask(&service(stub), request).await;
    assert_eq!(body, message(b"ada"));
}

#[tokio::test]
async fn a_request_that_breaks_off_is_over_for_the_handler() {
    let probe = Probe::new();
    let mounted = Mounted::new(crate::cancel::waiting(&probe));
    let mut peer = ScriptedPeer::connect(mounted.address).await.unwrap();
    peer.handshake().await;
    peer.request(1, "/t.T/Upload", &[]).await;
    within(PATIENCE, "the handler", probe.begun(1)).await;
    drop(peer);
    within(PATIENCE, "the handler's end", probe.ended(1)).await;
}

#[tokio::test]
async fn what_is_the_http_servers_business_is_refused_when_the_service_is_made() {
    for server in [
        Server::builder().shards(2),
        Server::builder().tls(crate::wrong_servers::known_server()),
    ] {
        let error = server.into_service().unwrap_err();
        assert!(
            error.is_config() && error.to_string().contains("HTTP server"),
            "{error}"
        );
    }
}
