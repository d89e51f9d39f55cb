//! Encoder and decoder against each other, over long connections.

use super::random::Random;
use crate::headers::{Field, KnownName, Part, TimeoutValue};
use crate::hpack::{BlockMemo, DecodeLimits, Decoder, Encoder, TooLarge};
use std::sync::Arc;

const NO_LIMITS: DecodeLimits = DecodeLimits {
    max_list_size: usize::MAX,
    max_count: usize::MAX,
    max_string: usize::MAX,
};

fn decode(decoder: &mut Decoder, block: &[u8]) -> Vec<Field> {
    let mut list = Vec::new();
    decoder
        .decode(block, NO_LIMITS, |name, value, sensitive| {
            list.push(Field {
                name,
                value,
                sensitive,
            })
        })
        .unwrap();
    list
}

/// A connection's worth of blocks: random lists, some of them shared and sent again, table sizes that change.
fn connection(seed: u64, blocks: usize) {
    let mut random = Random::new(seed);
    let mut encoder = Encoder::new(*random.pick(&[0, 100, 4096, 65_536]));
    let mut decoder = Decoder::new(4096);
    let mut memo: BlockMemo<Arc<Vec<Field>>> = BlockMemo::new();
    let mut shared: Vec<Arc<Vec<Field>>> = (0..6).map(|_| Arc::new(random.list())).collect();
    for _ in 0..blocks {
        if random.one_in(40) {
            // What the peer acknowledges and what we are told go together; sometimes twice between two blocks.
            for _ in 0..=random.below(2) {
                let size = *random.pick(&[0, 31, 60, 200, 1000, 4096, 10_000]);
                decoder.set_max_table_size(size);
                encoder.set_peer_max_table_size(size);
            }
        }
        if random.one_in(50) {
            let at = random.below(shared.len());
            shared[at] = Arc::new(random.list()); // the address may be used again
        }
        let own = random.list();
        let piece = Arc::clone(random.pick(&shared));
        let timeout =
            TimeoutValue::new(format!("{}u", random.below(1_000_000)).as_bytes()).unwrap();
        let parts = match random.below(5) {
            0 => vec![Part::Fields(&own)],
            1 => vec![Part::Shared(&piece), Part::Fields(&own)],
            2 => vec![
                Part::Fields(&own[..own.len() / 2]),
                Part::Shared(&piece),
                Part::Fields(&own[own.len() / 2..]),
            ],
            3 => vec![
                Part::Shared(&piece),
                Part::Timeout(timeout),
                Part::Shared(&piece),
            ],
            _ => vec![Part::Shared(&piece)],
        };
        let mut block = b"before".to_vec();
        encoder.encode(&parts, &mut block);
        let block = &block[6..];
        let sent: Vec<Field> = parts
            .iter()
            .flat_map(|part| match part {
                Part::Fields(fields) => fields.to_vec(),
                Part::Shared(list) => list.to_vec(),
                Part::Timeout(value) => {
                    vec![Field::new(KnownName::GrpcTimeout, value.to_vec())]
                }
            })
            .collect();

        if let Some(list) = memo.lookup(block, decoder.generation()) {
            assert_eq!(*list, sent, "seed {seed}");
        }
        let mut list = Vec::new();
        let outcome = decoder
            .decode(block, NO_LIMITS, |name, value, sensitive| {
                list.push(Field {
                    name,
                    value,
                    sensitive,
                })
            })
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(list, sent, "seed {seed}");
        assert_eq!(outcome.count, sent.len());
        assert_eq!(
            outcome.list_size,
            sent.iter().map(Field::size).sum::<usize>()
        );
        memo.remember(block, decoder.generation(), &outcome, Arc::new(list));
    }
}

#[test]
fn what_is_encoded_is_decoded_through_evictions_and_size_changes() {
    for seed in 0..60 {
        connection(seed, 400);
    }
}

#[test]
fn pieces_and_memo_are_really_hit_and_agree_with_plain_coding() {
    let mut random = Random::new(7);
    let lists: Vec<Arc<Vec<Field>>> = (0..6)
        .map(|_| {
            Arc::new(
                random
                    .list()
                    .into_iter()
                    .filter(|f| f.size() < 200 && !f.sensitive)
                    .collect(),
            )
        })
        .collect();
    let (mut encoder, mut plain) = (Encoder::new(65_536), Encoder::new(65_536));
    let (mut decoder, mut memo) = (Decoder::new(65_536), BlockMemo::new());
    for coder in [&mut encoder, &mut plain] {
        coder.set_peer_max_table_size(65_536);
    }
    let mut hits = 0;
    for _ in 0..20 {
        for list in &lists {
            let (mut block, mut again) = (Vec::new(), Vec::new());
            encoder.encode(&[Part::Shared(list)], &mut block);
            plain.encode(&[Part::Fields(list)], &mut again);
            assert_eq!(block, again);
            if let Some(known) = memo.lookup(&block, decoder.generation()) {
                hits += 1;
                assert!(Arc::ptr_eq(&known, list));
            } else {
                let mut received = Vec::new();
                let outcome = decoder
                    .decode(&block, NO_LIMITS, |name, value, sensitive| {
                        received.push(Field {
                            name,
                            value,
                            sensitive,
                        })
                    })
                    .unwrap();
                assert_eq!(received, **list);
                memo.remember(&block, decoder.generation(), &outcome, Arc::clone(list));
            }
        }
    }
    assert!(hits >= 80, "{hits} of 120");
}

#[test]
fn a_block_over_the_limits_leaves_the_tables_in_step() {
    for seed in 100..160 {
        let mut random = Random::new(seed);
        let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
        for _ in 0..200 {
            let sent = random.list();
            let mut block = Vec::new();
            encoder.encode(&[Part::Fields(&sent)], &mut block);
            let limits = DecodeLimits {
                max_list_size: random.below(2000),
                max_count: random.below(12),
                max_string: random.below(300),
            };
            let mut list = Vec::new();
            let outcome = decoder
                .decode(&block, limits, |name, value, sensitive| {
                    list.push(Field {
                        name,
                        value,
                        sensitive,
                    })
                })
                .unwrap();
            let (mut size, mut expected) = (0, None);
            let fits = |(i, field): &(usize, &Field)| {
                size += field.size();
                expected = if field.name.as_bytes().len().max(field.value.len()) > limits.max_string
                {
                    Some(TooLarge::String)
                } else if size > limits.max_list_size {
                    Some(TooLarge::ListSize)
                } else {
                    (*i >= limits.max_count).then_some(TooLarge::Count)
                };
                expected.is_none()
            };
            let kept = sent.iter().enumerate().take_while(fits).count();
            assert_eq!(list, sent[..kept], "seed {seed}");
            assert_eq!(outcome.too_large, expected);
            assert_eq!(
                (outcome.count, outcome.list_size),
                (sent.len(), sent.iter().map(Field::size).sum())
            );
        }
        let last = random.list();
        let mut block = Vec::new();
        encoder.encode(&[Part::Fields(&last)], &mut block);
        assert_eq!(decode(&mut decoder, &block), last);
    }
}

#[test]
fn arbitrary_and_damaged_blocks_never_panic_and_never_pass_the_limits() {
    let limits = DecodeLimits {
        max_list_size: 3000,
        max_count: 20,
        max_string: 500,
    };
    let (mut decoded, mut refused) = (0, 0);
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
        for _ in 0..40 {
            let mut block = Vec::new();
            if random.one_in(3) {
                block = (0..random.below(300))
                    .map(|_| random.next() as u8)
                    .collect();
            } else {
                encoder.encode(&[Part::Fields(&random.list())], &mut block);
                for _ in 0..random.below(3) {
                    match (block.len(), random.below(3)) {
                        (0, _) => {}
                        (len, 0) => block.truncate(random.below(len)),
                        (len, 1) => block[random.below(len)] = random.next() as u8,
                        (len, _) => block.insert(random.below(len), random.next() as u8),
                    }
                }
            }
            let (mut size, mut count) = (0, 0);
            let outcome = decoder.decode(&block, limits, |name, value, sensitive| {
                assert!(name.as_bytes().len().max(value.len()) <= limits.max_string);
                size += Field {
                    name,
                    value,
                    sensitive,
                }
                .size();
                count += 1;
            });
            assert!(size <= limits.max_list_size && count <= limits.max_count);
            match outcome {
                Ok(_) => decoded += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(
        decoded > 1000 && refused > 1000,
        "{decoded} decoded, {refused} refused"
    );
}
