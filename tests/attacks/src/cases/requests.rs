//! Requests that ask for what they must not get, or in a way that nobody should read.

use super::{Case, stream};
use crate::{
    hpack::{Block, UNARY, harmless, pseudo, request},
    raw::Raw,
    seen::{Seen, Verdict, Want},
    wire::code,
};
use std::{io, net::SocketAddr, time::Duration};

const SOON: Duration = Duration::from_secs(3);

/// Nothing that stands in a request's metadata is to be found in the log (GO-2024-2978).
pub(crate) const SECRET: &str = "hunter2";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "paths-around-rules",
            "authz bypass, CVE-2026-33186",
            |addr| Box::pin(all(addr, paths())),
        )
        .starts(0),
        Case::new("header-injection", "header injection, smuggling", |addr| {
            Box::pin(all(addr, injections()))
        })
        .starts(0),
        Case::new("grpc-timeout-abuse", "grpc-timeout", |addr| {
            Box::pin(all(addr, timeouts()))
        })
        .starts(0),
        Case::new("bin-metadata", "-bin base64, CVE-2023-32732", |addr| {
            Box::pin(all(addr, binaries()))
        })
        .starts(0),
        Case::new("te-and-scheme", "abort, CVE-2023-1428", |addr| {
            Box::pin(all(addr, aborts()))
        })
        .starts(0),
        Case::new("not-grpc", "foreign requests", |addr| {
            Box::pin(all(addr, foreign()))
        })
        .starts(0),
    ]
}

/// What the server must answer, in one of the ways that keep its handlers away.
enum Answer {
    /// RST_STREAM(PROTOCOL_ERROR).
    Reset,
    /// This `grpc-status`.
    Status(u32),
    /// This `grpc-status`, or RST_STREAM(PROTOCOL_ERROR).
    StatusOrReset(u32),
    /// This HTTP status.
    Http(u32),
    /// HTTP status 400, or RST_STREAM(PROTOCOL_ERROR).
    BadRequest,
}

struct Bad {
    what: &'static str,
    block: Block,
    answer: Answer,
    /// In place of a request without fields.
    body: Option<Vec<u8>>,
    trailers: Option<Block>,
}

impl Bad {
    fn new(what: &'static str, block: Block, answer: Answer) -> Bad {
        Bad {
            what,
            block: block.field("x-do", "-").field("x-secret", SECRET),
            answer,
            body: None,
            trailers: None,
        }
    }

    fn is_answered(&self, seen: &Seen, id: u32) -> bool {
        let reset = seen.resets.get(&id) == Some(&code::PROTOCOL_ERROR);
        let status = |wanted| seen.status.get(&id) == Some(&wanted);
        match self.answer {
            Answer::Reset => reset,
            Answer::Status(wanted) => status(wanted),
            Answer::StatusOrReset(wanted) => reset || status(wanted),
            Answer::Http(wanted) => seen.http.get(&id) == Some(&wanted),
            Answer::BadRequest => reset || seen.http.get(&id) == Some(&400),
        }
    }
}

/// All on one connection, which serves a good call in the end.
async fn all(addr: SocketAddr, list: Vec<Bad>) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    for (i, bad) in list.iter().enumerate() {
        let id = stream(i);
        raw.out.headers(id, &bad.block.0, false);
        let body = bad.body.clone().unwrap_or_else(|| request(0));
        raw.out.data(id, &body, bad.trailers.is_none());
        if let Some(trailers) = &bad.trailers {
            raw.out.headers(id, &trailers.0, true);
        }
        let ended = |seen: &Seen| {
            seen.closed || seen.status.contains_key(&id) || seen.resets.contains_key(&id)
        };
        let settled = |seen: &Seen| ended(seen) || bad.is_answered(seen, id);
        if !raw.until(SOON, settled).await {
            break;
        }
    }
    let good = stream(list.len());
    raw.out.headers(good, &harmless(), false);
    raw.out.data(good, &request(0), true);
    raw.until(SOON, |seen| seen.status.contains_key(&good))
        .await;
    let mut verdict = raw.seen.all(&[Want::Open, Want::Status(good, 0)]);
    for (i, bad) in list.iter().enumerate() {
        let id = stream(i);
        let got = format!(
            "{}: RST {:?}, grpc-status {:?}, HTTP {:?}",
            bad.what,
            raw.seen.resets.get(&id),
            raw.seen.status.get(&id),
            raw.seen.http.get(&id)
        );
        verdict = verdict.ensure(bad.is_answered(&raw.seen, id), got);
    }
    Ok(verdict)
}

fn grpc(path: &str) -> Block {
    let block = pseudo(path).field("te", "trailers");
    block.field("content-type", "application/grpc")
}

/// Ways to write the path of a method that a rule forbids.
fn paths() -> Vec<Bad> {
    let service = "grpc.testing.BenchmarkService";
    [
        ("no slash", format!("{service}/UnaryCall")),
        ("two slashes", format!("//{service}/UnaryCall")),
        ("slash behind", format!("/{service}/UnaryCall/")),
        ("double slash within", format!("/{service}//UnaryCall")),
        ("%2f", format!("/{service}%2fUnaryCall")),
        ("%55", format!("/{service}/%55naryCall")),
        ("query", format!("/{service}/UnaryCall?x=1")),
        ("fragment", format!("/{service}/UnaryCall#x")),
        ("upper case", format!("/{service}/UNARYCALL")),
        ("dots", format!("/./{service}/UnaryCall")),
        ("parent", format!("/x/../{service}/UnaryCall")),
        ("absolute", format!("http://localhost/{service}/UnaryCall")),
        ("space", format!("/{service}/UnaryCall ")),
        ("NUL", format!("/{service}/UnaryCall\0")),
        ("empty", String::new()),
        ("star", "*".to_owned()),
    ]
    .into_iter()
    .map(|(what, path)| Bad::new(what, grpc(&path), Answer::StatusOrReset(12)))
    .collect()
}

fn injections() -> Vec<Bad> {
    let mut list = Vec::new();
    for (what, name, value) in [
        ("CR in a value", "x-a", "a\rb"),
        ("LF in a value", "x-a", "a\nb"),
        ("NUL in a value", "x-a", "a\0b"),
        ("CR LF and a header", "x-a", "a\r\nx-b: c"),
        ("upper case", "X-A", "a"),
        ("space in a name", "x a", "a"),
        ("colon in a name", "x:a", "a"),
        ("empty name", "", "a"),
        ("DEL in a name", "x\u{7f}", "a"),
        ("connection", "connection", "close"),
        ("transfer-encoding", "transfer-encoding", "chunked"),
        ("keep-alive", "keep-alive", "1"),
        ("upgrade", "upgrade", "h2c"),
        ("proxy-connection", "proxy-connection", "x"),
        ("content-length too small", "content-length", "1"),
        ("content-length too large", "content-length", "1000"),
        ("content-length with a sign", "content-length", "+7"),
        (
            "content-length of 2^70",
            "content-length",
            "1180591620717411303424",
        ),
        ("pseudo behind", ":authority", "other"),
        ("unknown pseudo", ":status", "200"),
    ] {
        list.push(Bad::new(
            what,
            grpc(UNARY).field(name, value),
            Answer::Reset,
        ));
    }
    let lengths = grpc(UNARY)
        .field("content-length", "7")
        .field("content-length", "8");
    list.push(Bad::new("two content-lengths", lengths, Answer::Reset));
    let hosts = grpc(UNARY).field("host", "a").field("host", "b");
    list.push(Bad::new("two hosts", hosts, Answer::BadRequest));
    let twice = Block::default()
        .index(3)
        .index(3)
        .index(6)
        .field(":path", UNARY);
    let twice = twice
        .field("te", "trailers")
        .field("content-type", "application/grpc");
    list.push(Bad::new("two methods", twice, Answer::Reset));
    let mut pseudo_trailers = Bad::new("pseudo in trailers", grpc(UNARY), Answer::Reset);
    pseudo_trailers.trailers = Some(Block::default().field(":path", "/other"));
    list.push(pseudo_trailers);
    list
}

fn timeouts() -> Vec<Bad> {
    [
        "0S",
        "-1S",
        "999999999S",
        "1",
        "S",
        "",
        "1x",
        "1.5S",
        " 1S",
        "99999999999999999999n",
    ]
    .into_iter()
    .map(|value| {
        let block = grpc(UNARY).field("grpc-timeout", value);
        // A deadline that has passed is one; anything else is malformed.
        let answer = match value {
            "0S" => Answer::Status(4),
            _ => Answer::Status(13),
        };
        Bad::new(value, block, answer)
    })
    .collect()
}

fn binaries() -> Vec<Bad> {
    ["!!!", "a", "YWJj=YWJj", "YQ==x", "\u{e4}"]
        .into_iter()
        .map(|value| Bad::new(value, grpc(UNARY).field("x-bin", value), Answer::Status(13)))
        .collect()
}

fn aborts() -> Vec<Bad> {
    let long = [b'x'; 9000];
    let te = pseudo(UNARY)
        .field("te", "x")
        .field("content-type", "application/grpc");
    let scheme = Block::default()
        .index(3)
        .field(":scheme", "x")
        .field(":path", UNARY);
    let scheme = scheme
        .field(":authority", "localhost")
        .field("te", "trailers");
    vec![
        Bad::new("te: x and 9 KB", te.field("x-long", long), Answer::Reset),
        Bad::new(
            ":scheme x and 9 KB, no content-type",
            scheme.field("x-long", long),
            Answer::Http(415),
        ),
    ]
}

/// Requests that are not calls.
fn foreign() -> Vec<Bad> {
    let get = Block::default().index(2).index(6).field(":path", UNARY);
    let get = get.field(":authority", "localhost");
    let html = pseudo(UNARY)
        .field("te", "trailers")
        .field("content-type", "text/html");
    let connect = Block::default().field(":method", "CONNECT");
    let connect = connect.field(":authority", "localhost:22");
    let no_path = Block::default().index(3).index(6).field("te", "trailers");
    vec![
        Bad::new(
            "GET",
            get.field("content-type", "application/grpc"),
            Answer::Http(405),
        ),
        Bad::new("text/html", html, Answer::Http(415)),
        Bad::new("no content-type", pseudo(UNARY), Answer::Http(415)),
        Bad::new("CONNECT", connect, Answer::Reset),
        Bad::new("no path", no_path, Answer::Reset),
        Bad::new(
            "unknown method",
            grpc("/grpc.testing.BenchmarkService/No"),
            Answer::Status(12),
        ),
    ]
}
