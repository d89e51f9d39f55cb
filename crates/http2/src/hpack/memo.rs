//! What was made of header blocks that a peer repeats.

use super::{MAX_BLOCK, MAX_LIST, decoder::Outcome};

const SLOTS: usize = 16;

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
    slots: Vec<Slot<T>>,
    /// Tags of blocks that were offered once; at most [`SLOTS`].
    offered: Vec<u64>,
    next_slot: usize,
    next_offered: usize,
    /// The slot of the last block that was known: peers repeat not only blocks but sequences of them.
    last: usize,
}

#[derive(Debug)]
struct Slot<T> {
    ends: Ends,
    block: Box<[u8]>,
    value: T,
    /// The slot of the block that came after this one the last time.
    successor: usize,
}

impl<T> Default for BlockMemo<T> {
    fn default() -> Self {
        BlockMemo {
            generation: 0,
            slots: Vec::new(),
            offered: Vec::new(),
            next_slot: 0,
            next_offered: 0,
            last: 0,
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
    pub fn lookup(&mut self, block: &[u8], generation: u64) -> Option<T> {
        self.find(block, generation).cloned()
    }

    /// As [`lookup`](Self::lookup), where it stands.
    #[inline]
    pub(crate) fn find(&mut self, block: &[u8], generation: u64) -> Option<&T> {
        if generation != self.generation {
            return None;
        }
        let ends = Ends::of(block);
        let guess = self.slots.get(self.last)?.successor;
        if !self.slots.get(guess)?.is(&ends, block) {
            return self.search(&ends, block);
        }
        self.last = guess;
        Some(&self.slots[guess].value)
    }

    fn search(&mut self, ends: &Ends, block: &[u8]) -> Option<&T> {
        let at = self.slots.iter().position(|slot| slot.is(ends, block))?;
        self.slots[self.last].successor = at;
        self.last = at;
        Some(&self.slots[at].value)
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
        let ends = Ends::of(block);
        let tag = ends.tag();
        if !self.offered.contains(&tag) {
            match self.offered.get_mut(self.next_offered) {
                Some(place) => *place = tag,
                None => self.offered.push(tag),
            }
            self.next_offered = (self.next_offered + 1) % SLOTS;
            return;
        }
        let at = self
            .slots
            .iter()
            .position(|slot| slot.is(&ends, block))
            .unwrap_or(self.next_slot);
        if at == self.next_slot {
            self.next_slot = (self.next_slot + 1) % SLOTS;
        }
        let slot = Slot {
            ends,
            block: block.into(),
            value,
            successor: at,
        };
        match self.slots.get_mut(at) {
            Some(old) => *old = slot,
            None => self.slots.push(slot),
        }
    }
}

impl<T> Slot<T> {
    #[inline]
    fn is(&self, ends: &Ends, block: &[u8]) -> bool {
        self.ends == *ends && (block.len() <= Ends::WHOLE || *self.block == *block)
    }
}

/// A block's length and its first and last octets: all of it, if it is short, and otherwise where blocks mostly differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Ends {
    len: usize,
    head: u64,
    tail: u64,
}

impl Ends {
    /// Of a block that is not longer, nothing is missing.
    const WHOLE: usize = 16;

    #[inline]
    fn of(block: &[u8]) -> Ends {
        let (head, tail) = if let (Some(head), Some(tail)) =
            (block.first_chunk::<8>(), block.last_chunk::<8>())
        {
            (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
        } else if let (Some(head), Some(tail)) = (block.first_chunk::<4>(), block.last_chunk::<4>())
        {
            let word = |octets: &[u8; 4]| u64::from(u32::from_le_bytes(*octets));
            (word(head), word(tail))
        } else {
            let octet = |at: usize| u64::from(block.get(at).copied().unwrap_or(0));
            (octet(0) | octet(1) << 8 | octet(2) << 16, 0)
        };
        let len = block.len();
        Ends { len, head, tail }
    }

    /// Never 0.
    fn tag(&self) -> u64 {
        let mixed = (self.head ^ self.tail.rotate_left(32) ^ (self.len as u64) << 56)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 32) | 1
    }
}
