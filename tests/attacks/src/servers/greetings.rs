//! Connections that begin badly: silence, other protocols, SETTINGS that lie.

use super::{Case, Expect, SOON, answer};
use crate::{
    raw::Raw,
    wire::{kind, setting},
};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

pub(super) fn cases() -> Vec<Case> {
    const FOREIGN: &str = "foreign protocols";
    const LIES: &str = "SETTINGS abuse, CVE-2026-33814";
    const UNAVAILABLE: &str = "UNAVAILABLE";
    let late = [Expect::Status("DEADLINE_EXCEEDED", "")];
    let lie = |name, script, text| {
        let expect = [Expect::Status(UNAVAILABLE, text); 2];
        Case::new(name, LIES, script, expect)
    };
    vec![
        Case::new(
            "silent-server",
            "no SETTINGS",
            |io| Box::pin(silent(io)),
            late,
        ),
        Case::new(
            "http1-server",
            FOREIGN,
            |io| {
                Box::pin(says(
                    io,
                    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
                ))
            },
            [Expect::Status(UNAVAILABLE, "HTTP/1.1")],
        ),
        Case::new(
            "ssh-server",
            FOREIGN,
            |io| Box::pin(says(io, b"SSH-2.0-OpenSSH_9.9\r\n")),
            [Expect::Status(UNAVAILABLE, "SSH")],
        ),
        Case::new(
            "smtp-server",
            FOREIGN,
            |io| Box::pin(says(io, b"220 mail.example ESMTP ready\r\n")),
            [Expect::Status(UNAVAILABLE, "SMTP")],
        ),
        Case::new(
            "imap-server",
            FOREIGN,
            |io| Box::pin(says(io, b"* OK IMAP4rev1 ready\r\n")),
            [Expect::Status(UNAVAILABLE, "protocol of text")],
        ),
        Case::new(
            "tls-alert-server",
            FOREIGN,
            |io| Box::pin(says(io, b"\x15\x03\x03\x00\x02\x02\x46")),
            [Expect::Status(UNAVAILABLE, "it expects TLS")],
        ),
        Case::new(
            "garbage-server",
            FOREIGN,
            |io| Box::pin(says(io, &[0xff; 3000])),
            [Expect::Status(
                UNAVAILABLE,
                "the first frame is not SETTINGS",
            )],
        ),
        Case::new(
            "server-that-closes",
            FOREIGN,
            |io| Box::pin(says(io, b"")),
            [Expect::Status(UNAVAILABLE, "")],
        ),
        Case::new(
            "server-that-resets",
            FOREIGN,
            |io| Box::pin(resets(io)),
            [Expect::Status(UNAVAILABLE, "")],
        ),
        lie(
            "settings-max-frame-size-0",
            |io| Box::pin(lies(io, setting::MAX_FRAME_SIZE, 0)),
            "SETTINGS_MAX_FRAME_SIZE",
        ),
        lie(
            "settings-max-frame-size-16383",
            |io| Box::pin(lies(io, setting::MAX_FRAME_SIZE, 16_383)),
            "SETTINGS_MAX_FRAME_SIZE",
        ),
        lie(
            "settings-max-frame-size-2^24",
            |io| Box::pin(lies(io, setting::MAX_FRAME_SIZE, 1 << 24)),
            "SETTINGS_MAX_FRAME_SIZE",
        ),
        lie(
            "settings-initial-window-2^31",
            |io| Box::pin(lies(io, setting::INITIAL_WINDOW_SIZE, 1 << 31)),
            "SETTINGS_INITIAL_WINDOW_SIZE",
        ),
        lie(
            "settings-enable-push-1",
            |io| Box::pin(lies(io, setting::ENABLE_PUSH, 1)),
            "SETTINGS_ENABLE_PUSH",
        ),
        Case::new(
            "settings-no-streams",
            LIES,
            |io| Box::pin(lies(io, setting::MAX_CONCURRENT_STREAMS, 0)),
            late,
        ),
        Case::new(
            "settings-no-headers",
            LIES,
            |io| Box::pin(lies(io, setting::MAX_HEADER_LIST_SIZE, 0)),
            [Expect::Status("INTERNAL", "SETTINGS_MAX_HEADER_LIST_SIZE")],
        ),
        Case::new(
            "settings-table-4-GiB",
            LIES,
            |io| Box::pin(serves(io, vec![(setting::HEADER_TABLE_SIZE, u32::MAX)])),
            [Expect::Ok; 50],
        ),
        Case::new(
            "settings-1000-entries",
            LIES,
            |io| Box::pin(serves(io, (0..1000).map(|i| (0x1000 + i, 7)).collect())),
            [Expect::Ok; 2],
        ),
        Case::new(
            "settings-in-pieces",
            LIES,
            |io| Box::pin(drips(io)),
            [Expect::Ok],
        ),
    ]
}

/// Hears everything and says nothing.
async fn silent(io: TcpStream) -> io::Result<Raw> {
    let mut raw = Raw::server(io);
    raw.polite = false;
    raw.until(SOON, |seen| seen.closed).await;
    Ok(raw)
}

async fn says(mut io: TcpStream, bytes: &[u8]) -> io::Result<Raw> {
    io.write_all(bytes).await?;
    let mut preface = [0; 24];
    io.read_exact(&mut preface).await.ok();
    let mut raw = Raw::new(io);
    if !bytes.is_empty() {
        raw.until(SOON, |seen| seen.closed).await;
    }
    Ok(raw)
}

async fn resets(io: TcpStream) -> io::Result<Raw> {
    socket2::SockRef::from(&io).set_linger(Some(Duration::ZERO))?;
    Ok(Raw::new(io)) // goes at once
}

/// SETTINGS with such a value; calls are not answered.
async fn lies(io: TcpStream, id: u16, value: u32) -> io::Result<Raw> {
    let mut raw = Raw::server(io);
    raw.out.settings(&[(id, value)]);
    raw.until(SOON, |seen| seen.closed).await;
    Ok(raw)
}

/// Odd SETTINGS, and service for a while.
async fn serves(io: TcpStream, settings: Vec<(u16, u32)>) -> io::Result<Raw> {
    let mut raw = Raw::server(io);
    raw.out.settings(&settings);
    let mut answered = 0;
    while raw
        .until(Duration::from_millis(300), |seen| {
            seen.ended.len() > answered
        })
        .await
    {
        while answered < raw.seen.ended.len() {
            answer(&mut raw.out, raw.seen.ended[answered]);
            answered += 1;
        }
    }
    Ok(raw)
}

/// SETTINGS a byte at a time, and then service.
async fn drips(io: TcpStream) -> io::Result<Raw> {
    let mut raw = Raw::server(io);
    raw.polite = false;
    for byte in [0, 0, 0, kind::SETTINGS, 0, 0, 0, 0, 0] {
        raw.out.raw(&[byte]);
        raw.flush().await;
        sleep(Duration::from_millis(20)).await;
    }
    raw.out.settings_ack();
    raw.until(SOON, |seen| !seen.ended.is_empty()).await;
    answer(&mut raw.out, 1);
    raw.until(SOON / 10, |_| false).await;
    Ok(raw)
}
