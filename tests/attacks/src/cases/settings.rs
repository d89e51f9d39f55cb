//! SETTINGS that lie, and what comes after the end.

use super::{Case, stream};
use crate::{
    hpack::{UNARY, call, request},
    raw::Raw,
    seen::{Verdict, Want},
    wire::{code, setting},
};
use std::{io, net::SocketAddr, time::Duration};

const SOON: Duration = Duration::from_secs(2);

pub(super) fn cases() -> Vec<Case> {
    const ABUSE: &str = "SETTINGS abuse, CVE-2026-33814";
    const AFTER: &str = "session after GOAWAY, CVE-2026-21714, CVE-2026-27135";
    vec![
        Case::new("settings-max-frame-size-0", ABUSE, |addr| {
            Box::pin(lie(addr, setting::MAX_FRAME_SIZE, 0, code::PROTOCOL_ERROR))
        }),
        Case::new("settings-max-frame-size-16383", ABUSE, |addr| {
            let size = 16_383;
            Box::pin(lie(
                addr,
                setting::MAX_FRAME_SIZE,
                size,
                code::PROTOCOL_ERROR,
            ))
        }),
        Case::new("settings-max-frame-size-2^24", ABUSE, |addr| {
            let size = 1 << 24;
            Box::pin(lie(
                addr,
                setting::MAX_FRAME_SIZE,
                size,
                code::PROTOCOL_ERROR,
            ))
        }),
        Case::new("settings-initial-window-2^31", ABUSE, |addr| {
            let (size, code) = (1 << 31, code::FLOW_CONTROL_ERROR);
            Box::pin(lie(addr, setting::INITIAL_WINDOW_SIZE, size, code))
        }),
        Case::new("settings-enable-push-2", ABUSE, |addr| {
            Box::pin(lie(addr, setting::ENABLE_PUSH, 2, code::PROTOCOL_ERROR))
        }),
        Case::new("settings-1000-entries", ABUSE, |addr| {
            Box::pin(many_entries(addr))
        }),
        Case::new("after-goaway", AFTER, |addr| Box::pin(after_goaway(addr))).starts(0),
    ]
}

async fn lie(addr: SocketAddr, id: u16, value: u32, why: u32) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[(id, value)]).await?;
    raw.until_over(SOON).await;
    Ok(raw.seen.any(&[Want::GoAway(why, "")]))
}

/// A thousand entries in one frame: odd, but harmless.
async fn many_entries(addr: SocketAddr) -> io::Result<Verdict> {
    let entries: Vec<_> = (0..1000u16).map(|i| (0x1000 + i, u32::from(i))).collect();
    let mut raw = Raw::open(addr, &entries).await?;
    raw.out.headers(1, &call(UNARY, "-").0, false);
    raw.out.data(1, &request(0), true);
    raw.until(SOON, |seen| {
        seen.goaway.is_some() || seen.status.contains_key(&1)
    })
    .await;
    Ok(raw.seen.any(&[
        Want::Status(1, 0),
        Want::GoAway(code::ENHANCE_YOUR_CALM, ""),
    ]))
}

/// An error of the connection, with good calls and garbage behind it: none of that is looked at.
async fn after_goaway(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    raw.out.window(0, 0x7fff_ffff);
    for i in 0..100 {
        raw.out.headers(stream(i), &call(UNARY, "-").0, false);
        raw.out.data(stream(i), &request(0), true);
    }
    raw.out.raw(&[0xff; 4096]);
    raw.until(SOON, |seen| seen.closed).await;
    Ok(raw
        .seen
        .all(&[Want::GoAway(code::FLOW_CONTROL_ERROR, ""), Want::Closed]))
}
