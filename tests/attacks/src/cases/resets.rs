//! Streams that are opened to be reset, by either end, and more of them than allowed.

use super::{Case, stream};
use crate::{
    hpack::{BIDI, UNARY, call, request},
    raw::Raw,
    seen::{Verdict, Want},
    wire::{Wire, code, flag, kind},
};
use std::{io, net::SocketAddr, time::Duration};

const MANY: usize = 20_000;
const LIMIT: Duration = Duration::from_millis(1500);

pub(super) fn cases() -> Vec<Case> {
    const RAPID: &str = "Rapid Reset, CVE-2023-44487";
    const MADE: &str = "MadeYouReset, CVE-2025-8671, CVE-2025-55163";
    const LIMITED: &str = "streams over the limit, CVE-2026-47244";
    vec![
        Case::new("rapid-reset", RAPID, |addr| Box::pin(rapid(addr))),
        Case::new("rapid-reset-to-completion", RAPID, |addr| {
            Box::pin(rapid(addr))
        })
        .options(|options| options.run_to_completion = true),
        Case::new("rapid-reset-of-uploads", RAPID, |addr| {
            Box::pin(rapid_uploads(addr))
        }),
        Case::new("made-you-reset-zero-window", MADE, |addr| {
            Box::pin(made_you(addr, |wire, id| {
                wire.window(id, 0);
            }))
        }),
        Case::new("made-you-reset-window-overflow", MADE, |addr| {
            Box::pin(made_you(addr, |wire, id| {
                wire.window(id, 0x7fff_ffff);
            }))
        }),
        Case::new("made-you-reset-priority-size", MADE, |addr| {
            Box::pin(made_you(addr, |wire, id| {
                wire.frame(kind::PRIORITY, flag::NONE, id, &[0; 4]);
            }))
        }),
        Case::new("made-you-reset-priority-self", MADE, |addr| {
            Box::pin(made_you(addr, |wire, id| {
                wire.priority(id, id);
            }))
        }),
        Case::new("made-you-reset-headers-after-end", MADE, |addr| {
            Box::pin(made_you(addr, |wire, id| {
                wire.data(id, &request(0), true);
                wire.headers(id, &call(UNARY, "nap").0, true);
            }))
        }),
        Case::new("made-you-reset-data-after-end", MADE, |addr| {
            Box::pin(made_you(addr, |wire, id| {
                wire.data(id, &request(0), true).data(id, b"more", true);
            }))
        }),
        Case::new("too-many-streams", LIMITED, |addr| {
            Box::pin(too_many(addr, true))
        }),
        Case::new("too-many-streams-before-ack", LIMITED, |addr| {
            Box::pin(too_many(addr, false))
        }),
    ]
}

/// HEADERS, DATA and RST_STREAM, as fast as they go.
async fn rapid(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    let (block, message) = (call(UNARY, "nap").0, request(0));
    let sent = raw
        .flood(MANY, LIMIT, |wire, i| {
            let id = stream(i);
            wire.headers(id, &block, false).data(id, &message, true);
            wire.rst(id, code::CANCEL);
        })
        .await;
    judge(raw, sent, "reset").await
}

/// HEADERS alone, so that no handler has started when RST_STREAM comes.
async fn rapid_uploads(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    let block = call(BIDI, "nap").0;
    let sent = raw
        .flood(MANY, LIMIT, |wire, i| {
            let id = stream(i);
            wire.headers(id, &block, false).rst(id, code::CANCEL);
        })
        .await;
    judge(raw, sent, "reset").await
}

/// Valid requests, each with something that makes the server reset its stream.
async fn made_you(addr: SocketAddr, crime: fn(&mut Wire, u32)) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    let block = call(UNARY, "nap").0;
    let sent = raw
        .flood(MANY, LIMIT, |wire, i| {
            let id = stream(i);
            wire.headers(id, &block, false);
            crime(wire, id);
        })
        .await;
    judge(raw, sent, "reset").await
}

/// Streams that stay open, far more than the server allows.
async fn too_many(addr: SocketAddr, polite: bool) -> io::Result<Verdict> {
    let mut raw = Raw::silent(addr).await?;
    raw.polite = polite;
    raw.begin(&[]).await;
    let block = call(BIDI, "sleep").0;
    let sent = raw
        .flood(MANY, LIMIT, |wire, i| {
            wire.headers(stream(i), &block, false);
        })
        .await;
    raw.until_over(Duration::from_millis(300)).await;
    let wants = [
        Want::AnyReset(code::REFUSED_STREAM),
        Want::GoAway(code::ENHANCE_YOUR_CALM, ""),
    ];
    Ok(raw.seen.any(&wants).note(format_args!("{sent} sent")))
}

async fn judge(mut raw: Raw, sent: usize, words: &str) -> io::Result<Verdict> {
    raw.until_over(Duration::from_secs(1)).await;
    let wants = [
        Want::GoAway(code::ENHANCE_YOUR_CALM, words),
        // A stream that was answered meanwhile has ended on both sides (RFC 9113 §5.1).
        Want::GoAway(code::STREAM_CLOSED, "ended"),
        Want::Stuck,
    ];
    raw.seen.resets.retain(|_, reset| *reset != code::CANCEL);
    Ok(raw.seen.any(&wants).note(format_args!("{sent} sent")))
}
