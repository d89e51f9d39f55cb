//! Frames to bytes and back, in nanoseconds per frame.

use farcall_http2::{
    Reason,
    frame::{Data, HEAD_LEN, Head, Kind, Ping, RstStream, Setting, Settings, WindowUpdate, flags},
};
use farcall_micro::Error;
use std::{hint::black_box, time::Instant};

const FRAMES: usize = 10_000;

pub(crate) fn run() -> Result<(), Error> {
    println!("{:16} {:>9} {:>9}", "frame", "encode", "parse");
    let settings = [
        Setting::InitialWindowSize(1 << 20),
        Setting::MaxConcurrentStreams(1000),
    ];
    row(
        "SETTINGS, 2",
        |out| Settings::encode(&settings, out),
        |head, payload| Settings::parse(head, payload).is_ok(),
    );
    let ping = Ping {
        ack: false,
        payload: 7,
    };
    row(
        "PING",
        |out| ping.encode(out),
        |head, payload| Ping::parse(head, payload).is_ok(),
    );
    let update = WindowUpdate {
        stream: 5,
        increment: 1000,
    };
    row(
        "WINDOW_UPDATE",
        |out| update.encode(out),
        |head, payload| WindowUpdate::parse(head, payload).is_ok(),
    );
    let reset = RstStream {
        stream: 5,
        reason: Reason::CANCEL,
    };
    row(
        "RST_STREAM",
        |out| reset.encode(out),
        |head, payload| RstStream::parse(head, payload).is_ok(),
    );
    row(
        "DATA, 5 octets",
        |out| {
            let (kind, flags) = (Kind::DATA, flags::END_STREAM);
            let head = Head {
                len: 5,
                kind,
                flags,
                stream: 5,
            };
            head.encode(out);
            out.extend_from_slice(&[0; 5]);
        },
        |head, _| Data::parse(head, 0).is_ok(),
    );
    Ok(())
}

fn row(name: &str, mut encode: impl FnMut(&mut Vec<u8>), parse: impl Fn(&Head, &[u8]) -> bool) {
    let mut wire = Vec::new();
    let encoding = best(|| {
        wire.clear();
        for _ in 0..FRAMES {
            encode(black_box(&mut wire));
        }
    });
    let parsing = best(|| {
        let mut rest = black_box(&wire[..]);
        while let Some((head, after)) = rest.split_first_chunk::<HEAD_LEN>() {
            let head = Head::parse(head);
            let (payload, after) = after.split_at(head.len as usize);
            assert!(parse(&head, payload));
            rest = after;
        }
    });
    println!("{name:16} {encoding:>9.1} {parsing:>9.1}");
}

/// The best of 200 rounds, in nanoseconds per frame.
fn best(mut round: impl FnMut()) -> f64 {
    let once = |_| {
        let start = Instant::now();
        round();
        start.elapsed().as_nanos() as f64 / FRAMES as f64
    };
    (0..200).map(once).fold(f64::INFINITY, f64::min)
}
