//! The encoded form of lists that are sent again and again.

use crate::headers::{Field, Fields};
use std::sync::Arc;

/// One at first, doubled when a list finds its set full.
const MAX_SETS: usize = 8;
const WAYS: usize = 4;
/// Addresses that are remembered of lists that were offered once.
const OFFERED: usize = 32;
/// Longer pieces are encoded afresh each time: together all pieces stay below 32 KiB.
const MAX_PIECE: usize = 1024;

/// A small cache by the address of a list. It holds on to the lists it knows, so an address is never
/// that of another list, and lists behind an `Arc` do not change.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Empty until something is kept; otherwise a power of two.
    sets: Vec<[Place; WAYS]>,
    /// The last addresses that were offered, a ring: a list that is sent only once is not worth a place.
    offered: Vec<usize>,
    next_offered: usize,
    /// Whose turn it is to make room.
    next_way: usize,
}

#[derive(Debug, Default)]
struct Place {
    address: usize,
    generation: u64,
    /// Keeps the address taken.
    list: Option<Arc<Fields>>,
    octets: Vec<u8>,
    /// As header-list limits count it.
    list_size: usize,
}

/// What is remembered of a list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Piece<'a> {
    pub(crate) octets: &'a [u8],
    /// As header-list limits count it (RFC 9113 §6.5.2).
    pub(crate) list_size: usize,
}

impl Pieces {
    /// The encoded form of the list, if it was encoded at this generation of the dynamic table.
    #[inline]
    pub(super) fn find(&self, list: &Arc<Fields>, generation: u64) -> Option<Piece<'_>> {
        let address = address(list);
        let set = self.sets.get(set(address, self.sets.len()))?;
        let place = set.iter().find(|place| place.address == address)?;
        (place.generation == generation).then_some(Piece {
            octets: &place.octets,
            list_size: place.list_size,
        })
    }

    /// Keeps the encoded form of the list from the second time on that it is offered.
    pub(super) fn offer(&mut self, list: &Arc<Fields>, generation: u64, octets: &[u8]) {
        let address = address(list);
        if octets.len() > MAX_PIECE {
            return;
        }
        if !self.offered.contains(&address) {
            match self.offered.get_mut(self.next_offered) {
                Some(place) => *place = address,
                None => self.offered.push(address),
            }
            self.next_offered = (self.next_offered + 1) % OFFERED;
            return;
        }
        let place = self.place(address);
        (place.address, place.generation, place.list) =
            (address, generation, Some(Arc::clone(list)));
        place.list_size = list.iter().map(Field::size).sum();
        place.octets.clear();
        place.octets.extend_from_slice(octets);
    }

    /// Where the list is, or is to be kept.
    fn place(&mut self, address: usize) -> &mut Place {
        if self.sets.is_empty() {
            self.sets.reserve_exact(1);
            self.sets.push(Default::default());
        }
        let has_room = |set: &[Place; WAYS]| {
            let mut places = set.iter();
            places.any(|place| place.address == address || place.address == 0)
        };
        while self.sets.len() < MAX_SETS && !has_room(&self.sets[set(address, self.sets.len())]) {
            self.double();
        }
        let at = set(address, self.sets.len());
        let ways = &mut self.sets[at];
        let way = ways
            .iter()
            .position(|place| place.address == address || place.address == 0)
            .unwrap_or_else(|| {
                self.next_way = (self.next_way + 1) % WAYS;
                self.next_way
            });
        &mut ways[way]
    }

    /// Each set becomes two.
    fn double(&mut self) {
        let sets = 2 * self.sets.len();
        let places = std::mem::take(&mut self.sets).into_iter().flatten();
        self.sets.resize_with(sets, Default::default);
        for place in places.filter(|place| place.address != 0) {
            let ways = &mut self.sets[set(place.address, sets)];
            if let Some(free) = ways.iter_mut().find(|free| free.address == 0) {
                *free = place;
            }
        }
    }
}

fn address(list: &Arc<Fields>) -> usize {
    Arc::as_ptr(list).addr()
}

/// Heap addresses differ in the bits above the alignment. `sets` is a power of two, or 0, which has none.
#[inline]
fn set(address: usize, sets: usize) -> usize {
    (address >> 4 ^ address >> 8 ^ address >> 12) & sets.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_take_turns_in_one_set_are_both_kept() {
        let lists: Vec<Arc<Fields>> = (0..64).map(|_| Arc::default()).collect();
        let wanted = set(address(&lists[0]), MAX_SETS);
        let same: Vec<_> = lists
            .iter()
            .filter(|list| set(address(list), MAX_SETS) == wanted)
            .take(3)
            .collect();
        assert_eq!(same.len(), 3);
        let mut pieces = Pieces::default();
        for _ in 0..2 {
            for list in &same {
                pieces.offer(list, 0, b"octets");
            }
        }
        for list in &same {
            let found = pieces.find(list, 0).map(|piece| piece.octets);
            assert_eq!(found, Some(&b"octets"[..]));
            assert!(pieces.find(list, 1).is_none());
        }
    }

    #[test]
    fn the_cache_grows_up_to_thirty_two_lists_and_each_is_found() {
        let lists: Vec<Arc<Fields>> = (0..64).map(|_| Arc::default()).collect();
        let mut pieces = Pieces::default();
        for (count, list) in lists.iter().enumerate() {
            for octets in [&[][..], &[count as u8]] {
                pieces.offer(list, 0, octets);
            }
            let found = pieces.find(list, 0).map(|piece| piece.octets);
            assert_eq!(found, Some(&[count as u8][..]));
            assert!(pieces.sets.len() <= MAX_SETS);
            if count < WAYS {
                assert_eq!(pieces.sets.len(), 1);
            }
        }
        let known = |list| pieces.find(list, 0).map(|piece| piece.octets);
        let kept = lists.iter().enumerate().filter_map(|(count, list)| {
            let octets = known(list)?;
            assert_eq!(octets, [count as u8]);
            Some(())
        });
        assert!(kept.count() <= MAX_SETS * WAYS);
    }

    #[test]
    fn a_list_that_is_sent_once_is_not_kept() {
        let (list, mut pieces) = (Arc::default(), Pieces::default());
        pieces.offer(&list, 0, b"octets");
        assert!(pieces.find(&list, 0).is_none());
    }
}
