//! The encoded form of lists that are sent again and again.

use crate::headers::{Field, Fields};
use std::sync::Arc;

const SETS: usize = 8;
const WAYS: usize = 4;
/// Longer pieces are encoded afresh each time: together all pieces stay below 32 KiB.
const MAX_PIECE: usize = 1024;

/// A small cache by the address of a list. It holds on to the lists it knows, so an address is never
/// that of another list, and lists behind an `Arc` do not change.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Empty until something is kept, then `SETS * WAYS` long.
    places: Vec<Place>,
    /// The last addresses that were offered, for each set: a list that is sent only once is not worth a place. Empty until
    /// one is offered.
    offered: Vec<[usize; WAYS]>,
    next: usize,
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
        let set = self
            .places
            .get(set(address) * WAYS..)?
            .first_chunk::<WAYS>()?;
        let place = set.iter().find(|place| place.address == address)?;
        (place.generation == generation).then_some(Piece {
            octets: &place.octets,
            list_size: place.list_size,
        })
    }

    /// Keeps the encoded form of the list from the second time on that it is offered.
    pub(super) fn offer(&mut self, list: &Arc<Fields>, generation: u64, octets: &[u8]) {
        let address = address(list);
        let set = set(address);
        if octets.len() > MAX_PIECE {
            return;
        }
        if self.offered.is_empty() {
            self.offered = vec![[0; WAYS]; SETS];
        }
        if !self.offered[set].contains(&address) {
            self.next = (self.next + 1) % WAYS;
            self.offered[set][self.next] = address;
            return;
        }
        if self.places.is_empty() {
            self.places.resize_with(SETS * WAYS, Place::default);
        }
        let ways = &mut self.places[set * WAYS..][..WAYS];
        let way = ways
            .iter()
            .position(|place| place.address == address || place.address == 0)
            .unwrap_or_else(|| {
                self.next = (self.next + 1) % WAYS;
                self.next
            });
        let place = &mut ways[way];
        (place.address, place.generation, place.list) =
            (address, generation, Some(Arc::clone(list)));
        place.list_size = list.iter().map(Field::size).sum();
        place.octets.clear();
        place.octets.extend_from_slice(octets);
    }
}

fn address(list: &Arc<Fields>) -> usize {
    Arc::as_ptr(list).addr()
}

/// Heap addresses differ in the bits above the alignment.
#[inline]
fn set(address: usize) -> usize {
    (address >> 4 ^ address >> 8 ^ address >> 12) % SETS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_take_turns_in_one_set_are_both_kept() {
        let lists: Vec<Arc<Fields>> = (0..64).map(|_| Arc::default()).collect();
        let wanted = set(address(&lists[0]));
        let same: Vec<_> = lists
            .iter()
            .filter(|list| set(address(list)) == wanted)
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
    fn a_list_that_is_sent_once_is_not_kept() {
        let (list, mut pieces) = (Arc::default(), Pieces::default());
        pieces.offer(&list, 0, b"octets");
        assert!(pieces.find(&list, 0).is_none());
    }
}
