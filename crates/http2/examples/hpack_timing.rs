//! What header compression costs, in nanoseconds per block: `cargo run --release --example hpack_timing`.
//!
//! Hot: the blocks of a connection on which the same call was made before. Cold: its first block. A hot
//! decode includes making and dropping the list; the memo gives a shared list.

use farcall_http2::hpack::{BlockMemo, DecodeLimits, Decoder, Encoder};
use farcall_http2::{Field, KnownName, Name, Part};
use std::{hint::black_box, sync::Arc, time::Instant};

fn main() {
    let known = |name: KnownName, value: &'static str| Field::new(name, value);
    let other = |name, value: &'static str| Field::new(Name::from_static(name), value);
    let mut request = vec![
        known(KnownName::Method, "POST"),
        known(KnownName::Scheme, "http"),
        known(KnownName::Path, "/grpc.testing.TestService/UnaryCall"),
        known(KnownName::Authority, "service.example.com:50051"),
        known(KnownName::ContentType, "application/grpc"),
        known(KnownName::Te, "trailers"),
        known(KnownName::UserAgent, "grpc-rust-farcall/0.1.0"),
        known(KnownName::GrpcAcceptEncoding, "identity,gzip"),
    ];
    let typical = request.clone();
    request.push(other("x-client-version", "2026.10.1"));
    let response = vec![
        known(KnownName::Status, "200"),
        known(KnownName::ContentType, "application/grpc"),
        known(KnownName::GrpcAcceptEncoding, "identity,gzip"),
    ];
    let trailers = vec![
        known(KnownName::GrpcStatus, "0"),
        known(KnownName::GrpcMessage, ""),
    ];
    let timeout = vec![known(KnownName::GrpcTimeout, "99987654u")];
    let random = vec![other(
        "x-request-id",
        "7f3b9c1e-52aa-4d0e-9d5b-0c8de1f2a3b4",
    )];

    println!(
        "{:34} {:>6} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "block", "octets", "dec cold", "dec hot", "dec memo", "enc hot", "enc piece"
    );
    for (name, lists) in [
        ("request, 8 fields", vec![&typical]),
        ("request, 9 with user metadata", vec![&request]),
        ("request + grpc-timeout", vec![&typical, &timeout]),
        (
            "request + grpc-timeout + id",
            vec![&typical, &timeout, &random],
        ),
        ("response, 3 fields", vec![&response]),
        ("trailers, 2 fields", vec![&trailers]),
    ] {
        measure(name, &lists);
    }
}

fn measure(name: &str, lists: &[&Vec<Field>]) {
    let mut encoder = Encoder::new(4096);
    let mut decoder = Decoder::new(4096);
    let mut block = Vec::new();
    let plain: Vec<Part<'_>> = lists.iter().map(|list| Part::Fields(list)).collect();
    // The first list is the same for every call; the others are of this call.
    let shared = Arc::new(lists[0].clone());
    let pieces: Vec<Part<'_>> = [Part::Shared(&shared)]
        .into_iter()
        .chain(plain[1..].iter().copied())
        .collect();

    encoder.encode(&plain, &mut block);
    let first = block.clone();
    let cold = time(
        20_000,
        || Decoder::new(4096),
        |decoder| decode(decoder, &first),
    );
    decode(&mut decoder, &first);
    for _ in 0..4 {
        block.clear();
        encoder.encode(&pieces, &mut block);
        decode(&mut decoder, &block);
    }
    let hot = time(200_000, || (), |()| decode(&mut decoder, &block));
    let mut memo = BlockMemo::new();
    let with_memo = time(
        200_000,
        || (),
        |()| decode_or_remember(&mut decoder, &mut memo, &block).len(),
    );
    let mut out = Vec::with_capacity(1024);
    let mut encode = |parts: &[Part<'_>]| {
        time(
            200_000,
            || (),
            |()| {
                out.clear();
                encoder.encode(black_box(parts), &mut out);
                out.len()
            },
        )
    };
    let (fields, piece) = (encode(&plain), encode(&pieces));
    println!(
        "{name:34} {:>6} {cold:>9.1} {hot:>9.1} {with_memo:>9.1} {fields:>9.1} {piece:>9.1}",
        format!("{}/{}", first.len(), block.len())
    );
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> usize {
    let mut list = Vec::with_capacity(16);
    let sink = |name, value, sensitive| {
        list.push(Field {
            name,
            value,
            sensitive,
        })
    };
    decoder
        .decode(black_box(block), DecodeLimits::default(), sink)
        .expect("our encoder's block");
    black_box(&list).len()
}

fn decode_or_remember(
    decoder: &mut Decoder,
    memo: &mut BlockMemo<Arc<Vec<Field>>>,
    block: &[u8],
) -> Arc<Vec<Field>> {
    let block = black_box(block);
    if let Some(list) = memo.lookup(block, decoder.generation()) {
        return list;
    }
    let mut list = Vec::with_capacity(16);
    let sink = |name, value, sensitive| {
        list.push(Field {
            name,
            value,
            sensitive,
        })
    };
    let outcome = decoder
        .decode(block, DecodeLimits::default(), sink)
        .expect("our encoder's block");
    let list = Arc::new(list);
    memo.remember(block, decoder.generation(), &outcome, Arc::clone(&list));
    list
}

/// The best of 15 rounds, in nanoseconds per run; `prepare` is not counted.
fn time<S>(
    runs: usize,
    mut prepare: impl FnMut() -> S,
    mut run: impl FnMut(&mut S) -> usize,
) -> f64 {
    let round = |_| {
        let mut states: Vec<S> = (0..runs).map(|_| prepare()).collect();
        let start = Instant::now();
        for state in &mut states {
            black_box(run(state));
        }
        start.elapsed().as_nanos() as f64 / runs as f64
    };
    (0..15).map(round).fold(f64::INFINITY, f64::min)
}
