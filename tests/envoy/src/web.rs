//! gRPC-Web, as a browser speaks it over HTTP/1.1, through Envoy's filter to us.

use crate::{
    Outcome,
    backend::Backend,
    config::Options,
    http::{self, Answer},
    proxy::Proxy,
    table::Table,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::{Buf, Bytes};
use farcall_examples::hello::{HelloReply, HelloRequest};
use prost::Message;

pub(crate) async fn run(table: &mut Table, envoy: &str) {
    if ![
        "gRPC-Web: unary",
        "gRPC-Web: server streaming",
        "gRPC-Web: an error",
        "gRPC-Web: text",
    ]
    .iter()
    .any(|name| table.wants(name))
    {
        return;
    }
    let started = async {
        let backend = Backend::start("one").await?;
        let proxy = Proxy::start(envoy, &[backend.address], Options::default()).await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((backend, proxy))
    };
    let (_backend, proxy) = match started.await {
        Ok(both) => both,
        Err(error) => return table.case("gRPC-Web: start", async { Err(error) }).await,
    };
    table.case("gRPC-Web: unary", unary(&proxy)).await;
    table
        .case("gRPC-Web: server streaming", streaming(&proxy))
        .await;
    table.case("gRPC-Web: an error", error(&proxy)).await;
    table.case("gRPC-Web: text (base64)", text(&proxy)).await;
}

/// Messages, then what would be trailers (frame type 0x80).
struct Body {
    replies: Vec<HelloReply>,
    trailers: String,
}

async fn post(
    proxy: &Proxy,
    method: &str,
    name: &str,
    text: bool,
) -> Result<Answer, std::io::Error> {
    let message = HelloRequest { name: name.into() }.encode_to_vec();
    let mut body = vec![0];
    body.extend_from_slice(&(message.len() as u32).to_be_bytes());
    body.extend_from_slice(&message);
    let kind = match text {
        true => "application/grpc-web-text+proto",
        false => "application/grpc-web+proto",
    };
    if text {
        body = BASE64_STANDARD.encode(body).into_bytes();
    }
    let path = format!("/hello.Greeter/{method}");
    let headers = [
        ("content-type", kind),
        ("accept", kind),
        ("x-grpc-web", "1"),
        ("echo-text", "from a page"),
    ];
    http::request(proxy.address, "POST", &path, &headers, &body).await
}

fn read(mut rest: Bytes) -> Result<Body, Box<dyn std::error::Error + Send + Sync>> {
    let mut body = Body {
        replies: Vec::new(),
        trailers: String::new(),
    };
    while rest.len() >= 5 {
        let (kind, length) = (rest.get_u8(), rest.get_u32() as usize);
        if rest.len() < length {
            return Err("a frame is cut off".into());
        }
        let frame = rest.split_to(length);
        match kind {
            0 => body.replies.push(HelloReply::decode(frame)?),
            0x80 => body.trailers = String::from_utf8(frame.to_vec())?,
            other => return Err(format!("a frame of type {other}").into()),
        }
    }
    Ok(body)
}

fn expect(answer: &Answer, body: &Body, replies: usize, status: &str) -> Result<(), String> {
    let ended = body.trailers.lines().any(|line| line.trim() == status);
    match answer.status == 200 && body.replies.len() == replies && ended {
        true => Ok(()),
        false => Err(format!(
            "{answer:?}, {} replies, trailers {:?}",
            body.replies.len(),
            body.trailers
        )),
    }
}

async fn unary(proxy: &Proxy) -> Outcome {
    let answer = post(proxy, "SayHello", "Ada", false).await?;
    let body = read(answer.body.clone())?;
    expect(&answer, &body, 1, "grpc-status:0")?;
    if body.replies[0].message != "Hello, Ada!" || answer.header("echo-text") != Some("from a page")
    {
        return Err(format!("{answer:?}").into());
    }
    Ok(String::new())
}

async fn streaming(proxy: &Proxy) -> Outcome {
    let answer = post(proxy, "SayHelloInEveryLanguage", "Ada", false).await?;
    expect(&answer, &read(answer.body.clone())?, 3, "grpc-status:0")?;
    Ok(String::new())
}

/// A response without messages has its status in the headers.
async fn error(proxy: &Proxy) -> Outcome {
    let answer = post(proxy, "SayHello", "", false).await?;
    match (
        answer.status,
        answer.header("grpc-status"),
        answer.header("grpc-message"),
    ) {
        (200, Some("3"), Some("niemand da: 100 %25 %C3%A4rgerlich")) => Ok(String::new()),
        _ => Err(format!("{answer:?}").into()),
    }
}

async fn text(proxy: &Proxy) -> Outcome {
    let answer = post(proxy, "SayHello", "Ada", true).await?;
    // Each piece is encoded by itself, and may end with padding.
    let mut whole = Vec::new();
    for piece in answer
        .text()
        .split_inclusive('=')
        .flat_map(|piece| piece.split_inclusive("=="))
    {
        match piece {
            "=" => {}
            piece => whole.extend(BASE64_STANDARD.decode(padded(piece))?),
        }
    }
    expect(&answer, &read(whole.into())?, 1, "grpc-status:0")?;
    Ok(String::new())
}

fn padded(piece: &str) -> String {
    let bare = piece.trim_end_matches('=');
    let missing = (4 - bare.len() % 4) % 4;
    bare.to_owned() + &"=".repeat(missing)
}
