//! The dynamic table of the encoder: the decoder's mirror, searchable by field and by name.

use super::{policy::Indexing, static_table};
use crate::headers::{Field, Name};
use bytes::Bytes;
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

#[derive(Debug)]
struct Entry {
    name: Name,
    value: Bytes,
    hash: FieldHash,
    /// Serial numbers of the next older entries in the same bucket by field and by name.
    older_field: u32,
    older_name: u32,
}

impl Entry {
    fn size(&self) -> usize {
        self.name.as_bytes().len() + self.value.len() + 32
    }
}

/// A ring of entries, the newest at the front, with two hash indices over it.
///
/// An index is an array of buckets; each holds the serial number of its newest entry, and each entry that of the
/// next older one. Eviction takes the oldest entry, which always stands last in its chains, so nothing has
/// to be taken out: a walk ends at the first serial number that is no longer alive.
#[derive(Debug)]
pub(super) struct EncoderTable {
    entries: VecDeque<Entry>,
    by_field: Vec<u32>,
    by_name: Vec<u32>,
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
            by_field: Vec::new(),
            by_name: Vec::new(),
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
        let mut serial = *self.by_field.get(bucket(hash.field, self.by_field.len()))?;
        while let Some((place, entry)) = self.alive(serial) {
            if entry.hash.field == hash.field
                && entry.value == field.value
                && entry.name == field.name
            {
                return Some(static_table::LEN + 1 + place);
            }
            serial = entry.older_field;
        }
        None
    }

    /// The index of the newest entry with the name.
    #[inline]
    pub(super) fn find_name(&self, name: &Name, hash: FieldHash) -> Option<usize> {
        let mut serial = *self.by_name.get(bucket(hash.name, self.by_name.len()))?;
        while let Some((place, entry)) = self.alive(serial) {
            if entry.hash.name == hash.name && entry.name == *name {
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
        if self.by_field.is_empty() {
            // About one entry of the usual size (64 octets) per bucket.
            let buckets = (self.max_size / 64).clamp(16, 1024).next_power_of_two();
            self.by_field = vec![0; buckets];
            self.by_name = vec![0; buckets];
        }
        let (in_field, in_name) = (
            bucket(hash.field, self.by_field.len()),
            bucket(hash.name, self.by_name.len()),
        );
        // Copies, because a small slice of the user's could hold on to a large buffer.
        let name = match &field.name {
            Name::Known(known) => Name::Known(*known),
            Name::Other(name) => Name::Other(Bytes::copy_from_slice(name)),
        };
        let older_field = std::mem::replace(&mut self.by_field[in_field], self.next);
        let older_name = std::mem::replace(&mut self.by_name[in_name], self.next);
        let value = Bytes::copy_from_slice(&field.value);
        self.entries.push_front(Entry {
            name,
            value,
            hash,
            older_field,
            older_name,
        });
        self.next = self.next.wrapping_add(1);
        self.size += field.size();
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

/// The bucket of a hash; buckets are a power of two, or none yet.
#[inline]
fn bucket(hash: u32, buckets: usize) -> usize {
    hash as usize & buckets.wrapping_sub(1)
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
