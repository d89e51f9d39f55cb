//! The dynamic table of the encoder: the decoder's mirror, searchable by field and by name.

use super::{policy::Indexing, static_table};
use crate::headers::{Field, KnownName, Name};
use std::collections::VecDeque;

/// Hashes of a field, computed once per field sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldHash {
    /// Of name and value; 0 if the field never enters the table.
    pub(super) field: u32,
    name: u32,
}

impl FieldHash {
    #[inline]
    pub(super) fn of(field: &Field, indexing: Indexing) -> FieldHash {
        let name = match &field.name {
            Name::Known(known) => fold((*known as u64 + 1).wrapping_mul(MULTIPLIER)),
            Name::Other(name) => fold(hash(name, 0)),
        };
        let field = match indexing {
            Indexing::AtOnce | Indexing::WhenRepeated => fold(hash(&field.value, u64::from(name))),
            Indexing::Never | Indexing::Forbidden => 0,
        };
        FieldHash { field, name }
    }
}

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Multiplicative, by words. The tables are small and bounded, so collisions made on purpose cost a short walk.
#[inline]
fn hash(octets: &[u8], seed: u64) -> u64 {
    let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
    let (words, tail) = octets.as_chunks::<8>();
    let hash = words
        .iter()
        .fold(mix(seed, octets.len() as u64), |hash, word| {
            mix(hash, u64::from_le_bytes(*word))
        });
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    mix(hash, u64::from_le_bytes(last))
}

#[inline]
fn fold(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Tables with so few entries have no indices: they are searched from end to end.
const SEARCHED: usize = 8;

#[derive(Debug)]
struct Entry {
    name: EntryName,
    value: Box<[u8]>,
    hash: FieldHash,
    /// Serial numbers of the next older entries in the same bucket by field and by name.
    older_field: u32,
    older_name: u32,
}

/// A name of the table's own: a small slice of the user's could hold on to a large buffer.
#[derive(Debug)]
enum EntryName {
    Known(KnownName),
    Other(Box<[u8]>),
}

impl EntryName {
    fn of(name: &Name) -> EntryName {
        match name {
            Name::Known(known) => EntryName::Known(*known),
            Name::Other(name) => EntryName::Other(name[..].into()),
        }
    }

    #[inline]
    fn is(&self, name: &Name) -> bool {
        match (self, name) {
            (EntryName::Known(this), Name::Known(known)) => this == known,
            (EntryName::Other(this), Name::Other(other)) => **this == **other,
            _ => false,
        }
    }

    fn len(&self) -> usize {
        match self {
            EntryName::Known(known) => Name::Known(*known).as_bytes().len(),
            EntryName::Other(name) => name.len(),
        }
    }
}

impl Entry {
    fn size(&self) -> usize {
        self.name.len() + self.value.len() + 32
    }

    #[inline]
    fn is(&self, field: &Field, hash: FieldHash) -> bool {
        self.hash.field == hash.field && *self.value == *field.value && self.name.is(&field.name)
    }

    #[inline]
    fn is_named(&self, name: &Name, hash: FieldHash) -> bool {
        self.hash.name == hash.name && self.name.is(name)
    }
}

/// Serial numbers of the newest entries, by the hash of the field and by that of the name.
#[derive(Clone, Copy, Default, Debug)]
struct Bucket {
    by_field: u32,
    by_name: u32,
}

/// A ring of entries, the newest at the front, with two hash indices over it once there are more than [`SEARCHED`].
///
/// An index is an array of buckets; each holds the serial number of its newest entry, and each entry that of the
/// next older one. Eviction takes the oldest entry, which always stands last in its chains, so nothing has
/// to be taken out: a walk ends at the first serial number that is no longer alive.
#[derive(Debug)]
pub(super) struct EncoderTable {
    entries: VecDeque<Entry>,
    /// Empty, or a power of two.
    buckets: Vec<Bucket>,
    /// Serial number of the next entry. It wraps around: a bucket that was left alone for so long (or never used: 0) may
    /// then seem to hold a living entry, which the comparison of the field itself finds out.
    next: u32,
    size: usize,
    max_size: usize,
    generation: u64,
}

impl EncoderTable {
    pub(super) fn new(max_size: usize) -> EncoderTable {
        EncoderTable {
            entries: VecDeque::new(),
            buckets: Vec::new(),
            next: 1,
            size: 0,
            max_size,
            generation: 0,
        }
    }

    pub(super) fn max_size(&self) -> usize {
        self.max_size
    }

    #[inline]
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// The index of the same field in the joint address space.
    #[inline]
    pub(super) fn find(&self, field: &Field, hash: FieldHash) -> Option<usize> {
        let Some(bucket) = self.buckets.get(self.bucket(hash.field)) else {
            let place = self.entries.iter().position(|entry| entry.is(field, hash));
            return place.map(|place| static_table::LEN + 1 + place);
        };
        let mut serial = bucket.by_field;
        while let Some((place, entry)) = self.alive(serial) {
            if entry.is(field, hash) {
                return Some(static_table::LEN + 1 + place);
            }
            serial = entry.older_field;
        }
        None
    }

    /// The index of the newest entry with the name.
    #[inline]
    pub(super) fn find_name(&self, name: &Name, hash: FieldHash) -> Option<usize> {
        let Some(bucket) = self.buckets.get(self.bucket(hash.name)) else {
            let mut entries = self.entries.iter();
            let place = entries.position(|entry| entry.is_named(name, hash));
            return place.map(|place| static_table::LEN + 1 + place);
        };
        let mut serial = bucket.by_name;
        while let Some((place, entry)) = self.alive(serial) {
            if entry.is_named(name, hash) {
                return Some(static_table::LEN + 1 + place);
            }
            serial = entry.older_name;
        }
        None
    }

    /// Adds a field, evicting the oldest ones for it; it must fit.
    pub(super) fn insert(&mut self, field: &Field, hash: FieldHash) {
        debug_assert!(field.size() <= self.max_size);
        self.generation += 1;
        self.evict_to(self.max_size.saturating_sub(field.size()));
        if self.entries.len() == self.entries.capacity() {
            // Not twice as many: most connections come to six, and stay there.
            let more = (self.entries.len() / 2).max(2);
            self.entries.reserve_exact(more);
        }
        self.entries.push_front(Entry {
            name: EntryName::of(&field.name),
            value: field.value[..].into(),
            hash,
            older_field: 0,
            older_name: 0,
        });
        self.next = self.next.wrapping_add(1);
        self.size += field.size();
        if !self.buckets.is_empty() {
            self.chain(0);
        } else if self.entries.len() > SEARCHED {
            self.index();
        }
    }

    /// Makes the indices.
    #[cold]
    fn index(&mut self) {
        // About one entry of the usual size (64 octets) per bucket.
        let buckets = (self.max_size / 64).clamp(16, 1024).next_power_of_two();
        self.buckets = vec![Bucket::default(); buckets];
        for place in (0..self.entries.len()).rev() {
            self.chain(place);
        }
    }

    /// Puts the entry at this place, newer than all that are there, in front of its chains.
    fn chain(&mut self, place: usize) {
        let serial = self.next.wrapping_sub(1).wrapping_sub(place as u32);
        let (in_field, in_name) = match self.entries.get(place) {
            Some(entry) => (self.bucket(entry.hash.field), self.bucket(entry.hash.name)),
            None => return,
        };
        let older_field = std::mem::replace(&mut self.buckets[in_field].by_field, serial);
        let older_name = std::mem::replace(&mut self.buckets[in_name].by_name, serial);
        if let Some(entry) = self.entries.get_mut(place) {
            (entry.older_field, entry.older_name) = (older_field, older_name);
        }
    }

    /// The bucket of a hash, if there are any.
    #[inline]
    fn bucket(&self, hash: u32) -> usize {
        hash as usize & self.buckets.len().wrapping_sub(1)
    }

    /// Applies a size update.
    pub(super) fn set_max_size(&mut self, max_size: usize) {
        if max_size == self.max_size {
            return;
        }
        self.generation += 1;
        self.max_size = max_size;
        self.evict_to(max_size);
    }

    fn evict_to(&mut self, size: usize) {
        while self.size > size
            && let Some(entry) = self.entries.pop_back()
        {
            self.size -= entry.size();
        }
    }

    /// The entry with this serial number and its place from the front, unless it was evicted.
    #[inline]
    fn alive(&self, serial: u32) -> Option<(usize, &Entry)> {
        let place = self.next.wrapping_sub(1).wrapping_sub(serial) as usize;
        self.entries.get(place).map(|entry| (place, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn field(name: &str, value: &str) -> (Field, FieldHash) {
        let field = Field::new(Name::from_bytes(name.to_owned().into()), value.to_owned());
        let hash = FieldHash::of(&field, Indexing::WhenRepeated);
        (field, hash)
    }

    /// Two different texts for which `hash` is the same; there are some among this many.
    fn collision(hash: impl Fn(&str) -> u32) -> (String, String) {
        let mut seen = HashMap::new();
        (1..400_000u64)
            .map(|i| format!("{:x}{i:x}", i.wrapping_mul(i).wrapping_mul(MULTIPLIER)))
            .find_map(|text| {
                let other = seen.insert(hash(&text), text.clone())?;
                Some((other, text))
            })
            .expect("32 bits collide among so many")
    }

    #[test]
    fn fields_and_names_with_the_same_hash_are_told_apart() {
        let (a, b) = collision(|value| field("k", value).1.field);
        let mut table = EncoderTable::new(4096);
        let (first, hash) = field("k", &a);
        table.insert(&first, hash);
        assert_eq!(table.find(&first, hash), Some(62));
        let (second, hash) = field("k", &b);
        assert_eq!(table.find(&second, hash), None);

        let (a, b) = collision(|name| field(name, "v").1.name);
        let (first, hash) = field(&a, "v");
        table.insert(&first, hash);
        assert_eq!(table.find_name(&first.name, hash), Some(62));
        let (second, hash) = field(&b, "v");
        assert_eq!(table.find_name(&second.name, hash), None);
    }

    #[test]
    fn entries_are_found_where_they_stand_before_and_after_there_are_indices() {
        let mut table = EncoderTable::new(4096);
        for count in 0..4 * SEARCHED {
            for at in 0..count {
                let (known, hash) = field(&format!("n{}", at % 5), &at.to_string());
                let place = static_table::LEN + count - at;
                assert_eq!(table.find(&known, hash), Some(place));
                let (unknown, hash) = field(&format!("n{}", at % 5), "none");
                assert_eq!(table.find(&unknown, hash), None);
                let newest = (0..count).rev().find(|other| other % 5 == at % 5);
                let newest = newest.map(|newest| static_table::LEN + count - newest);
                assert_eq!(table.find_name(&known.name, hash), newest);
            }
            let (next, hash) = field(&format!("n{}", count % 5), &count.to_string());
            table.insert(&next, hash);
        }
        assert!(!table.buckets.is_empty());
    }

    #[test]
    fn a_table_that_is_exactly_full_keeps_its_oldest_entry() {
        let mut table = EncoderTable::new(3 * 34);
        let fields: Vec<_> = ["1", "2", "3", "4"].map(|value| field("k", value)).into();
        for (field, hash) in &fields {
            table.insert(field, *hash);
        }
        let places = fields.iter().map(|(field, hash)| table.find(field, *hash));
        assert_eq!(
            places.collect::<Vec<_>>(),
            [None, Some(64), Some(63), Some(62)]
        );
    }
}
