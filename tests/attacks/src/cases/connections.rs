//! Connections that never get anywhere: slow, silent, broken off.

use super::Case;
use crate::{
    hpack::{UNARY, call},
    raw::Raw,
    seen::{Seen, Verdict, Want},
    wire::{PREFACE, code, flag, kind},
};
use std::{io, net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, task::JoinSet, time::sleep};

/// How many connections are slow at a time.
const CROWD: usize = 200;
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn cases() -> Vec<Case> {
    const SLOW: &str = "slowloris";
    let timeout = Duration::from_millis(700);
    vec![
        Case::new("silent-connections", SLOW, |addr| {
            Box::pin(crowd(addr, b""))
        })
        .options(|options| options.connection_timeout = Some(timeout)),
        Case::new("half-prefaces", SLOW, |addr| {
            Box::pin(crowd(addr, &PREFACE[..10]))
        })
        .options(|options| options.connection_timeout = Some(timeout)),
        Case::new("preface-only", SLOW, |addr| Box::pin(crowd(addr, PREFACE)))
            .options(|options| options.connection_timeout = Some(timeout)),
        Case::new("half-headers", SLOW, |addr| Box::pin(half_headers(addr)))
            .options(|options| options.keepalive = Some(SECOND)),
        Case::new("headers-drip", SLOW, |addr| Box::pin(drip(addr)))
            .options(|options| options.keepalive = Some(SECOND)),
        Case::new("http1-request", "foreign protocols", |addr| {
            Box::pin(http1(addr))
        }),
        Case::new("tls-to-plaintext", "foreign protocols", |addr| {
            Box::pin(foreign(
                addr,
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                "the peer speaks TLS",
            ))
        }),
        Case::new("garbage", "foreign protocols", |addr| {
            Box::pin(foreign(addr, &[0xff; 2000], "preface"))
        }),
        Case::new("ssh-client", "foreign protocols", |addr| {
            Box::pin(foreign(addr, b"SSH-2.0-OpenSSH_9.9\r\n", "SSH"))
        }),
        Case::new("connections-over-the-limit", "connections", |addr| {
            Box::pin(over_the_limit(addr))
        })
        .options(|options| options.max_connections = Some(50)),
        Case::new(
            "resets-during-accept",
            "accept loop, CVE-2024-47609",
            |addr| Box::pin(resets(addr, b"")),
        ),
        Case::new(
            "file-descriptors-used-up",
            "accept loop, CVE-2023-4785",
            |addr| Box::pin(used_up(addr)),
        )
        .options(|options| options.open_files = Some(64)),
    ]
}

/// Many connections that say this and then nothing.
async fn crowd(addr: SocketAddr, says: &'static [u8]) -> io::Result<Verdict> {
    crowd_of(
        addr,
        move |raw| {
            raw.out.raw(says);
        },
        2 * SECOND,
    )
    .await
}

/// Calls whose header list breaks off, on connections that answer nothing.
async fn half_headers(addr: SocketAddr) -> io::Result<Verdict> {
    let begin = |raw: &mut Raw| {
        raw.polite = false;
        raw.out.raw(PREFACE).settings(&[]).settings_ack();
        let block = call(UNARY, "-").0;
        raw.out
            .head(block.len(), kind::HEADERS, flag::END_HEADERS, 1);
        raw.out.raw(&block[..block.len() / 2]);
    };
    crowd_of(addr, begin, 3 * SECOND).await
}

/// Answers how many of a crowd the server has sent away in time.
async fn crowd_of(
    addr: SocketAddr,
    begin: impl Fn(&mut Raw) + Clone + Send + 'static,
    limit: Duration,
) -> io::Result<Verdict> {
    let mut tasks = JoinSet::new();
    for _ in 0..CROWD {
        let begin = begin.clone();
        tasks.spawn(async move {
            let mut raw = Raw::silent(addr).await?;
            begin(&mut raw);
            raw.until(limit, |seen| seen.closed).await;
            io::Result::Ok(raw.seen)
        });
    }
    let (mut gone, mut last) = (0, Seen::default());
    while let Some(seen) = tasks.join_next().await {
        let seen = seen.map_err(io::Error::other)??;
        gone += usize::from(seen.closed);
        last = seen;
    }
    let verdict = last.any(&[Want::Closed]);
    let what = format!("{gone} of {CROWD} sent away");
    Ok(verdict.note(&what).ensure(gone == CROWD, what))
}

/// A header list of which a byte comes now and then.
async fn drip(addr: SocketAddr) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    raw.polite = false; // a PING cannot be answered within a frame
    let block = call(UNARY, "-").0;
    raw.out
        .head(block.len(), kind::HEADERS, flag::END_HEADERS, 1);
    for byte in block {
        raw.out.raw(&[byte]);
        if raw
            .until(Duration::from_millis(50), |seen| seen.closed)
            .await
        {
            break;
        }
    }
    Ok(raw.seen.any(&[Want::Closed]))
}

async fn http1(addr: SocketAddr) -> io::Result<Verdict> {
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    foreign(addr, request, "HTTP/1.1").await
}

/// Another protocol, which the server must name.
async fn foreign(addr: SocketAddr, bytes: &[u8], name: &str) -> io::Result<Verdict> {
    let mut raw = Raw::silent(addr).await?;
    raw.out.raw(bytes);
    raw.until_over(SECOND).await;
    let goodbye = raw
        .seen
        .all(&[Want::GoAway(code::PROTOCOL_ERROR, name), Want::Closed]);
    Ok(goodbye)
}

/// Thousands of connections that are reset as soon as they are there, or in the middle of this.
pub(super) async fn resets(addr: SocketAddr, says: &'static [u8]) -> io::Result<Verdict> {
    for _ in 0..2000 {
        let stream = TcpStream::connect(addr).await?;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        stream.try_write(says).ok();
    }
    answered(addr).await
}

/// More connections than the server has file descriptors; they go after a while.
async fn used_up(addr: SocketAddr) -> io::Result<Verdict> {
    let mut held = Vec::new();
    for _ in 0..CROWD {
        held.push(TcpStream::connect(addr).await?);
    }
    sleep(SECOND).await;
    drop(held);
    answered(addr).await
}

/// Connections one after the other and kept, far more than the server has room for.
async fn over_the_limit(addr: SocketAddr) -> io::Result<Verdict> {
    let (mut held, mut closed, mut last) = (Vec::new(), 0, Seen::default());
    for _ in 0..2000 {
        let mut raw = Raw::silent(addr).await?;
        raw.out.raw(PREFACE).settings(&[]);
        raw.until(SECOND, |seen| seen.closed || seen.settings.is_some())
            .await;
        match raw.seen.closed {
            true => {
                closed += 1;
                last = raw.seen;
            }
            false => held.push(raw),
        }
    }
    let what = format!("{closed} of 2000 closed at once");
    let verdict = last.any(&[Want::Closed]).note(&what);
    // The neighbours have connections too.
    Ok(verdict.ensure((1950..2000).contains(&closed), what))
}

/// Whether the server accepts: the suite makes calls afterwards, this is for the table.
async fn answered(addr: SocketAddr) -> io::Result<Verdict> {
    TcpStream::connect(addr).await?;
    Ok(Verdict {
        answer: "accepts".into(),
        miss: None,
    })
}
