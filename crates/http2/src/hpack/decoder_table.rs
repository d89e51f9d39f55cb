//! The dynamic table of the decoder (RFC 7541 §2.3.2 and §4).

use super::static_table;
use crate::headers::Name;
use bytes::Bytes;
use std::collections::VecDeque;

/// A value in the table.
#[derive(Debug)]
pub(super) enum Value {
    /// One of the [common values](super::policy::common_value): no reference count to go up and down.
    Common(&'static [u8]),
    Own(Bytes),
}

impl Value {
    fn octets(&self) -> &[u8] {
        match self {
            Value::Common(octets) => octets,
            Value::Own(octets) => octets,
        }
    }

    #[inline]
    pub(super) fn into_bytes(self) -> Bytes {
        match self {
            Value::Common(octets) => Bytes::from_static(octets),
            Value::Own(octets) => octets,
        }
    }

    #[inline]
    pub(super) fn to_bytes(&self) -> Bytes {
        match self {
            Value::Common(octets) => Bytes::from_static(octets),
            Value::Own(octets) => octets.clone(),
        }
    }
}

/// A field in the table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Name,
    pub(super) value: Value,
    /// As RFC 7541 §4.1 counts it.
    pub(super) size: usize,
    /// Length of the longer one of name and value.
    pub(super) longest: usize,
}

/// The newest entry stands at the front.
#[derive(Debug)]
pub(super) struct DecoderTable {
    entries: VecDeque<Entry>,
    size: usize,
    max_size: usize,
    generation: u64,
}

impl DecoderTable {
    pub(super) fn new(max_size: usize) -> DecoderTable {
        DecoderTable {
            entries: VecDeque::new(),
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

    /// The entry with this index in the joint address space (RFC 7541 §2.3.3), which must lie beyond the static table.
    #[inline]
    pub(super) fn entry(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index.checked_sub(static_table::LEN + 1)?)
    }

    /// Adds an entry, first evicting what is in its way; one that is larger than the table only evicts.
    pub(super) fn insert(&mut self, name: Name, value: Value) {
        let (name_len, value_len) = (name.as_bytes().len(), value.octets().len());
        let (size, longest) = (name_len + value_len + 32, name_len.max(value_len));
        self.generation += 1;
        self.evict_to(self.max_size.saturating_sub(size));
        if size <= self.max_size {
            self.size += size;
            if self.entries.len() == self.entries.capacity() {
                // What gRPC's responses put there is two entries.
                self.entries.reserve_exact((self.entries.len() / 2).max(2));
            }
            self.entries.push_front(Entry {
                name,
                value,
                size,
                longest,
            });
        }
    }

    /// Makes what was remembered of this generation invalid.
    pub(super) fn outdate(&mut self) {
        self.generation += 1;
    }

    pub(super) fn clear(&mut self) {
        self.generation += 1;
        self.evict_to(0);
    }

    pub(super) fn set_max_size(&mut self, max_size: usize) {
        if max_size != self.max_size {
            self.generation += 1;
            self.max_size = max_size;
            self.evict_to(max_size);
            self.entries.shrink_to_fit();
        }
    }

    fn evict_to(&mut self, size: usize) {
        while self.size > size
            && let Some(entry) = self.entries.pop_back()
        {
            self.size -= entry.size;
        }
    }
}
