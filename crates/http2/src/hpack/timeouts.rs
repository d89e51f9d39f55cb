//! What was made of requests that differ in their `grpc-timeout` alone.

use super::{MAX_BLOCK, MAX_LIST, decoder::Outcome, huffman};
use crate::headers::TimeoutValue;

const SLOTS: usize = 8;

/// As [`BlockMemo`](super::BlockMemo), for blocks with one `grpc-timeout` that is a literal: by the octets in front of its
/// value and behind it. What stands in front ends where that value begins, so whatever string literal stands there, and
/// fills the place, is the value, and the rest means what it meant, as long as the dynamic table is the same.
#[derive(Debug)]
pub(crate) struct TimeoutMemo<T> {
    generation: u64,
    slots: Vec<Slot<T>>,
    next: usize,
    /// The slot of the last block that was known.
    last: usize,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Slot<T> {
    front: Box<[u8]>,
    back: Box<[u8]>,
    /// `None`: offered once.
    value: Option<T>,
}

impl<T> TimeoutMemo<T> {
    pub(crate) fn new() -> TimeoutMemo<T> {
        TimeoutMemo {
            generation: 0,
            slots: Vec::new(),
            next: 0,
            last: 0,
            scratch: Vec::new(),
        }
    }

    /// What was remembered of the block without its timeout, and the timeout; `generation` is the decoder's before it sees
    /// the block.
    #[inline]
    pub(crate) fn find(&mut self, block: &[u8], generation: u64) -> Option<(&T, TimeoutValue)> {
        if self.slots.is_empty() || generation != self.generation {
            return None;
        }
        if self.slots.get(self.last)?.literal(block).is_none() {
            self.last = self.position(block)?;
        }
        let slot = self.slots.get(self.last)?;
        let timeout = value(slot.literal(block)?, &mut self.scratch)?;
        Some((slot.value.as_ref()?, timeout))
    }

    fn position(&self, block: &[u8]) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| slot.literal(block).is_some())
    }

    /// Offers what was made of `block` without its timeout; `generation` and `outcome` are the decoder's after it saw the
    /// block. Kept the second time.
    pub(crate) fn remember(&mut self, block: &[u8], generation: u64, outcome: &Outcome, made: T) {
        let (true, Some((start, end))) = (outcome.repeatable, outcome.timeout) else {
            return;
        };
        let (Some(front), Some(back)) = (block.get(..start), block.get(end..)) else {
            return;
        };
        if block.len() > MAX_BLOCK || outcome.list_size > MAX_LIST {
            return;
        }
        if self.generation != generation {
            *self = TimeoutMemo {
                generation,
                ..TimeoutMemo::new()
            };
        }
        let known = |slot: &&mut Slot<T>| *slot.front == *front && *slot.back == *back;
        if let Some(slot) = self.slots.iter_mut().find(known) {
            slot.value = Some(made);
            return;
        }
        let slot = Slot {
            front: front.into(),
            back: back.into(),
            value: None,
        };
        if self.slots.len() < SLOTS {
            self.slots.push(slot);
        } else {
            self.slots[self.next] = slot;
            self.next = (self.next + 1) % SLOTS;
        }
    }
}

impl<T> Slot<T> {
    /// What stands between the two parts.
    #[inline]
    fn literal<'a>(&self, block: &'a [u8]) -> Option<&'a [u8]> {
        block.strip_prefix(&*self.front)?.strip_suffix(&*self.back)
    }
}

/// The value, if `literal` is one whole string literal (RFC 7541 §5.2) and the value of a timeout.
#[inline]
fn value(literal: &[u8], scratch: &mut Vec<u8>) -> Option<TimeoutValue> {
    let (&first, octets) = literal.split_first()?;
    if usize::from(first & 0x7f) != octets.len() || octets.len() > TimeoutValue::MAX {
        return None;
    }
    if first & 0x80 == 0 {
        return TimeoutValue::new(octets);
    }
    let len = huffman::decode(octets, scratch, TimeoutValue::MAX).ok()?;
    TimeoutValue::new(scratch.get(..len)?)
}
