//! GOAWAY, in all orders.

use super::{Case, Expect, SOON, answer, greeted};
use crate::{
    raw::Raw,
    wire::{Wire, code},
};
use std::{io, time::Duration};
use tokio::net::TcpStream;

const LAST: u32 = 0x7fff_ffff;

pub(super) fn cases() -> Vec<Case> {
    const CLASS: &str = "GOAWAY in all orders";
    let case = |name, script, expect: [Expect; 2]| Case::new(name, CLASS, script, expect);
    // A stream that the server has not looked at may be tried again (RFC 9113 §6.8).
    let untouched = Expect::OkOr("UNAVAILABLE", "");
    let cut = Expect::Status("UNAVAILABLE", "");
    vec![
        case(
            "goaway-before-settings",
            |io| Box::pin(before_settings(io)),
            [Expect::Status("UNAVAILABLE", "SETTINGS"); 2],
        ),
        case(
            "goaway-of-all",
            |io| Box::pin(says(io, drop_all)),
            [untouched; 2],
        ),
        case(
            "goaway-then-answers",
            |io| {
                Box::pin(says(io, |wire| {
                    wire.goaway(1, code::NO_ERROR, b"");
                    answer(wire, 1);
                }))
            },
            [Expect::Ok, untouched],
        ),
        case(
            "goaway-twice-then-answers",
            |io| {
                Box::pin(says(io, |wire| {
                    wire.goaway(LAST, code::NO_ERROR, b"")
                        .goaway(3, code::NO_ERROR, b"");
                    answer(wire, 3);
                    answer(wire, 1);
                }))
            },
            [Expect::Ok; 2],
        ),
        case(
            "goaway-that-rises",
            |io| {
                Box::pin(says(io, |wire| {
                    wire.goaway(1, code::NO_ERROR, b"")
                        .goaway(3, code::NO_ERROR, b"");
                }))
            },
            [cut, untouched],
        ),
        case(
            "goaway-and-close",
            |io| {
                Box::pin(closes(io, |wire| {
                    wire.goaway(3, code::NO_ERROR, b"bye");
                }))
            },
            [cut; 2],
        ),
        case(
            "goaway-with-error",
            |io| {
                Box::pin(closes(io, |wire| {
                    wire.goaway(3, code::PROTOCOL_ERROR, b"I do not like you");
                }))
            },
            [Expect::Status("UNAVAILABLE", "I do not like you"); 2],
        ),
        case(
            "goaway-too-many-pings",
            |io| {
                Box::pin(closes(io, |wire| {
                    wire.goaway(3, code::ENHANCE_YOUR_CALM, b"too_many_pings");
                }))
            },
            [Expect::Status("UNAVAILABLE", "too_many_pings"); 2],
        ),
        case(
            "goaway-with-long-debug",
            |io| {
                Box::pin(closes(io, |wire| {
                    wire.goaway(3, code::PROTOCOL_ERROR, &b"line\r\n\x1b[31m".repeat(1000));
                }))
            },
            [cut; 2],
        ),
        case(
            "trailers-twice",
            |io| {
                Box::pin(says(io, |wire| {
                    answer(wire, 1);
                    wire.headers(1, &super::trailers("13").0, true);
                }))
            },
            [Expect::Ok, Expect::Status("UNAVAILABLE", "ended")],
        ),
        case(
            "data-after-the-end",
            |io| {
                Box::pin(says(io, |wire| {
                    answer(wire, 1);
                    wire.data(1, b"more", true);
                    answer(wire, 3);
                }))
            },
            [Expect::Ok, Expect::OkOr("UNAVAILABLE", "ended")],
        ),
        case(
            "goaway-flood",
            |io| Box::pin(flood(io)),
            [Expect::OkOr("UNAVAILABLE", ""), untouched],
        ),
        case(
            "close-in-a-frame",
            |io| {
                Box::pin(closes(io, |wire| {
                    wire.raw(&[0, 0, 100, 0]);
                }))
            },
            [cut; 2],
        ),
        case(
            "close-in-a-message",
            |io| {
                Box::pin(closes(io, |wire| {
                    wire.headers(1, &super::head().0, false)
                        .data(1, &[0, 0, 0, 0, 9, 1], false);
                }))
            },
            [cut; 2],
        ),
    ]
}

fn drop_all(wire: &mut Wire) {
    wire.goaway(0, code::NO_ERROR, b"");
}

async fn before_settings(io: TcpStream) -> io::Result<Raw> {
    let mut raw = Raw::server(io);
    raw.out.goaway(0, code::NO_ERROR, b"").settings(&[]);
    raw.until_over(SOON).await;
    Ok(raw)
}

/// Says this, and waits for the client to go.
async fn says(io: TcpStream, what: fn(&mut Wire)) -> io::Result<Raw> {
    let mut raw = greeted(io, 2).await;
    what(&mut raw.out);
    raw.until(SOON, |seen| seen.closed).await;
    Ok(raw)
}

/// Says this and goes.
async fn closes(io: TcpStream, what: fn(&mut Wire)) -> io::Result<Raw> {
    let mut raw = greeted(io, 2).await;
    what(&mut raw.out);
    raw.flush().await;
    Ok(raw)
}

async fn flood(io: TcpStream) -> io::Result<Raw> {
    let mut raw = greeted(io, 2).await;
    raw.flood(200_000, Duration::from_secs(1), |wire, _| {
        wire.goaway(3, code::NO_ERROR, b"again");
    })
    .await;
    answer(&mut raw.out, 1);
    answer(&mut raw.out, 3);
    raw.until(SOON / 3, |seen| seen.closed).await;
    Ok(raw)
}
