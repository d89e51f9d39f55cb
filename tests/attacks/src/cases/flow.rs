//! Windows and buffers: small frames, unread responses, dribbled credit.

use super::{Case, stream};
use crate::{
    hpack::{BIDI, DOWN, UNARY, call, message, request},
    raw::Raw,
    seen::{Verdict, Want},
    wire::{code, setting},
};
use std::{io, net::SocketAddr, time::Duration};

const LIMIT: Duration = Duration::from_millis(1500);
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn cases() -> Vec<Case> {
    const TINY: &str = "tiny DATA, CVE-2026-84304";
    const UNREAD: &str = "slow read, CVE-2019-9517";
    vec![
        Case::new("tiny-data-one-message", TINY, |addr| {
            Box::pin(tiny_message(addr))
        }),
        Case::new("tiny-data-held", TINY, |addr| Box::pin(held(addr, 1))).limit_mib(16),
        Case::new("small-data-held", TINY, |addr| Box::pin(held(addr, 5))).limit_mib(16),
        Case::new("data-dribble", "CVE-2019-9511", |addr| {
            Box::pin(dribble(addr))
        }),
        // What handlers answer at once is theirs: 100 responses of 4 MiB.
        Case::new("zero-window-unary", UNREAD, |addr| {
            Box::pin(zero_window_unary(addr))
        })
        .limit_mib(400),
        Case::new("zero-window-streams", UNREAD, |addr| {
            Box::pin(zero_window_streams(addr))
        }),
        Case::new("unread-socket", UNREAD, |addr| {
            Box::pin(unread_socket(addr))
        })
        .options(|options| options.keepalive = Some(SECOND)),
        Case::new("negative-window", "SETTINGS abuse", |addr| {
            Box::pin(negative_window(addr))
        }),
        Case::new("data-beyond-window", "flow control", |addr| {
            Box::pin(beyond_window(addr))
        }),
    ]
}

/// 60,000 bytes of one message in frames of one byte each. A slow but honest peer: it is served, or told why not.
async fn tiny_message(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    raw.out.headers(1, &call(UNARY, "-").0, false);
    // Field 15 of the request, which nobody knows: it is skipped.
    let mut payload = vec![0x7a, 0xdd, 0xd4, 0x03];
    payload.resize(60_001, 0);
    let bytes = message(0, &payload);
    let last = bytes.len() - 1;
    raw.flood(bytes.len(), LIMIT * 4, |wire, i| {
        wire.data(1, &bytes[i..=i], i == last);
    })
    .await;
    raw.until(2 * SECOND, |seen| {
        seen.goaway.is_some() || seen.status.contains_key(&1)
    })
    .await;
    Ok(raw.seen.any(&[
        Want::Status(1, 0),
        Want::GoAway(code::ENHANCE_YOUR_CALM, ""),
    ]))
}

/// The whole credit of the connection in small frames, for handlers that do not read.
async fn held(addr: SocketAddr, len: usize) -> io::Result<Verdict> {
    const STREAMS: usize = 200;
    let mut raw = Raw::open(addr, &[]).await?;
    let block = call(BIDI, "sleep").0;
    for i in 0..STREAMS {
        raw.out.headers(stream(i), &block, false);
    }
    let sent = raw
        .flood(STREAMS * (65_535 / len), 2 * LIMIT, |wire, i| {
            wire.data(stream(i % STREAMS), &[0; 5][..len], false);
        })
        .await;
    raw.until_over(Duration::from_millis(300)).await;
    let wants = [
        Want::Open,
        Want::Stuck,
        Want::GoAway(code::ENHANCE_YOUR_CALM, ""),
    ];
    Ok(raw.seen.any(&wants).note(format_args!("{sent} sent")))
}

/// Credit of one byte at a time, for large responses on many streams.
async fn dribble(addr: SocketAddr) -> io::Result<Verdict> {
    const STREAMS: usize = 100;
    let mut raw = Raw::open(addr, &[(setting::INITIAL_WINDOW_SIZE, 0)]).await?;
    raw.generous = false;
    for i in 0..STREAMS {
        raw.out.headers(stream(i), &call(DOWN, "-").0, false);
        raw.out.data(stream(i), &request(64 << 10), true);
    }
    raw.out.window(0, 1 << 30);
    let sent = raw
        .flood(1_000_000, 2 * LIMIT, |wire, i| {
            wire.window(stream(i % STREAMS), 1);
        })
        .await;
    raw.until_over(Duration::from_millis(300)).await;
    let wants = [Want::GoAway(code::ENHANCE_YOUR_CALM, ""), Want::Stuck];
    Ok(raw.seen.any(&wants).note(format_args!("{sent} sent")))
}

/// 100 responses of 4 MiB that nobody gives credit for; the deadlines end them.
async fn zero_window_unary(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[(setting::INITIAL_WINDOW_SIZE, 0)]).await?;
    let block = call(UNARY, "-").field("grpc-timeout", "1S");
    for i in 0..100 {
        raw.out.headers(stream(i), &block.0, false);
        raw.out.data(stream(i), &request((4 << 20) - 16), true);
        // One after the other: that responses of 4 MiB take CPU is not the point here.
        raw.until(SECOND / 200, |_| false).await;
    }
    let ended = |seen: &crate::seen::Seen| seen.resets.len() + seen.status.len();
    raw.until(3 * SECOND, |seen| ended(seen) >= 100).await;
    let ended = ended(&raw.seen);
    let verdict = raw.seen.any(&[
        Want::AnyReset(code::CANCEL),
        Want::Status(1, 4),
        Want::GoAway(code::ENHANCE_YOUR_CALM, ""),
    ]);
    let what = format!("{ended} of 100 calls ended at their deadline");
    Ok(verdict.ensure(ended == 100, what))
}

/// 100 endless responses that nobody gives credit for.
async fn zero_window_streams(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[(setting::INITIAL_WINDOW_SIZE, 0)]).await?;
    for i in 0..100 {
        raw.out.headers(stream(i), &call(DOWN, "-").0, false);
        raw.out.data(stream(i), &request(16 << 10), true);
    }
    raw.until_over(SECOND).await;
    Ok(raw
        .seen
        .any(&[Want::Open, Want::GoAway(code::ENHANCE_YOUR_CALM, "")]))
}

/// Credit without end, but the socket is not read. Keepalive finds that out.
async fn unread_socket(addr: SocketAddr) -> io::Result<Verdict> {
    let most = (1 << 31) - 1;
    let mut raw = Raw::open(addr, &[(setting::INITIAL_WINDOW_SIZE, most)]).await?;
    raw.out.window(0, most - 65_535);
    for i in 0..100 {
        raw.out.headers(stream(i), &call(DOWN, "-").0, false);
        raw.out.data(stream(i), &request(64 << 10), true);
    }
    raw.deaf = true;
    raw.flush().await;
    tokio::time::sleep(2 * SECOND).await;
    // Reading is taken up again to see what has become of the connection, at no credit.
    (raw.deaf, raw.polite, raw.generous) = (false, false, false);
    raw.until(SECOND, |seen| seen.closed).await;
    Ok(raw.seen.any(&[Want::Closed]))
}

/// A window that SETTINGS make negative: nothing may come until it is positive, and then everything.
async fn negative_window(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[(setting::INITIAL_WINDOW_SIZE, 60_000)]).await?;
    raw.generous = false;
    raw.out.window(0, 1 << 20);
    raw.out.headers(1, &call(UNARY, "-").0, false);
    raw.out.data(1, &request(100_000), true);
    raw.until(SECOND, |seen| seen.data >= 60_000).await;
    raw.out.settings(&[(setting::INITIAL_WINDOW_SIZE, 0)]);
    raw.out.window(1, 60_000); // and now it is 0
    raw.until(SECOND / 5, |_| false).await;
    let early = raw.seen.data;
    raw.out.window(1, 100_000);
    raw.until(SECOND, |seen| seen.status.contains_key(&1)).await;
    let verdict = raw.seen.all(&[Want::Status(1, 0), Want::Open]);
    let what = format!("{early} bytes came within a window of 60,000");
    Ok(verdict.ensure(early == 60_000, what))
}

/// DATA that no window covers.
async fn beyond_window(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    raw.out.headers(1, &call(BIDI, "sleep").0, false);
    let payload = vec![0; 16 << 10];
    let sent = raw
        .flood(10_000, LIMIT, |wire, _| {
            wire.data(1, &payload, false);
        })
        .await;
    raw.until_over(SECOND).await;
    let wants = [
        Want::AnyReset(code::FLOW_CONTROL_ERROR),
        Want::GoAway(code::FLOW_CONTROL_ERROR, ""),
    ];
    Ok(raw.seen.any(&wants).note(format_args!("{sent} sent")))
}
