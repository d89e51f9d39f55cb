//! Servers that flood: everything that costs a client more than it costs them.

use super::{Case, Expect, SOON, answer, greeted, head, trailers};
use crate::{
    hpack::{Block, message},
    raw::Raw,
    wire::{Wire, flag, kind},
};
use std::{
    io,
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn cases() -> Vec<Case> {
    const FLOOD: &str = "floods, CVE-2019-9511 to 9518";
    const ENDLESS: &str = "headers without end, CVE-2024-27316";
    let calm = |name, class, script| {
        let expect = [Expect::Status("UNAVAILABLE", "ENHANCE_YOUR_CALM"); 2];
        Case::new(name, class, script, expect)
    };
    vec![
        calm("ping-flood", FLOOD, |io| {
            Box::pin(floods(io, |wire, i| {
                wire.ping(i as u64);
            }))
        }),
        calm("settings-flood", FLOOD, |io| {
            Box::pin(floods(io, |wire, _| {
                wire.settings(&[]);
            }))
        }),
        calm("window-update-flood", FLOOD, |io| {
            Box::pin(floods(io, |wire, _| {
                wire.window(0, 1);
            }))
        }),
        calm("priority-flood", FLOOD, |io| {
            Box::pin(floods(io, |wire, _| {
                wire.priority(1, 0);
            }))
        }),
        calm("unknown-frames", FLOOD, |io| {
            Box::pin(floods(io, |wire, i| {
                wire.frame(0x77, 0xff, i as u32, b"?");
            }))
        }),
        calm("empty-data", FLOOD, |io| {
            Box::pin(floods(io, |wire, i| {
                if i == 0 {
                    wire.headers(1, &head().0, false);
                }
                wire.data(1, b"", false);
            }))
        }),
        calm("headers-without-end", ENDLESS, |io| {
            Box::pin(endless(io, [b'x'; 16_000].to_vec()))
        }),
        calm("headers-without-end-empty", ENDLESS, |io| {
            Box::pin(endless(io, vec![]))
        }),
        calm("endless-1xx", "endless 1xx", |io| {
            Box::pin(floods(io, |wire, _| {
                wire.headers(1, &Block::default().field(":status", "103").0, false);
            }))
        }),
        Case::new(
            "push-promise",
            "push",
            |io| {
                Box::pin(once(io, |wire| {
                    let payload = [&[0, 0, 0, 2][..], &head().0].concat();
                    wire.frame(kind::PUSH_PROMISE, flag::END_HEADERS, 1, &payload);
                }))
            },
            [Expect::Status("UNAVAILABLE", "PUSH_PROMISE"); 2],
        ),
        Case::new(
            "streams-opened-by-server",
            "push",
            |io| {
                Box::pin(once(io, |wire| {
                    wire.headers(2, &head().0, false);
                }))
            },
            [Expect::Status("UNAVAILABLE", ""); 2],
        ),
        Case::new(
            "data-on-idle-stream",
            "stream states",
            |io| {
                Box::pin(once(io, |wire| {
                    wire.data(99, b"x", false);
                }))
            },
            [Expect::Status("UNAVAILABLE", ""); 2],
        ),
        Case::new(
            "window-overflow",
            "flow control",
            |io| {
                Box::pin(once(io, |wire| {
                    wire.window(0, 0x7fff_ffff);
                }))
            },
            [Expect::Status("UNAVAILABLE", "window"); 2],
        ),
        Case::new(
            "hpack-corrupt",
            "HPACK numbers, CVE-2023-33953",
            |io| {
                Box::pin(once(io, |wire| {
                    wire.headers(1, &[0xff; 100], false);
                }))
            },
            [Expect::Status("UNAVAILABLE", "header block"); 2],
        ),
        Case::new(
            "frame-too-large",
            "frames",
            |io| {
                Box::pin(once(io, |wire| {
                    wire.head((1 << 24) - 1, kind::DATA, 0, 1);
                }))
            },
            [Expect::Status("UNAVAILABLE", "MAX_FRAME_SIZE"); 2],
        ),
        // The client reads as fast as it can. When its tasks get no core, as much waits for them as the windows allow.
        Case::new(
            "small-messages-at-full-speed",
            "endless responses",
            |io| Box::pin(streams(io, 200)),
            [Expect::Ok],
        )
        .stream()
        .limit_mib(16),
        // The client reads nothing for a while: what it holds is limited by the windows.
        Case::new(
            "small-messages-unread",
            "endless responses",
            |io| Box::pin(streams(io, 1)),
            [Expect::Ok],
        )
        .hold(),
        Case::new(
            "tiny-data-unread",
            "tiny DATA, CVE-2026-84304",
            |io| Box::pin(tiny(io)),
            [Expect::Status("UNAVAILABLE", "ENHANCE_YOUR_CALM")],
        )
        .hold(),
        Case::new(
            "data-beyond-window",
            "flow control",
            |io| Box::pin(beyond(io)),
            [Expect::Status("INTERNAL", "window")],
        )
        .hold(),
    ]
}

/// As many as go out, until the client has enough; then the second call is answered, if it still can be.
async fn floods(io: TcpStream, each: impl FnMut(&mut Wire, usize)) -> io::Result<Raw> {
    let mut raw = greeted(io, 2).await;
    raw.flood(500_000, Duration::from_secs(1), each).await;
    answer(&mut raw.out, 3);
    raw.until_over(SOON / 10).await;
    Ok(raw)
}

async fn endless(io: TcpStream, piece: Vec<u8>) -> io::Result<Raw> {
    let mut raw = greeted(io, 2).await;
    raw.out.frame(kind::HEADERS, flag::NONE, 1, &head().0);
    raw.flood(200_000, Duration::from_secs(1), |wire, _| {
        wire.frame(kind::CONTINUATION, flag::NONE, 1, &piece);
    })
    .await;
    raw.until_over(SOON).await;
    Ok(raw)
}

/// One frame that must not be.
async fn once(io: TcpStream, crime: fn(&mut Wire)) -> io::Result<Raw> {
    let mut raw = greeted(io, 2).await;
    crime(&mut raw.out);
    raw.until_over(SOON).await;
    Ok(raw)
}

/// Empty messages, so many in each frame, for as long as the windows let them through.
async fn streams(io: TcpStream, messages: usize) -> io::Result<Raw> {
    let few = message(0, &[]).repeat(messages);
    within_windows(io, &few, SECOND).await
}

/// One message of 60,000 bytes in as many frames, again and again.
async fn tiny(io: TcpStream) -> io::Result<Raw> {
    within_windows(io, &[0], SECOND).await
}

/// Such DATA for a while, but never more than the client's windows allow; then the good end of the call.
pub(crate) async fn within_windows(
    io: TcpStream,
    payload: &[u8],
    time: Duration,
) -> io::Result<Raw> {
    let mut raw = greeted(io, 1).await;
    raw.out.headers(1, &head().0, false);
    let (end, mut sent) = (Instant::now() + time, 0);
    // Whole messages only, whatever their pieces.
    while Instant::now() < end || sent % 5 != 0 {
        let room = raw.seen.credit(1) - sent;
        for _ in 0..(room / payload.len() as u64).min(500) {
            raw.out.data(1, payload, false);
            sent += payload.len() as u64;
        }
        let credit = raw.seen.credit(1);
        if room < payload.len().max(5) as u64 {
            raw.until(Duration::from_millis(100), |seen| seen.credit(1) > credit)
                .await;
        }
        if !raw.flush().await || raw.seen.goaway.is_some() || raw.seen.closed {
            break;
        }
    }
    raw.out.headers(1, &trailers("0").0, true);
    raw.until(SOON, |seen| seen.closed).await;
    Ok(raw)
}

/// DATA as if there were no windows.
async fn beyond(io: TcpStream) -> io::Result<Raw> {
    let mut raw = greeted(io, 1).await;
    raw.out.headers(1, &head().0, false);
    let few = message(0, &[]).repeat(3000);
    raw.flood(1000, Duration::from_secs(1), |wire, _| {
        wire.data(1, &few, false);
    })
    .await;
    raw.until(SOON / 4, |seen| seen.goaway.is_some()).await;
    Ok(raw)
}
