//! Where streams live: a slab of records and an index from ids to slots.

use super::{memory::Memory, memory::Past, record::Stream};
use crate::event::StreamKey;
use std::collections::VecDeque;

/// Slabs and indices up to this size are kept when the last stream is gone.
const KEPT: usize = 128;

/// The live streams of a connection and what is remembered of dead ones.
#[derive(Debug)]
pub(crate) struct Store {
    slots: Vec<Slot>,
    /// The first of the vacant slots, which are chained.
    vacant: Option<u32>,
    live: usize,
    index: Index,
    /// The live stream that was found or added last: frames of one stream mostly follow one another.
    recent: StreamKey,
    /// The highest id that was opened, by whichever end opens streams; 0: none.
    last_id: u32,
    memory: Memory,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // most slots are live
enum Slot {
    Vacant(Option<u32>),
    Live(Stream),
}

/// What a stream held when it was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Gone {
    pub(crate) header_size: u32,
    /// Bytes that were to be sent.
    pub(crate) queued: usize,
    /// Bytes that the peer may have had on their way.
    pub(crate) window: u32,
}

impl Default for Store {
    fn default() -> Store {
        Store {
            slots: Vec::new(),
            vacant: None,
            live: 0,
            index: Index::default(),
            recent: StreamKey::NONE,
            last_id: 0,
            memory: Memory::default(),
        }
    }
}

impl Store {
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    pub(crate) fn last_id(&self) -> u32 {
        self.last_id
    }

    /// Takes note that `id`, higher than all before, was used, whether or not a stream comes of it.
    #[inline]
    pub(crate) fn note_opened(&mut self, id: u32) {
        self.memory.opened(self.last_id, id);
        self.last_id = id;
    }

    /// Adds a stream whose id was noted last.
    #[inline]
    pub(crate) fn insert(&mut self, stream: Stream) -> StreamKey {
        let id = stream.id;
        let vacant = self.vacant.and_then(|slot| {
            let place = self.slots.get_mut(slot as usize)?;
            match *place {
                Slot::Vacant(next) => Some((slot, place, next)),
                Slot::Live(_) => None,
            }
        });
        let slot = match vacant {
            Some((slot, place, next)) => {
                self.vacant = next;
                *place = Slot::Live(stream);
                slot
            }
            None => {
                if self.slots.is_empty() {
                    // Many connections carry one stream at a time.
                    self.slots.reserve_exact(1);
                }
                self.slots.push(Slot::Live(stream));
                self.slots.len() as u32 - 1
            }
        };
        self.live += 1;
        self.index.push(id, slot);
        self.recent = StreamKey { slot, id };
        self.recent
    }

    /// The live stream with this key.
    #[inline]
    pub(crate) fn get(&mut self, key: StreamKey) -> Option<&mut Stream> {
        match self.slots.get_mut(key.slot as usize) {
            Some(Slot::Live(stream)) if stream.id == key.id => Some(stream),
            _ => None,
        }
    }

    /// The same, to look at.
    pub(crate) fn peek(&self, key: StreamKey) -> Option<&Stream> {
        match self.slots.get(key.slot as usize) {
            Some(Slot::Live(stream)) if stream.id == key.id => Some(stream),
            _ => None,
        }
    }

    /// The key of the live stream with this id.
    #[inline]
    pub(crate) fn find(&mut self, id: u32) -> Option<StreamKey> {
        if self.recent.id == id && id != 0 {
            return Some(self.recent);
        }
        let slot = self.index.find(id)?;
        self.recent = StreamKey { slot, id };
        Some(self.recent)
    }

    /// Drops a stream; its key is dead from now on. What it held, if it was there.
    #[inline]
    pub(crate) fn remove(&mut self, key: StreamKey) -> Option<Gone> {
        let stream = self.get(key)?;
        let gone = Gone {
            header_size: stream.header_size,
            queued: stream.queue.bytes(),
            window: stream.late_window(),
        };
        self.slots[key.slot as usize] = Slot::Vacant(self.vacant);
        self.vacant = Some(key.slot);
        self.live -= 1;
        self.index.remove(key.id);
        self.recent = StreamKey::NONE;
        if self.live == 0 && self.slots.len() > KEPT {
            self.slots = Vec::new();
            self.vacant = None;
            self.index = Index::default();
        }
        Some(gone)
    }

    /// Remembers that we reset a stream which is not in the store (any more).
    pub(crate) fn remember_reset(&mut self, id: u32) {
        self.memory.we_reset(id);
    }

    /// What is known of an id at or below [`last_id`](Self::last_id) that is not live.
    pub(crate) fn past(&self, id: u32) -> Past {
        self.memory.past(id)
    }

    /// The keys of all live streams, in the order of their ids.
    pub(crate) fn keys(&self) -> Vec<StreamKey> {
        let live = self.index.entries.iter().filter(|entry| entry.slot != GONE);
        live.map(|entry| StreamKey {
            slot: entry.slot,
            id: entry.id,
        })
        .collect()
    }

    #[cfg(test)]
    pub(crate) fn retained(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
            + self.index.entries.capacity() * size_of::<Entry>()
    }

    /// All live streams with their keys.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (StreamKey, &mut Stream)> {
        self.slots
            .iter_mut()
            .enumerate()
            .filter_map(|(slot, entry)| match entry {
                Slot::Live(stream) => Some((
                    StreamKey {
                        slot: slot as u32,
                        id: stream.id,
                    },
                    stream,
                )),
                Slot::Vacant(_) => None,
            })
    }
}

const GONE: u32 = u32::MAX;

/// Ids to slots. Only one end opens streams (push is off) and ids only rise, so the entries are sorted by themselves.
/// Entries of dead streams stay until they are at an end or too many, so that for ids without gaps the place of an entry is known
/// from its distance to the newest; otherwise it is searched by halves. No id that a peer may choose makes it slower than that.
#[derive(Debug, Default)]
struct Index {
    entries: VecDeque<Entry>,
    dead: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: u32,
    slot: u32,
}

impl Index {
    #[inline]
    fn push(&mut self, id: u32, slot: u32) {
        self.entries.push_back(Entry { id, slot });
    }

    #[inline]
    fn find(&self, id: u32) -> Option<u32> {
        let at = self.position(id)?;
        Some(self.entries[at].slot).filter(|&slot| slot != GONE)
    }

    #[inline]
    fn position(&self, id: u32) -> Option<usize> {
        let newest = self.entries.back()?;
        let steps = (newest.id.checked_sub(id)? / 2) as usize;
        if let Some(at) = (self.entries.len() - 1).checked_sub(steps)
            && self.entries[at].id == id
        {
            return Some(at);
        }
        self.search(id)
    }

    #[inline(never)]
    fn search(&self, id: u32) -> Option<usize> {
        self.entries
            .binary_search_by_key(&id, |entry| entry.id)
            .ok()
    }

    #[inline]
    fn remove(&mut self, id: u32) {
        let Some(at) = self.position(id) else { return };
        self.entries[at].slot = GONE;
        self.dead += 1;
        while self.entries.front().is_some_and(|entry| entry.slot == GONE) {
            self.entries.pop_front();
            self.dead -= 1;
        }
        if self.dead > self.entries.len() / 2 + 64 {
            self.entries.retain(|entry| entry.slot != GONE);
            self.dead = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{flow::Window, stream::State};

    fn open(store: &mut Store, id: u32) -> StreamKey {
        store.note_opened(id);
        store.insert(Stream::new(
            id,
            State::opened_by_us(false),
            0,
            Window::new(0),
        ))
    }

    #[test]
    fn keys_of_dead_streams_find_nothing_although_the_slot_is_used_again() {
        let mut store = Store::default();
        let first = open(&mut store, 1);
        assert!(store.remove(first).is_some());
        let second = open(&mut store, 3);
        assert_eq!(first.slot(), second.slot());
        assert!(store.get(first).is_none() && store.get(second).is_some());
        assert_eq!(store.remove(first), None);
        assert!(store.get(StreamKey::NONE).is_none());
        assert_eq!((store.find(1), store.find(3)), (None, Some(second)));
    }

    #[test]
    fn streams_are_found_however_ids_and_deaths_are_mixed() {
        let (mut store, mut model) = (Store::default(), std::collections::BTreeMap::new());
        let (mut id, mut random) = (1, 88_172_645_463_325_252_u64);
        for _ in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if random % 100 < 50 || model.is_empty() {
                id += 2 + 2 * (random >> 20 & 3) as u32 / 3 * (random >> 30 & 15) as u32;
                model.insert(id, open(&mut store, id));
            } else {
                let at = (random >> 40) as usize % model.len();
                // The oldest live on for long: the index must cope with gaps.
                let (&id, &key) = model.iter().nth(at.max(model.len() / 3)).unwrap();
                assert_eq!(store.find(id), Some(key));
                assert!(store.remove(key).is_some());
                model.remove(&id);
                assert_eq!(store.find(id), None);
            }
            assert_eq!(store.len(), model.len());
            assert!(store.index.entries.len() <= 2 * model.len() + 130);
        }
        assert_eq!(store.keys(), model.into_values().collect::<Vec<_>>());
    }

    #[test]
    fn a_store_without_streams_gives_a_large_slab_back() {
        let mut store = Store::default();
        let keys: Vec<_> = (0..1000).map(|i| open(&mut store, 2 * i + 1)).collect();
        assert!(keys.into_iter().all(|key| store.remove(key).is_some()));
        assert_eq!(store.slots.capacity(), 0);
    }
}
