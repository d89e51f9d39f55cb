//! The memory of repeated blocks.

use crate::hpack::{BlockMemo, DecodeLimits, Decoder, Outcome};
use std::sync::Arc;

const REPEATABLE: Outcome = Outcome {
    too_large: None,
    repeatable: true,
    list_size: 100,
    count: 2,
    timeout: None,
};

fn twice(
    memo: &mut BlockMemo<Arc<u32>>,
    block: &[u8],
    generation: u64,
    outcome: Outcome,
    value: &Arc<u32>,
) {
    for _ in 0..2 {
        memo.remember(block, generation, &outcome, Arc::clone(value));
    }
}

#[test]
fn a_block_is_remembered_from_the_second_time_on_until_the_table_changes() {
    let (mut memo, value) = (BlockMemo::new(), Arc::new(1));
    memo.remember(b"\x82\x84", 3, &REPEATABLE, Arc::clone(&value));
    assert_eq!(memo.lookup(b"\x82\x84", 3), None);
    memo.remember(b"\x82\x84", 3, &REPEATABLE, Arc::clone(&value));
    assert!(Arc::ptr_eq(&memo.lookup(b"\x82\x84", 3).unwrap(), &value));
    assert_eq!(memo.lookup(b"\x82\x85", 3), None);
    assert_eq!(memo.lookup(b"\x82\x84", 4), None);
    twice(&mut memo, b"\x83", 4, REPEATABLE, &Arc::new(2));
    assert_eq!(memo.lookup(b"\x82\x84", 4), None);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn blocks_that_differ_only_in_the_middle_are_told_apart() {
    let mut memo = BlockMemo::new();
    for n in 0..40u8 {
        let block = [&[1; 10][..], &[n], &[2; 10]].concat();
        twice(&mut memo, &block, 0, REPEATABLE, &Arc::new(n.into()));
        assert_eq!(memo.lookup(&block, 0).as_deref(), Some(&n.into()));
        let neighbour = [&[1; 10][..], &[n + 1], &[2; 10]].concat();
        assert_eq!(memo.lookup(&neighbour, 0), None);
    }
}

#[test]
fn memory_is_bounded() {
    let (mut memo, value) = (BlockMemo::new(), Arc::new(1));
    for n in 0..1000u32 {
        twice(&mut memo, &n.to_be_bytes(), 0, REPEATABLE, &value);
        assert!(memo.lookup(&n.to_be_bytes(), 0).is_some());
    }
    assert_eq!(Arc::strong_count(&value), 17);
    let (mut memo, value) = (BlockMemo::new(), Arc::new(1));
    twice(&mut memo, &[0x82; 300], 0, REPEATABLE, &value);
    twice(
        &mut memo,
        &[0x82; 100],
        0,
        Outcome {
            list_size: 5000,
            ..REPEATABLE
        },
        &value,
    );
    twice(
        &mut memo,
        &[0x82; 3],
        0,
        Outcome {
            repeatable: false,
            ..REPEATABLE
        },
        &value,
    );
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn blocks_with_secrets_and_blocks_that_insert_are_not_remembered() {
    for block in [&b"\x10\x01a\x01b"[..], b"\x82\x40\x01a\x01b", b"\x3e\x82"] {
        let (mut decoder, mut memo) = (Decoder::new(4096), BlockMemo::new());
        for _ in 0..2 {
            let outcome = decoder
                .decode(block, DecodeLimits::default(), |_, _, _| ())
                .unwrap();
            memo.remember(block, decoder.generation(), &outcome, ());
            let again = memo.lookup(block, decoder.generation());
            // The size update changes something only the first time.
            assert!(again.is_none());
        }
    }
}

#[test]
fn blocks_over_the_limits_are_not_remembered() {
    let limits = DecodeLimits {
        max_count: 1,
        ..DecodeLimits::default()
    };
    let (mut decoder, mut memo) = (Decoder::new(4096), BlockMemo::new());
    for _ in 0..3 {
        let outcome = decoder.decode(b"\x82\x84", limits, |_, _, _| ()).unwrap();
        memo.remember(b"\x82\x84", decoder.generation(), &outcome, ());
    }
    assert_eq!(memo.lookup(b"\x82\x84", decoder.generation()), None);
}

#[test]
fn a_remembered_block_does_not_hide_that_a_size_update_is_due() {
    let (mut decoder, mut memo) = (Decoder::new(4096), BlockMemo::new());
    for _ in 0..2 {
        let outcome = decoder
            .decode(b"\x82", DecodeLimits::default(), |_, _, _| ())
            .unwrap();
        memo.remember(b"\x82", decoder.generation(), &outcome, ());
    }
    assert!(memo.lookup(b"\x82", decoder.generation()).is_some());
    decoder.set_max_table_size(8192);
    assert!(memo.lookup(b"\x82", decoder.generation()).is_some());
    decoder.set_max_table_size(100);
    assert!(memo.lookup(b"\x82", decoder.generation()).is_none());
}
