//! The HPACK decoder against a naive one: a connection's worth of blocks, with table sizes that change.

use crate::input::Input;
use farcall_http2::hpack::{BlockMemo, DecodeLimits, Decoder, TooLarge};
use farcall_simulation::naive;

const ALL: DecodeLimits = DecodeLimits {
    max_list_size: usize::MAX,
    max_count: usize::MAX,
    max_string: usize::MAX,
};

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let table = input.pick(&[4096, 0, 60, 200, 20_000]);
    let (mut real, mut naive) = (Decoder::new(table), naive::hpack::Decoder::new(table));
    let mut memo = BlockMemo::new();
    while !input.is_empty() {
        let limits = match input.u8() {
            0 => {
                let size = usize::from(input.u16());
                real.set_max_table_size(size);
                naive.acknowledged(size);
                continue;
            }
            1 => small_limits(&mut input),
            _ => ALL,
        };
        let len = usize::from(input.u16()) % 2048;
        let block = input.bytes(len);
        let remembered: Option<Vec<_>> = memo.lookup(block, real.generation());
        let mut lines: Vec<naive::hpack::Line> = Vec::new();
        let outcome = real.decode(block, limits, |name, value, sensitive| {
            lines.push((name.as_bytes().to_vec(), value.to_vec(), sensitive));
        });
        let expected = naive.decode(block);
        let (Ok(outcome), Ok(expected)) = (&outcome, &expected) else {
            assert!(
                outcome.is_err() && expected.is_err(),
                "{outcome:?} {expected:?}"
            );
            assert!(remembered.is_none());
            return; // the connection ends
        };
        assert_eq!(outcome.count, expected.len());
        let sizes = expected
            .iter()
            .map(|(name, value, _)| name.len() + value.len() + 32);
        assert_eq!(outcome.list_size, sizes.sum::<usize>());
        let (admitted, too_large) = within(expected, limits);
        assert_eq!(outcome.too_large, too_large);
        assert_eq!(lines, expected[..admitted]);
        // What is remembered of a block must be what the block means.
        assert!(remembered.is_none_or(|lines| lines == *expected));
        memo.remember(block, real.generation(), outcome, expected.clone());
    }
}

fn small_limits(input: &mut Input<'_>) -> DecodeLimits {
    DecodeLimits {
        max_list_size: usize::from(input.u16()),
        max_count: usize::from(input.u8()),
        max_string: usize::from(input.u16()),
    }
}

/// How many fields are handed out, and which limit ended that.
fn within(lines: &[naive::hpack::Line], limits: DecodeLimits) -> (usize, Option<TooLarge>) {
    let mut size = 0;
    for (at, (name, value, _)) in lines.iter().enumerate() {
        size += name.len() + value.len() + 32;
        if name.len().max(value.len()) > limits.max_string {
            return (at, Some(TooLarge::String));
        }
        if size > limits.max_list_size {
            return (at, Some(TooLarge::ListSize));
        }
        if at >= limits.max_count {
            return (at, Some(TooLarge::Count));
        }
    }
    (lines.len(), None)
}
