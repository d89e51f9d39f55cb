//! From the octets of a name to its class, by one look into a table made at compile time.

use super::static_table::{FIELDS, LEN, same};
use crate::headers::{KnownName, Name};
use bytes::Bytes;

/// What is known at compile time of a name.
#[derive(Clone, Copy)]
pub(super) struct Class {
    name: &'static str,
    known: Option<KnownName>,
    /// First index in the static table with this name; 0: none.
    pub(super) static_index: u8,
}

const NONE: Class = Class {
    name: "",
    known: None,
    static_index: 0,
};
const SLOTS: usize = 256;

/// Open addressing with linear probing; an empty name marks a free slot.
static TABLE: [Class; SLOTS] = build();

/// First index in the static table of each known name, by its discriminant; 0: none.
static KNOWN: [u8; KnownName::ALL.len()] = known_indices();

/// The name with these octets; allocates only if it is neither known nor in the static table.
pub(super) fn name(octets: &[u8]) -> Name {
    match class(octets) {
        Some(Class {
            known: Some(known), ..
        }) => Name::Known(known),
        Some(class) => Name::Other(Bytes::from_static(class.name.as_bytes())),
        None => Name::Other(Bytes::copy_from_slice(octets)),
    }
}

/// First index in the static table with this name; 0: none.
#[inline]
pub(super) fn static_index(name: &Name) -> usize {
    match name {
        Name::Known(known) => usize::from(KNOWN[*known as usize]),
        Name::Other(name) => class(name).map_or(0, |class| usize::from(class.static_index)),
    }
}

fn class(octets: &[u8]) -> Option<Class> {
    if octets.is_empty() {
        return None;
    }
    let mut slot = hash(octets);
    while !TABLE[slot].name.is_empty() {
        if TABLE[slot].name.as_bytes() == octets {
            return Some(TABLE[slot]);
        }
        slot = (slot + 1) % SLOTS;
    }
    None
}

const fn hash(name: &[u8]) -> usize {
    let (length, middle) = (name.len(), name.len() / 2);
    let mixed = length * 37
        + name[0] as usize * 5
        + name[middle] as usize * 83
        + name[length - 1] as usize * 11;
    mixed % SLOTS
}

const fn build() -> [Class; SLOTS] {
    let mut table = [NONE; SLOTS];
    let mut i = 0;
    while i < KnownName::ALL.len() {
        let known = KnownName::ALL[i];
        insert(
            &mut table,
            Class {
                name: known.as_str(),
                known: Some(known),
                static_index: KNOWN[i],
            },
        );
        i += 1;
    }
    let mut i = 0;
    while i < LEN {
        insert(
            &mut table,
            Class {
                name: FIELDS[i].0,
                known: None,
                static_index: i as u8 + 1,
            },
        );
        i += 1;
    }
    table
}

/// Adds `class` unless its name is there already.
const fn insert(table: &mut [Class; SLOTS], class: Class) {
    let mut slot = hash(class.name.as_bytes());
    while !table[slot].name.is_empty() {
        if same(table[slot].name.as_bytes(), class.name.as_bytes()) {
            return;
        }
        slot = (slot + 1) % SLOTS;
    }
    table[slot] = class;
}

const fn known_indices() -> [u8; KnownName::ALL.len()] {
    let mut indices = [0; KnownName::ALL.len()];
    let mut i = 0;
    while i < indices.len() {
        let mut index = LEN;
        while index > 0 {
            if same(
                FIELDS[index - 1].0.as_bytes(),
                KnownName::ALL[i].as_str().as_bytes(),
            ) {
                indices[i] = index as u8;
            }
            index -= 1;
        }
        i += 1;
    }
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_and_static_name_is_found_and_no_other() {
        for &known in KnownName::ALL {
            assert_eq!(name(known.as_str().as_bytes()), Name::Known(known));
        }
        for (i, (text, _)) in FIELDS.iter().enumerate() {
            let found = name(text.as_bytes());
            assert_eq!(found.as_bytes(), text.as_bytes());
            assert_eq!(found, Name::from_static(text));
            assert!(static_index(&found) <= i + 1);
            assert_eq!(FIELDS[static_index(&found) - 1].0, *text);
        }
        for other in [
            "",
            "x",
            "x-request-id",
            "Content-Type",
            "grpc-statu",
            "grpc-statuss",
            ":pathh",
        ] {
            let found = name(other.as_bytes());
            assert_eq!(found, Name::Other(Bytes::copy_from_slice(other.as_bytes())));
            assert_eq!(static_index(&found), 0);
        }
    }

    #[test]
    fn probing_stays_short() {
        let longest = (0..SLOTS).filter(|&at| {
            !TABLE[at].name.is_empty() && (at + SLOTS - hash(TABLE[at].name.as_bytes())) % SLOTS > 6
        });
        assert_eq!(longest.count(), 0);
    }
}
