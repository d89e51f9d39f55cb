//! What was made of header blocks that a peer repeats.

use super::decoder::Outcome;

const SLOTS: usize = 16;
const MAX_BLOCK: usize = 256;
/// Of one remembered list, as header-list limits count: the sum over all slots stays below 64 KiB.
const MAX_LIST: usize = 4096;

/// A small memory of header blocks by their octets, for peers that send the same block again and again
/// (a gRPC client does: after the first calls a block is some indices into the dynamic table).
///
/// A block means the same only as long as the decoder's dynamic table is the same, so everything is
/// forgotten when [`Decoder::generation`](super::Decoder::generation) changes. A block is remembered the second time it is
/// offered, so that blocks with a part that always differs cost next to nothing. Bounded: 16 blocks of up to
/// 256 octets whose lists are up to 4 KiB large.
///
/// ```
/// use farcall_http2::hpack::{BlockMemo, DecodeLimits, Decoder};
///
/// let (mut decoder, mut memo) = (Decoder::new(4096), BlockMemo::new());
/// let block = [0x82]; // `:method: GET`
/// for _ in 0..2 {
///     assert_eq!(memo.lookup(&block, decoder.generation()), None);
///     let outcome = decoder.decode(&block, DecodeLimits::default(), |_, _, _| ()).unwrap();
///     memo.remember(&block, decoder.generation(), &outcome, "a GET");
/// }
/// assert_eq!(memo.lookup(&block, decoder.generation()), Some("a GET"));
/// ```
#[derive(Debug)]
pub struct BlockMemo<T> {
    generation: u64,
    /// The tags of the slots, beside each other for a fast search. 0: empty.
    tags: [u64; SLOTS],
    slots: Vec<Slot<T>>,
    /// Tags of blocks that were offered once.
    offered: [u64; SLOTS],
    next_slot: usize,
    next_offered: usize,
}

#[derive(Debug)]
struct Slot<T> {
    block: Box<[u8]>,
    value: T,
}

impl<T> Default for BlockMemo<T> {
    fn default() -> Self {
        BlockMemo {
            generation: 0,
            tags: [0; SLOTS],
            slots: Vec::new(),
            offered: [0; SLOTS],
            next_slot: 0,
            next_offered: 0,
        }
    }
}

impl<T: Clone> BlockMemo<T> {
    /// An empty memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was remembered of `block`; `generation` is the decoder's before it sees the block.
    #[inline]
    pub fn lookup(&self, block: &[u8], generation: u64) -> Option<T> {
        if generation != self.generation {
            return None;
        }
        let tag = tag(block);
        let slot = self.tags.iter().position(|&t| t == tag)?;
        let slot = self.slots.get(slot)?;
        (*slot.block == *block).then(|| slot.value.clone())
    }

    /// Offers what was made of `block`; `generation` and `outcome` are the decoder's after it saw the block.
    /// Ignored unless the outcome is [repeatable](Outcome::repeatable).
    pub fn remember(&mut self, block: &[u8], generation: u64, outcome: &Outcome, value: T) {
        if !outcome.repeatable || block.len() > MAX_BLOCK || outcome.list_size > MAX_LIST {
            return;
        }
        if self.generation != generation {
            *self = BlockMemo {
                generation,
                ..Self::default()
            };
        }
        let tag = tag(block);
        if !self.offered.contains(&tag) {
            self.offered[self.next_offered] = tag;
            self.next_offered = (self.next_offered + 1) % SLOTS;
            return;
        }
        let slot = Slot {
            block: block.into(),
            value,
        };
        let at = self
            .tags
            .iter()
            .position(|&t| t == tag)
            .unwrap_or(self.next_slot);
        if at == self.next_slot {
            self.next_slot = (self.next_slot + 1) % SLOTS;
        }
        self.tags[at] = tag;
        match self.slots.get_mut(at) {
            Some(old) => *old = slot,
            None => self.slots.push(slot),
        }
    }
}

/// Tells blocks apart by length, head and tail: the places where short blocks differ. Never 0.
#[inline]
fn tag(block: &[u8]) -> u64 {
    let (head, tail) = match (block.first_chunk::<8>(), block.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => (
            block
                .iter()
                .fold(0, |word, &octet| word << 8 | u64::from(octet)),
            0,
        ),
    };
    let mixed = (head ^ tail.rotate_left(32) ^ (block.len() as u64) << 56)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 32) | 1
}
