//! Messages: bombs, lengths that lie, flags that make no sense.

use super::{Case, stream};
use crate::{
    hpack::{BIDI, Block, UNARY, call, message, request},
    raw::Raw,
    seen::{Verdict, Want},
};
use flate2::{Compress, Compression, Crc, FlushCompress, write::GzEncoder};
use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::OnceLock,
    time::Duration,
};

const SOON: Duration = Duration::from_secs(5);

pub(super) fn cases() -> Vec<Case> {
    const GZIP: &str = "gzip bomb, CVE-2024-37168";
    const LENGTH: &str = "declared length";
    const MALFORMED: &str = "malformed messages, CVE-2026-48068, CVE-2026-48069";
    vec![
        // Each of the calls may hold a message of 4 MiB.
        Case::new("gzip-bomb", GZIP, |addr| Box::pin(bombs(addr)))
            .limit_mib(64)
            .starts(0),
        Case::new("gzip-bomb-of-members", GZIP, |addr| {
            Box::pin(messages(addr, 1, gzip_call, || message(1, &members()), 8))
        })
        .starts(0),
        Case::new("length-4-GiB", LENGTH, |addr| {
            Box::pin(messages(
                addr,
                100,
                plain_call,
                || vec![0, 255, 255, 255, 255],
                8,
            ))
        })
        .starts(0),
        Case::new("length-5-MiB", LENGTH, |addr| {
            Box::pin(messages(
                addr,
                100,
                plain_call,
                || vec![0, 0, 0x50, 0, 0],
                8,
            ))
        })
        .starts(0),
        // Nothing is held for what is only announced.
        Case::new("length-within-limit-unsent", LENGTH, |addr| {
            Box::pin(announced(addr, UNARY))
        })
        .starts(0),
        Case::new("length-within-limit-unsent-stream", LENGTH, |addr| {
            Box::pin(announced(addr, BIDI))
        }),
        Case::new("compressed-without-encoding", MALFORMED, |addr| {
            Box::pin(messages(addr, 1, plain_call, || message(1, b"abc"), 13))
        })
        .starts(0),
        // Some senders do that: it may be served.
        Case::new("compressed-and-empty", MALFORMED, |addr| {
            Box::pin(messages(addr, 1, gzip_call, || message(1, b""), 0))
        }),
        Case::new("garbage-for-gzip", MALFORMED, |addr| {
            Box::pin(messages(
                addr,
                1,
                gzip_call,
                || message(1, &[0x55; 3000]),
                13,
            ))
        })
        .starts(0),
        Case::new("gzip-cut-off", MALFORMED, |addr| {
            Box::pin(messages(
                addr,
                1,
                gzip_call,
                || message(1, &bomb()[..1000]),
                13,
            ))
        })
        .starts(0),
        Case::new("flag-of-7", MALFORMED, |addr| {
            Box::pin(messages(addr, 1, plain_call, || message(7, b""), 13))
        })
        .starts(0),
        Case::new("message-cut-off", MALFORMED, |addr| {
            Box::pin(messages(
                addr,
                1,
                plain_call,
                || request(0)[..6].to_vec(),
                13,
            ))
        })
        .starts(0),
        Case::new("garbage-for-protobuf", MALFORMED, |addr| {
            Box::pin(messages(
                addr,
                1,
                plain_call,
                || message(0, &[0xff; 100]),
                13,
            ))
        })
        .starts(0),
        Case::new("unknown-encoding", MALFORMED, |addr| {
            let block = || call(UNARY, "-").field("grpc-encoding", "brotli");
            Box::pin(messages(addr, 1, block, || message(1, b"abc"), 12))
        })
        .starts(0),
    ]
}

fn plain_call() -> Block {
    call(UNARY, "-")
}

fn gzip_call() -> Block {
    call(UNARY, "-").field("grpc-encoding", "gzip")
}

/// 60 MiB of zeros, in less than the 64 KiB that every server's windows hold.
pub(crate) fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let mebibyte = vec![0; 1 << 20];
        // Behind a full flush stands what can be repeated: a piece that refers to nothing before it.
        let mut piece = Vec::with_capacity(4096);
        let flush = FlushCompress::Full;
        Compress::new(Compression::best(), false)
            .compress_vec(&mebibyte, &mut piece, flush)
            .expect("zeros can be compressed");
        let (mut one, mut crc) = (Crc::new(), Crc::new());
        one.update(&mebibyte);
        (0..60).for_each(|_| crc.combine(&one));
        let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]; // RFC 1952 §2.3
        bomb.extend(piece.repeat(60));
        bomb.extend([3, 0]); // the last block, empty
        bomb.extend(crc.sum().to_le_bytes());
        bomb.extend(crc.amount().to_le_bytes());
        bomb
    })
}

/// 50 MiB of zeros in 200 members, each with a head and a tail.
fn members() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder
        .write_all(&[0; 256 << 10])
        .expect("memory does not fail");
    encoder.finish().expect("memory does not fail").repeat(200)
}

/// Calls with such a message; each ends with this status, and the connection lives on.
async fn messages(
    addr: SocketAddr,
    calls: usize,
    block: fn() -> Block,
    bytes: fn() -> Vec<u8>,
    status: u32,
) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    let (block, bytes) = (block().0, bytes());
    for i in 0..calls {
        raw.out.headers(stream(i), &block, false);
        let mut pieces = bytes.chunks(16_000).peekable();
        while let Some(piece) = pieces.next() {
            raw.out.data(stream(i), piece, pieces.peek().is_none());
        }
    }
    raw.until(SOON, |seen| seen.status.len() == calls).await;
    let refused = raw.seen.all(&[
        Want::Status(1, status),
        Want::Status(stream(calls - 1), status),
    ]);
    let good = stream(calls);
    raw.out.headers(good, &crate::hpack::harmless(), false);
    raw.out.data(good, &request(0), true);
    raw.until(SOON, |seen| seen.status.contains_key(&good))
        .await;
    let after = raw.seen.all(&[Want::Status(good, 0), Want::Open]);
    let miss = refused.miss.or(after.miss);
    Ok(Verdict {
        answer: refused.answer,
        miss,
    })
}

/// A bomb on each of 16 connections.
async fn bombs(addr: SocketAddr) -> io::Result<Verdict> {
    bomb(); // making it takes a while
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        tasks.spawn(messages(addr, 1, gzip_call, || message(1, bomb()), 8));
        // A debug build takes 10 ms for the 4 MiB of each, and neighbours may wait for one of them, not for all.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let mut verdicts = Vec::new();
    while let Some(verdict) = tasks.join_next().await {
        verdicts.push(verdict.map_err(io::Error::other)??);
    }
    let all = verdicts.into_iter().reduce(Verdict::and);
    all.ok_or_else(|| io::Error::other("no connection"))
}

/// Messages of nearly 4 MiB are announced on as many streams as there may be, and never come.
async fn announced(addr: SocketAddr, path: &'static str) -> io::Result<Verdict> {
    let mut raw = Raw::open(addr, &[]).await?;
    let block = call(path, "-").0;
    raw.flood(1000, SOON, |wire, i| {
        wire.headers(stream(i), &block, false);
        wire.data(stream(i), &[0, 0, 0x3f, 0xff, 0xff], false);
    })
    .await;
    raw.until_over(Duration::from_millis(800)).await;
    Ok(raw.seen.any(&[Want::Open]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    #[test]
    fn the_bomb_is_small_and_a_good_gzip_file() {
        assert!(bomb().len() < 65_000, "{}", bomb().len());
        let mut zeros = Vec::new();
        GzDecoder::new(bomb()).read_to_end(&mut zeros).unwrap();
        assert_eq!(zeros.len(), 60 << 20);
        assert!(members().len() < 65_000, "{}", members().len());
    }
}
