//! Header blocks: endless, bombs, out of step, with impossible numbers.

use super::{Case, stream};
use crate::{
    hpack::{BIDI, Block, UNARY, call, pseudo, request},
    raw::Raw,
    seen::{Verdict, Want},
    wire::{Wire, code, flag, kind, setting},
};
use std::{io, net::SocketAddr, time::Duration};

const LIMIT: Duration = Duration::from_millis(1500);
const SOON: Duration = Duration::from_secs(2);

pub(super) fn cases() -> Vec<Case> {
    const FLOOD: &str = "CONTINUATION flood, CVE-2024-27316, CVE-2023-45288";
    const BOMB: &str = "HPACK bomb, CVE-2016-6581, CVE-2026-49975";
    const NUMBERS: &str = "HPACK numbers, CVE-2023-33953";
    const DESYNC: &str = "HPACK desync, CVE-2023-32731, CVE-2024-7246";
    const TABLE: &str = "HPACK table size";
    vec![
        Case::new("continuation-flood", FLOOD, |addr| {
            Box::pin(continuations(addr, || {
                Block::default().field("x", [b'x'; 16_000])
            }))
        }),
        Case::new("continuation-flood-one-byte", FLOOD, |addr| {
            Box::pin(continuations(addr, || Block::default().raw(&[0x82])))
        }),
        Case::new("continuation-flood-empty", "CVE-2026-33871", |addr| {
            Box::pin(continuations(addr, Block::default))
        }),
        Case::new("headers-byte-by-byte", FLOOD, |addr| {
            Box::pin(byte_by_byte(addr))
        }),
        Case::new("hpack-bomb-large-entry", BOMB, |addr| {
            Box::pin(bomb(addr, || {
                let block = call(UNARY, "-").insert("x", [b'x'; 3900]);
                references(block, 10_000)
            }))
        }),
        Case::new("hpack-bomb-small-entry", BOMB, |addr| {
            Box::pin(bomb(addr, || {
                references(call(UNARY, "-").insert("x", ""), 15_000)
            }))
        }),
        Case::new("hpack-bomb-cookies", BOMB, |addr| {
            Box::pin(bomb(addr, || {
                (0..1400).fold(call(UNARY, "-"), |block, _| block.field("cookie", "a"))
            }))
        }),
        // Lists that are within the limit, held by as many streams as there may be: 1,000 times 16 KiB.
        Case::new("hpack-bomb-within-limits", BOMB, |addr| {
            Box::pin(bomb_within_limits(addr))
        })
        .limit_mib(16),
        Case::new("hpack-string-length", NUMBERS, |addr| {
            Box::pin(corrupt(addr, || {
                Block::default().raw(&[0, 0x7f, 0x80, 0xff, 0xff, 0xff, 0x0f])
            }))
        }),
        Case::new("hpack-endless-integer", NUMBERS, |addr| {
            Box::pin(corrupt(addr, || {
                Block::default().raw(&[0xff]).raw(&[0x80; 10_000])
            }))
        }),
        Case::new("hpack-index-beyond-table", NUMBERS, |addr| {
            Box::pin(corrupt(addr, || Block::default().index(4000)))
        }),
        Case::new("hpack-desync-too-large", DESYNC, |addr| {
            Box::pin(desync(
                addr,
                || Block::default().field("x-big", [b'x'; 20_000]),
                code::ENHANCE_YOUR_CALM,
            ))
        }),
        Case::new("hpack-desync-invalid", DESYNC, |addr| {
            Box::pin(desync(
                addr,
                || Block::default().field("X-Upper", "x"),
                code::PROTOCOL_ERROR,
            ))
        }),
        Case::new("hpack-table-too-large", TABLE, |addr| {
            Box::pin(corrupt(addr, || Block::default().table_size(1 << 20)))
        }),
        Case::new("hpack-table-update-in-block", TABLE, |addr| {
            Box::pin(corrupt(addr, || call(UNARY, "-").table_size(0)))
        }),
        Case::new("hpack-table-4000-updates", TABLE, |addr| {
            Box::pin(corrupt(addr, || {
                (0..4000).fold(Block::default(), |block, i| block.table_size(i % 2))
            }))
        }),
        Case::new("hpack-table-of-peer-4-GiB", TABLE, |addr| {
            Box::pin(huge_table(addr))
        }),
    ]
}

fn references(block: Block, times: usize) -> Block {
    (0..times).fold(block, |block, _| block.index(62))
}

/// A header block that never ends.
async fn continuations(addr: SocketAddr, piece: fn() -> Block) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    raw.out
        .frame(kind::HEADERS, flag::END_STREAM, 1, &call(UNARY, "-").0);
    let piece = piece().0;
    let sent = raw
        .flood(200_000, LIMIT, |wire, _| {
            wire.frame(kind::CONTINUATION, flag::NONE, 1, &piece);
        })
        .await;
    raw.until_over(SOON).await;
    let wants = [Want::GoAway(code::ENHANCE_YOUR_CALM, "header block")];
    Ok(raw.seen.any(&wants).note(format_args!("{sent} sent")))
}

/// A good header list in frames of one byte: refused for what it costs, or served.
async fn byte_by_byte(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    raw.out.headers_in(1, 1, &call(UNARY, "-").0, false);
    raw.out.data(1, &request(0), true);
    raw.until(SOON, |seen| {
        seen.goaway.is_some() || seen.status.contains_key(&1)
    })
    .await;
    let wants = [
        Want::GoAway(code::ENHANCE_YOUR_CALM, "header block"),
        Want::Status(1, 0),
    ];
    Ok(raw.seen.any(&wants))
}

/// Short blocks that decode to long lists; then a good call.
async fn bomb(addr: SocketAddr, block: fn() -> Block) -> io::Result<Verdict> {
    const BOMBS: usize = 200;
    let mut raw = Raw::open(addr, &[(setting::INITIAL_WINDOW_SIZE, 0)]).await?;
    let block = block().0;
    raw.flood(BOMBS, LIMIT, |wire, i| {
        wire.headers(stream(i), &block, true);
    })
    .await;
    let good = stream(BOMBS);
    raw.out.settings(&[(setting::INITIAL_WINDOW_SIZE, 65_535)]);
    raw.out.headers(good, &call(UNARY, "-").0, false);
    raw.out.data(good, &request(0), true);
    raw.until(SOON, |seen| {
        seen.goaway.is_some() || seen.status.contains_key(&good)
    })
    .await;
    let refused = raw.seen.any(&[
        Want::AnyReset(code::ENHANCE_YOUR_CALM),
        Want::GoAway(code::ENHANCE_YOUR_CALM, "header"),
    ]);
    let after = raw.seen.any(&[
        Want::Status(good, 0),
        Want::GoAway(code::ENHANCE_YOUR_CALM, "header"),
    ]);
    Ok(refused.and(after))
}

async fn bomb_within_limits(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[(setting::INITIAL_WINDOW_SIZE, 0)]).await?;
    raw.flood(1000, LIMIT, |wire, i| {
        let block = call(BIDI, "sleep")
            .field("x-n", i.to_string())
            .insert("x", [b'x'; 100]);
        wire.headers(stream(i), &references(block, 100).0, false);
    })
    .await;
    raw.until_over(Duration::from_millis(500)).await;
    let wants = [Want::Open, Want::GoAway(code::ENHANCE_YOUR_CALM, "header")];
    Ok(raw.seen.any(&wants))
}

/// A block that cannot be decoded.
async fn corrupt(addr: SocketAddr, block: fn() -> Block) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    raw.out.headers(1, &block().0, true);
    raw.until_over(SOON).await;
    let wants = [Want::GoAway(code::COMPRESSION_ERROR, "")];
    Ok(raw.seen.any(&wants))
}

/// A request that is refused fills the table; the next one uses it.
async fn desync(addr: SocketAddr, refused: fn() -> Block, why: u32) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    let first = Block::default()
        .index(3)
        .index(6)
        .insert(":path", UNARY)
        .insert(":authority", "localhost")
        .insert("content-type", "application/grpc")
        .insert("te", "trailers")
        .raw(&refused().0);
    raw.out.headers_in(16_000, 1, &first.0, false);
    let second = Block::default()
        .index(3)
        .index(6)
        .index(65)
        .index(64)
        .index(62)
        .index(63)
        .field("x-do", "-");
    call_on(&mut raw.out, 3, &second);
    raw.until(SOON, |seen| seen.status.contains_key(&3)).await;
    Ok(raw.seen.all(&[Want::Reset(1, why), Want::Status(3, 0)]))
}

/// A peer that offers a table of 4 GiB, and many different answers to fill it with.
async fn huge_table(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[(setting::HEADER_TABLE_SIZE, u32::MAX)]).await?;
    let calls = 500;
    raw.flood(calls, LIMIT, |wire, i| {
        // What was asked for comes back in the message of UNIMPLEMENTED.
        let block = pseudo(&format!("/no.Such/{i:0>1000}"))
            .field("te", "trailers")
            .field("content-type", "application/grpc");
        wire.headers(stream(i), &block.0, true);
    })
    .await;
    raw.until(SOON, |seen| seen.status.len() == calls).await;
    let last = stream(calls - 1);
    Ok(raw.seen.all(&[Want::Status(last, 12), Want::Open]))
}

fn call_on(wire: &mut Wire, id: u32, block: &Block) {
    wire.headers(id, &block.0, false)
        .data(id, &request(0), true);
}
