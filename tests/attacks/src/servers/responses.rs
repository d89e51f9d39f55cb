//! Responses that are wrong, one call each on one connection, which serves the last one.

use super::{Case, Expect, Script, answer, greeted, head, trailers};
use crate::{
    cases::bomb,
    hpack::{Block, message},
    raw::Raw,
    wire::Wire,
};
use std::{io, time::Duration};
use tokio::net::TcpStream;

/// What comes for a call, and what must come of it.
struct Bad {
    response: fn(&mut Wire, u32),
    expect: Expect,
}

const fn bad(response: fn(&mut Wire, u32), expect: Expect) -> Bad {
    Bad { response, expect }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name, class, script: Script, list: &[Bad]| {
        let mut expect: Vec<_> = list.iter().map(|bad| bad.expect).collect();
        expect.push(Expect::Ok);
        Case::new(name, class, script, expect)
    };
    vec![
        case(
            "wrong-order",
            "frames out of order",
            |io| Box::pin(responds(io, ORDER)),
            ORDER,
        ),
        case(
            "wrong-http-status",
            "wrong statuses",
            |io| Box::pin(responds(io, HTTP)),
            HTTP,
        ),
        case(
            "wrong-grpc-status",
            "wrong statuses",
            |io| Box::pin(responds(io, STATUS)),
            STATUS,
        ),
        case(
            "wrong-messages",
            "malformed messages",
            |io| Box::pin(responds(io, MESSAGES)),
            MESSAGES,
        ),
        case(
            "wrong-headers",
            "header injection",
            |io| Box::pin(responds(io, HEADERS)),
            HEADERS,
        ),
        // Each call may hold a message of 4 MiB.
        case(
            "gzip-bombs",
            "gzip bomb, CVE-2024-37168",
            |io| Box::pin(responds(io, BOMBS)),
            BOMBS,
        )
        .limit_mib(48),
    ]
}

async fn responds(io: TcpStream, list: &'static [Bad]) -> io::Result<Raw> {
    let mut raw = greeted(io, list.len() + 1).await;
    for (bad, id) in list.iter().zip((1..).step_by(2)) {
        (bad.response)(&mut raw.out, id);
        raw.flush().await;
    }
    answer(&mut raw.out, 2 * list.len() as u32 + 1);
    raw.until(Duration::from_millis(500), |seen| seen.closed)
        .await;
    Ok(raw)
}

const INTERNAL: &str = "INTERNAL";
const UNKNOWN: &str = "UNKNOWN";

/// A whole response with these trailers.
fn ends(wire: &mut Wire, id: u32, trailers: Block) {
    wire.headers(id, &head().0, false);
    wire.data(id, &message(0, b""), false);
    wire.headers(id, &trailers.0, true);
}

/// A response without a message, with this head.
fn only(wire: &mut Wire, id: u32, head: Block) {
    wire.headers(id, &head.0, true);
}

const ORDER: &[Bad] = &[
    // DATA before headers.
    bad(
        |wire, id| {
            wire.data(id, &message(0, b""), false);
        },
        Expect::Status(INTERNAL, "DATA came before"),
    ),
    // A second header list that does not end the stream.
    bad(
        |wire, id| {
            wire.headers(id, &head().0, false)
                .headers(id, &trailers("0").0, false);
        },
        Expect::Status(INTERNAL, "END_STREAM"),
    ),
    // The end without trailers.
    bad(
        |wire, id| {
            wire.headers(id, &head().0, false);
            wire.data(id, &message(0, b""), true);
        },
        Expect::Status(INTERNAL, ""),
    ),
    // An end without anything.
    bad(
        |wire, id| {
            wire.headers(id, &head().0, true);
        },
        Expect::Status(UNKNOWN, "grpc-status"),
    ),
    // An interim response that ends the stream.
    bad(
        |wire, id| {
            wire.headers(id, &Block::default().field(":status", "103").0, true);
        },
        Expect::Status(INTERNAL, "interim"),
    ),
];

const HTTP: &[Bad] = &[
    bad(
        |wire, id| only(wire, id, Block::default().field(":status", "401")),
        Expect::Status("UNAUTHENTICATED", "401"),
    ),
    bad(
        |wire, id| only(wire, id, Block::default().field(":status", "403")),
        Expect::Status("PERMISSION_DENIED", "403"),
    ),
    bad(
        |wire, id| only(wire, id, Block::default().field(":status", "404")),
        Expect::Status("UNIMPLEMENTED", "404"),
    ),
    bad(
        |wire, id| only(wire, id, Block::default().field(":status", "429")),
        Expect::Status("UNAVAILABLE", "429"),
    ),
    bad(
        |wire, id| only(wire, id, Block::default().field(":status", "503")),
        Expect::Status("UNAVAILABLE", "503"),
    ),
    bad(
        |wire, id| only(wire, id, Block::default().field(":status", "400")),
        Expect::Status(INTERNAL, "400"),
    ),
    bad(
        |wire, id| only(wire, id, Block::default().field(":status", "302")),
        Expect::Status(UNKNOWN, "302"),
    ),
    bad(
        |wire, id| only(wire, id, Block::default().field(":status", "999")),
        Expect::Status(UNKNOWN, "999"),
    ),
    bad(
        |wire, id| only(wire, id, Block::default().field(":status", "20")),
        Expect::Status(INTERNAL, ":status"),
    ),
    bad(
        |wire, id| only(wire, id, Block::default().field(":status", "abc")),
        Expect::Status(INTERNAL, ":status"),
    ),
    bad(
        |wire, id| only(wire, id, Block::default().field(":status", "101")),
        Expect::Status(INTERNAL, ":status"),
    ),
    bad(
        |wire, id| only(wire, id, Block::default().field("x", "no status")),
        Expect::Status(INTERNAL, "pseudo"),
    ),
    bad(
        |wire, id| {
            let html = Block::default().index(8).field("content-type", "text/html");
            wire.headers(id, &html.0, false)
                .data(id, b"<html>login</html>", true);
        },
        Expect::Status(UNKNOWN, "text/html"),
    ),
];

const STATUS: &[Bad] = &[
    bad(
        |wire, id| ends(wire, id, trailers("99")),
        Expect::Status(UNKNOWN, "99"),
    ),
    bad(
        |wire, id| ends(wire, id, trailers("-1")),
        Expect::Status(UNKNOWN, "-1"),
    ),
    bad(
        |wire, id| ends(wire, id, trailers("abc")),
        Expect::Status(UNKNOWN, "abc"),
    ),
    bad(
        |wire, id| ends(wire, id, trailers("")),
        Expect::Status(UNKNOWN, ""),
    ),
    bad(
        |wire, id| ends(wire, id, trailers("18446744073709551617")),
        Expect::Status(UNKNOWN, ""),
    ),
    bad(
        |wire, id| ends(wire, id, Block::default().field("x", "y")),
        Expect::Status(UNKNOWN, "grpc-status"),
    ),
    bad(
        |wire, id| ends(wire, id, trailers("5").field("grpc-message", "%zz%")),
        Expect::Status("NOT_FOUND", "%zz%"),
    ),
    bad(
        |wire, id| ends(wire, id, trailers("5").field("grpc-message", "%FF%FE")),
        Expect::Status("NOT_FOUND", "\u{fffd}"),
    ),
    bad(
        |wire, id| ends(wire, id, trailers("5").field("grpc-message", "a%0D%0Ab")),
        Expect::Status("NOT_FOUND", "a\\"),
    ),
    bad(
        |wire, id| ends(wire, id, trailers("5").field("grpc-message", [b'x'; 7000])),
        Expect::Status("NOT_FOUND", "xxx"),
    ),
    bad(
        |wire, id| {
            let long = trailers("5").field("grpc-message", [b'x'; 20_000]);
            wire.headers(id, &head().0, false)
                .headers_in(16_000, id, &long.0, true);
        },
        Expect::Status("RESOURCE_EXHAUSTED", "header list"),
    ),
    bad(
        |wire, id| {
            ends(
                wire,
                id,
                trailers("5").field("grpc-status-details-bin", "!!!"),
            )
        },
        Expect::Status("NOT_FOUND", ""),
    ),
    bad(
        |wire, id| {
            ends(
                wire,
                id,
                trailers("5").field("grpc-status-details-bin", "/////w"),
            )
        },
        Expect::Status("NOT_FOUND", ""),
    ),
];

/// A response with such bytes for a message.
fn gives(wire: &mut Wire, id: u32, head: &Block, bytes: &[u8]) {
    wire.headers(id, &head.0, false);
    for piece in bytes.chunks(16_000) {
        wire.data(id, piece, false);
    }
    wire.headers(id, &trailers("0").0, true);
}

fn gzip() -> Block {
    head().field("grpc-encoding", "gzip")
}

const MESSAGES: &[Bad] = &[
    bad(
        |wire, id| gives(wire, id, &head(), &[0, 255, 255, 255, 255]),
        Expect::Status("RESOURCE_EXHAUSTED", "4294967295"),
    ),
    bad(
        |wire, id| gives(wire, id, &head(), &[0, 0, 0x50, 0, 0]),
        Expect::Status("RESOURCE_EXHAUSTED", "5242880"),
    ),
    bad(
        |wire, id| gives(wire, id, &head(), &[0, 0, 0, 0, 9, 1]),
        Expect::Status(INTERNAL, ""),
    ),
    bad(
        |wire, id| gives(wire, id, &head(), &[7, 0, 0, 0, 0]),
        Expect::Status(INTERNAL, "7"),
    ),
    bad(
        |wire, id| gives(wire, id, &head(), &message(1, b"abc")),
        Expect::Status(INTERNAL, "compress"),
    ),
    bad(
        |wire, id| gives(wire, id, &gzip(), &message(1, &[0x55; 100])),
        Expect::Status(INTERNAL, ""),
    ),
    bad(
        |wire, id| gives(wire, id, &gzip(), &message(1, b"")),
        Expect::Ok,
    ),
    bad(
        |wire, id| {
            gives(
                wire,
                id,
                &head().field("grpc-encoding", "brotli"),
                &message(1, b"x"),
            )
        },
        Expect::Status(INTERNAL, "brotli"),
    ),
    bad(
        |wire, id| gives(wire, id, &head(), &message(0, &[0xff; 30])),
        Expect::Status(INTERNAL, ""),
    ),
    bad(
        |wire, id| {
            gives(
                wire,
                id,
                &head(),
                &[message(0, b""), message(0, b"")].concat(),
            )
        },
        Expect::Status("UNIMPLEMENTED", ""),
    ),
    bad(
        |wire, id| gives(wire, id, &head(), b""),
        Expect::Status("UNIMPLEMENTED", ""),
    ),
];

/// A response whose head has this field, too.
fn has(wire: &mut Wire, id: u32, name: &str, value: &str) {
    gives(wire, id, &head().field(name, value), &message(0, b""));
}

const HEADERS: &[Bad] = &[
    bad(
        |wire, id| has(wire, id, "X-Upper", "a"),
        Expect::Status(INTERNAL, "upper case"),
    ),
    bad(
        |wire, id| has(wire, id, "x y", "a"),
        Expect::Status(INTERNAL, "field name"),
    ),
    bad(
        |wire, id| has(wire, id, "", "a"),
        Expect::Status(INTERNAL, "field name"),
    ),
    bad(
        |wire, id| has(wire, id, "x", "a\r\nb"),
        Expect::Status(INTERNAL, "field value"),
    ),
    bad(
        |wire, id| has(wire, id, "x", "a\0b"),
        Expect::Status(INTERNAL, "field value"),
    ),
    bad(
        |wire, id| has(wire, id, "connection", "close"),
        Expect::Status(INTERNAL, "HTTP/1.1"),
    ),
    bad(
        |wire, id| has(wire, id, "transfer-encoding", "chunked"),
        Expect::Status(INTERNAL, "HTTP/1.1"),
    ),
    bad(
        |wire, id| has(wire, id, ":path", "/"),
        Expect::Status(INTERNAL, "pseudo"),
    ),
    bad(
        |wire, id| has(wire, id, ":status", "200"),
        Expect::Status(INTERNAL, "pseudo"),
    ),
    bad(
        |wire, id| has(wire, id, "content-length", "1"),
        Expect::Status(INTERNAL, "content-length"),
    ),
    bad(
        |wire, id| has(wire, id, "x-bin", "!!!"),
        Expect::Status(INTERNAL, "x-bin"),
    ),
    bad(
        |wire, id| ends(wire, id, trailers("0").field(":status", "200")),
        Expect::Status(INTERNAL, "pseudo"),
    ),
    bad(
        |wire, id| {
            let many = (0..1000).fold(head(), |block, _| block.field("a", ""));
            gives(wire, id, &many, &message(0, b""));
        },
        Expect::Status("RESOURCE_EXHAUSTED", "header list"),
    ),
    bad(
        |wire, id| {
            let bomb = head().insert("x", [b'x'; 3900]);
            let bomb = (0..10_000).fold(bomb, |block, _| block.index(62));
            gives(wire, id, &bomb, &message(0, b""));
        },
        Expect::Status("RESOURCE_EXHAUSTED", "header list"),
    ),
];

const BOMB: Bad = bad(
    |wire, id| gives(wire, id, &gzip(), &message(1, bomb())),
    Expect::Status("RESOURCE_EXHAUSTED", ""),
);
const BOMBS: &[Bad] = &[BOMB; 12];
