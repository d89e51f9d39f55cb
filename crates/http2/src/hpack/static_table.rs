//! The static table of RFC 7541 appendix A.

use crate::headers::{KnownName, Name};
use bytes::Bytes;

/// Number of entries; the dynamic table begins at the index after it.
pub(super) const LEN: usize = 61;

/// An entry of the static table.
pub(super) struct StaticField {
    pub(super) name: &'static str,
    pub(super) known: Option<KnownName>,
    pub(super) value: &'static str,
}

impl StaticField {
    /// As header-list limits count it.
    #[inline]
    pub(super) fn size(&self) -> usize {
        self.name.len() + self.value.len() + 32
    }

    /// Length of the longer one of name and value.
    #[inline]
    pub(super) fn longest(&self) -> usize {
        self.name.len().max(self.value.len())
    }

    /// The name, classified.
    #[inline]
    pub(super) fn name(&self) -> Name {
        match self.known {
            Some(known) => Name::Known(known),
            None => Name::Other(Bytes::from_static(self.name.as_bytes())),
        }
    }
}

/// The entry with this index, which begins at 1.
#[inline]
pub(super) fn field(index: usize) -> Option<&'static StaticField> {
    TABLE.get(index.wrapping_sub(1))
}

/// The index of the entry with this name and value; `first` is the index of the first one with the name.
#[inline]
pub(super) fn find_value(first: usize, value: &[u8]) -> Option<usize> {
    let name = TABLE[first - 1].name;
    let same_name = TABLE[first - 1..]
        .iter()
        .take_while(|field| field.name.len() == name.len() && field.name == name);
    same_name
        .zip(first..)
        .find(|(field, _)| field.value.as_bytes() == value)
        .map(|(_, index)| index)
}

pub(super) static TABLE: [StaticField; LEN] = build();

const fn build() -> [StaticField; LEN] {
    let mut table = [const {
        StaticField {
            name: "",
            known: None,
            value: "",
        }
    }; LEN];
    let mut i = 0;
    while i < LEN {
        table[i].name = FIELDS[i].0;
        table[i].value = FIELDS[i].1;
        let mut k = 0;
        while k < KnownName::ALL.len() {
            if same(
                KnownName::ALL[k].as_str().as_bytes(),
                FIELDS[i].0.as_bytes(),
            ) {
                table[i].known = Some(KnownName::ALL[k]);
            }
            k += 1;
        }
        i += 1;
    }
    table
}

/// `a == b` at compile time.
pub(super) const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Names with their values, in the order of the appendix.
pub(super) const FIELDS: [(&str, &str); LEN] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];
