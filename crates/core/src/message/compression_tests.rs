//! What every compressor must do.

use super::{
    compressor::{Compressor, DecompressError},
    compressors::Compressors,
};
use crate::random::XorShift;
use std::sync::Arc;

fn all() -> Vec<Arc<dyn Compressor>> {
    Compressors::default().iter().cloned().collect()
}

fn payload(random: &mut XorShift, size: usize) -> Vec<u8> {
    let byte = |i: usize| match i % 7 {
        0 => random.next_u64() as u8,
        _ => i as u8 / 16,
    };
    (0..size).map(byte).collect()
}

fn compress(compressor: &dyn Compressor, input: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    compressor.compress(input, &mut output).unwrap();
    output
}

fn decompress(
    compressor: &dyn Compressor,
    input: &[u8],
    limit: usize,
) -> Result<Vec<u8>, DecompressError> {
    let mut output = Vec::new();
    compressor
        .decompress(input, limit, &mut output)
        .map(|()| output)
}

#[test]
fn the_features_decide_which_there_are() {
    let names: Vec<_> = all().iter().map(|compressor| compressor.name()).collect();
    let expected = [
        ("gzip", cfg!(feature = "gzip")),
        ("deflate", cfg!(feature = "deflate")),
        ("zstd", cfg!(feature = "zstd")),
        ("snappy", cfg!(feature = "snappy")),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .filter(|(_, on)| *on)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, expected);
}

#[test]
fn what_is_compressed_comes_back_behind_what_was_there_with_reused_state() {
    let mut random = XorShift::new(4);
    for compressor in all() {
        for size in [0, 1, 100, 5_000, 300_000, 70_000, 1] {
            let input = payload(&mut random, size);
            let mut wire = b"front".to_vec();
            compressor.compress(&input, &mut wire).unwrap();
            assert!(wire.starts_with(b"front"));
            let mut output = b"front".to_vec();
            compressor
                .decompress(&wire[5..], size, &mut output)
                .unwrap();
            assert_eq!(
                output,
                [b"front", &input[..]].concat(),
                "{}, {size}",
                compressor.name()
            );
        }
    }
}

#[test]
fn decompression_stops_at_the_limit_and_not_later() {
    const LARGE: usize = 4 << 20;
    for compressor in all() {
        let bomb = compress(&*compressor, &vec![0; LARGE]);
        assert!(
            bomb.len() < 300_000,
            "{}: {}",
            compressor.name(),
            bomb.len()
        );
        let mut output = Vec::new();
        let result = compressor.decompress(&bomb, 1 << 20, &mut output);
        assert_eq!(
            result,
            Err(DecompressError::TooLarge),
            "{}",
            compressor.name()
        );
        assert!(
            output.capacity() <= 2 << 20,
            "{}: {}",
            compressor.name(),
            output.capacity()
        );
        let almost = decompress(&*compressor, &bomb, LARGE - 1);
        assert_eq!(
            almost,
            Err(DecompressError::TooLarge),
            "{}",
            compressor.name()
        );
        assert_eq!(decompress(&*compressor, &bomb, LARGE).unwrap().len(), LARGE);
    }
}

#[test]
fn cut_and_foreign_input_is_malformed_and_the_next_message_is_read() {
    let input = b"some text that is long enough to be worth it, some text";
    for compressor in all() {
        let good = compress(&*compressor, input);
        // Snappy's stream may end behind any chunk: its first one is the identifier.
        let whole = |length: usize| compressor.name() == "snappy" && length == 10;
        for length in (0..good.len()).filter(|length| !whole(*length)) {
            let result = decompress(&*compressor, &good[..length], 1000);
            assert!(
                matches!(result, Err(DecompressError::Malformed(_))),
                "{}, {length}: {result:?}",
                compressor.name()
            );
        }
        let foreign = decompress(&*compressor, b"nothing of the kind, really not", 1000);
        assert!(matches!(foreign, Err(DecompressError::Malformed(_))));
        assert_eq!(decompress(&*compressor, &good, 1000).unwrap(), input);
    }
}

#[test]
fn random_damage_never_panics() {
    let mut random = XorShift::new(6);
    for compressor in all() {
        let good = compress(&*compressor, &payload(&mut XorShift::new(7), 600));
        for _ in 0..3_000 {
            let mut bad = good.clone();
            for _ in 0..1 + random.below(5) {
                let at = random.below(bad.len());
                bad[at] = random.next_u64() as u8;
            }
            bad.truncate(random.below(bad.len() + 1));
            let _ = decompress(&*compressor, &bad, 10_000);
        }
        assert_eq!(decompress(&*compressor, &good, 600).unwrap().len(), 600);
    }
}

#[test]
fn messages_below_the_smallest_size_are_not_compressed() {
    use super::encode_payload;
    let set = Compressors::default().min_size(100);
    for compressor in set.iter() {
        let (small, large) = (vec![7; 99], vec![7; 100]);
        let flag =
            |payload: &[u8]| encode_payload(payload, Some(&**compressor), usize::MAX).unwrap()[0];
        assert_eq!(
            (flag(&small), flag(&large)),
            (0, 1),
            "{}",
            compressor.name()
        );
        let wire = encode_payload(&large, Some(&**compressor), usize::MAX).unwrap();
        assert_eq!(decompress(&**compressor, &wire[5..], 100).unwrap(), large);
    }
}

/// A message of about `size` bytes in the smallest pieces that the format has.
fn shredded(compressor: &dyn Compressor, size: usize) -> Vec<u8> {
    let mut wire = compress(compressor, b"x");
    let piece = match compressor.name() {
        // Both may follow one another: RFC 1952 §2.2 and RFC 8878 §3.1. Both bring hundreds of times one byte.
        "gzip" => compress(compressor, &[7; 1000]),
        "zstd" => [
            &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x00][..],
            &[0x83, 0x0c, 0x00, 7],
        ]
        .concat(),
        // Empty blocks without compression (RFC 1951 §3.2.4), behind the header.
        "deflate" => {
            let mut wire = vec![0x78, 0x01];
            wire.extend([0, 0, 0, 0xff, 0xff].repeat(size / 5));
            wire.extend([1, 0, 0, 0xff, 0xff, 0, 0, 0, 1]);
            return wire;
        }
        // A chunk behind the stream identifier.
        "snappy" => wire[10..].to_vec(),
        name => panic!("what is the smallest piece of {name}?"),
    };
    wire.extend(piece.repeat(size / piece.len()));
    wire
}

#[test]
fn a_message_of_many_small_pieces_is_read_without_moving_it_for_each_of_them() {
    use super::room::tests::GROWN;
    const LIMIT: usize = 8 << 20;
    for compressor in all() {
        let wire = shredded(&*compressor, 100 << 10);
        GROWN.set(0);
        let output = decompress(&*compressor, &wire, LIMIT).unwrap();
        let (name, grown) = (compressor.name(), GROWN.get());
        assert!(grown <= 8, "{name} moved {grown} times");
        if ["gzip", "zstd"].contains(&name) {
            assert!(output.len() > 3_000_000, "{name}: {}", output.len());
        }
    }
}
