//! Frames that cost the server more than the peer (CVE-2019-9511 to 9518 and relatives).

use super::{Case, stream};
use crate::{
    hpack::{BIDI, UNARY, call},
    raw::Raw,
    seen::{Verdict, Want},
    wire::{Wire, code, flag, kind, setting},
};
use std::{io, net::SocketAddr, time::Duration};

const LIMIT: Duration = Duration::from_millis(1500);

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("ping-flood", "CVE-2019-9512", |addr| {
            Box::pin(flood(addr, false, |wire, i| {
                wire.ping(i as u64);
            }))
        }),
        Case::new("ping-flood-unread", "CVE-2019-9512", |addr| {
            Box::pin(flood(addr, true, |wire, i| {
                wire.ping(i as u64);
            }))
        }),
        Case::new("settings-flood", "CVE-2019-9515", |addr| {
            Box::pin(flood(addr, false, |wire, _| {
                wire.settings(&[]);
            }))
        }),
        Case::new("settings-flood-unread", "CVE-2019-9515", |addr| {
            Box::pin(flood(addr, true, |wire, i| {
                wire.settings(&[(setting::INITIAL_WINDOW_SIZE, i as u32 % 60_000)]);
            }))
        }),
        Case::new("settings-acks-unasked", "SETTINGS abuse", |addr| {
            Box::pin(ack_flood(addr))
        }),
        Case::new("priority-churn", "CVE-2019-9513", |addr| {
            Box::pin(flood(addr, false, |wire, i| {
                wire.priority(stream(i % 1000), stream(i % 1000 + 1));
            }))
        }),
        Case::new("window-update-flood", "WINDOW_UPDATE flood", |addr| {
            Box::pin(flood(addr, false, |wire, _| {
                wire.window(0, 1);
            }))
        }),
        Case::new("unknown-frames", "frames of unknown types", |addr| {
            Box::pin(flood(addr, false, |wire, i| {
                wire.frame(0x80 | i as u8, 0xff, i as u32, b"what is this");
            }))
        }),
        Case::new("resets-of-dead-streams", "RST_STREAM flood", |addr| {
            Box::pin(flood(addr, false, |wire, i| {
                if i == 0 {
                    wire.headers(1, &call(UNARY, "-").0, false);
                }
                wire.rst(1, code::CANCEL);
            }))
        }),
        Case::new("bad-headers-flood", "CVE-2019-9514", |addr| {
            Box::pin(flood(addr, false, |wire, i| {
                let block = call(UNARY, "-").field("Bad", "name");
                wire.headers(stream(i), &block.0, true);
            }))
        })
        .starts(0),
        Case::new("empty-header-names", "CVE-2019-9516", |addr| {
            Box::pin(flood(addr, false, |wire, i| {
                let block = (0..50).fold(call(UNARY, "-"), |block, _| block.field("", ""));
                wire.headers(stream(i), &block.0, true);
            }))
        })
        .starts(0),
        Case::new("empty-data", "CVE-2019-9518, RUSTSEC-2026-0258", |addr| {
            Box::pin(data_flood(addr, 0))
        }),
        Case::new("padding-only-data", "CVE-2019-9518", |addr| {
            Box::pin(padding_flood(addr))
        }),
        Case::new("pings-every-20-ms", "keepalive abuse, gRFC A8", |addr| {
            Box::pin(pings(addr))
        }),
    ]
}

/// As many as go out, read or not; the answer is ENHANCE_YOUR_CALM, or that the server reads no more.
async fn flood(
    addr: SocketAddr,
    deaf: bool,
    each: impl FnMut(&mut Wire, usize),
) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    raw.deaf = deaf;
    let sent = raw.flood(500_000, LIMIT, each).await;
    raw.until_over(Duration::from_secs(1)).await;
    let wants = [Want::GoAway(code::ENHANCE_YOUR_CALM, ""), Want::Stuck];
    Ok(raw.seen.any(&wants).note(format_args!("{sent} sent")))
}

async fn ack_flood(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    raw.flood(500_000, LIMIT, |wire, _| {
        wire.settings_ack();
    })
    .await;
    raw.until_over(Duration::from_secs(1)).await;
    Ok(raw.seen.any(&[
        Want::GoAway(code::PROTOCOL_ERROR, ""),
        Want::GoAway(code::ENHANCE_YOUR_CALM, ""),
    ]))
}

async fn data_flood(addr: SocketAddr, len: usize) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    raw.out.headers(1, &call(BIDI, "-").0, false);
    let payload = vec![0; len];
    let sent = raw
        .flood(500_000, LIMIT, |wire, _| {
            wire.data(1, &payload, false);
        })
        .await;
    raw.until_over(Duration::from_secs(1)).await;
    let wants = [Want::GoAway(code::ENHANCE_YOUR_CALM, ""), Want::Stuck];
    Ok(raw.seen.any(&wants).note(format_args!("{sent} sent")))
}

/// DATA whose flow-controlled bytes are all padding.
async fn padding_flood(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    raw.out.headers(1, &call(BIDI, "-").0, false);
    let sent = raw
        .flood(500_000, LIMIT, |wire, _| {
            wire.frame(kind::DATA, flag::PADDED, 1, &[0]);
        })
        .await;
    raw.until_over(Duration::from_secs(1)).await;
    let wants = [
        Want::GoAway(code::ENHANCE_YOUR_CALM, ""),
        Want::GoAway(code::FLOW_CONTROL_ERROR, ""),
        Want::Stuck,
    ];
    Ok(raw.seen.any(&wants).note(format_args!("{sent} sent")))
}

/// Keepalive far more often than a server has to bear.
async fn pings(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    let mut sent = 0;
    while sent < 100 && raw.seen.goaway.is_none() && !raw.seen.closed {
        raw.out.ping(sent);
        raw.until(Duration::from_millis(20), |seen| seen.goaway.is_some())
            .await;
        sent += 1;
    }
    raw.until_over(Duration::from_millis(300)).await;
    let wants = [Want::GoAway(code::ENHANCE_YOUR_CALM, "too_many_pings")];
    Ok(raw.seen.any(&wants).note(format_args!("{sent} sent")))
}
