//! What header compression costs, in nanoseconds per block.
//!
//! Columns: octets of the first and of a later block; decoding the first block of a connection into a list; decoding a
//! later one with the fields dropped at once, into a list that is then dropped, and by the memo, which gives a
//! shared list; encoding a later one from fields, and with the part that all calls share as a remembered piece. In
//! life a block with `grpc-timeout` or the like rarely repeats, so the memo is of no use to it.

use farcall_http2::hpack::{BlockMemo, DecodeLimits, Decoder, Encoder};
use farcall_http2::{Field, KnownName, Name, Part};
use farcall_micro::Error;
use std::{hint::black_box, sync::Arc, time::Instant};

pub(crate) fn run() -> Result<(), Error> {
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
    let trailers = vec![known(KnownName::GrpcStatus, "5")];
    let message = vec![known(KnownName::GrpcMessage, "no such feature")];
    let timeout = vec![known(KnownName::GrpcTimeout, "99987654u")];
    // As long as a request id, and as little worth a place in the table.
    let trace = vec![known(
        KnownName::GrpcTraceBin,
        "AACKpdgAHCJ2cA2MRpTuWCh4AUSTLp5Vkg2IAgE",
    )];

    print!("{:34} {:>6}", "block", "octets");
    for column in [
        "dec cold",
        "dec hot",
        "dec list",
        "dec memo",
        "enc hot",
        "enc piece",
    ] {
        print!(" {column:>9}");
    }
    println!();
    for (name, lists) in [
        ("request, 8 fields", vec![&typical]),
        ("request, 9 with user metadata", vec![&request]),
        ("request + grpc-timeout", vec![&typical, &timeout]),
        (
            "request + grpc-timeout + trace",
            vec![&typical, &timeout, &trace],
        ),
        ("response, 3 fields", vec![&response]),
        ("trailers, 1 field", vec![&trailers]),
        ("trailers + grpc-message", vec![&trailers, &message]),
    ] {
        measure(name, &lists);
    }
    Ok(())
}

fn measure(name: &str, lists: &[&Vec<Field>]) {
    let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
    let plain: Vec<Part<'_>> = lists.iter().map(|list| Part::Fields(list)).collect();
    // The first list is the same for every call; the others are of this call.
    let shared = Arc::new(lists[0].clone());
    let mut pieces = plain.clone();
    pieces[0] = Part::Shared(&shared);

    let (mut first, mut block) = (Vec::new(), Vec::new());
    encoder.encode(&plain, &mut first);
    decode_list(&mut decoder, &first);
    for _ in 0..4 {
        block.clear();
        encoder.encode(&pieces, &mut block);
        decode_list(&mut decoder, &block);
    }
    let cold = time(
        20_000,
        || Decoder::new(4096),
        |decoder| decode_list(decoder, &first),
    );
    let hot = time(200_000, || (), |()| decode(&mut decoder, &block));
    let list = time(200_000, || (), |()| decode_list(&mut decoder, &block));
    let mut memo = BlockMemo::new();
    let remembered = time(
        200_000,
        || (),
        |()| decode_or_remember(&mut decoder, &mut memo, &block).len(),
    );
    let mut out = Vec::with_capacity(1024);
    let mut encode = |parts: &[Part<'_>]| {
        let mut run = |_: &mut ()| {
            out.clear();
            encoder.encode(black_box(parts), &mut out);
            out.len()
        };
        time(200_000, || (), &mut run)
    };
    let (fields, piece) = (encode(&plain), encode(&pieces));
    print!(
        "{name:34} {:>6}",
        format!("{}/{}", first.len(), block.len())
    );
    for column in [cold, hot, list, remembered, fields, piece] {
        print!(" {column:>9.1}");
    }
    println!();
}

/// Without a list: each field is dropped at once.
fn decode(decoder: &mut Decoder, block: &[u8]) -> usize {
    let sink = |name, value, sensitive| {
        black_box((name, value, sensitive));
    };
    let outcome = decoder.decode(black_box(block), DecodeLimits::default(), sink);
    outcome.expect("our encoder's block").count
}

fn decode_list(decoder: &mut Decoder, block: &[u8]) -> usize {
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
