//! Fields to header blocks.

use super::{
    classify,
    encoder_table::{EncoderTable, FieldHash},
    huffman, integer,
    pieces::{Piece, Pieces},
    policy::{self, Indexing},
    static_table,
};
use crate::headers::{Field, KnownName, Name, Part, TimeoutValue};

/// The table size of both ends before any SETTINGS (RFC 9113 §6.5.2).
const INITIAL_TABLE_SIZE: usize = 4096;
/// So many fields that enter the table when they are repeated are remembered, by hash.
const RECENT: usize = 64;

/// The encoding end of one direction of a connection.
///
/// Blocks must reach the peer in the order in which they were encoded. Well-known fields with few values enter the
/// dynamic table at once, those whose values hardly repeat (`grpc-timeout`, `grpc-message` …) never,
/// sensitive ones are sent so that no hop indexes them, and other metadata enters when it is sent the
/// second time. An entry of more than half of the table is not indexed. The encoded form of
/// [`Part::Shared`] lists is remembered as long as the dynamic table does not change.
///
/// ```
/// use std::sync::Arc;
/// use farcall_http2::hpack::Encoder;
/// use farcall_http2::{Field, KnownName, Part};
///
/// let mut encoder = Encoder::new(4096);
/// let shared = Arc::new(vec![
///     Field::new(KnownName::Method, "POST"),
///     Field::new(KnownName::Path, "/echo.Echo/Say"),
/// ]);
/// let timeout = [Field::new(KnownName::GrpcTimeout, "100m")];
/// let mut block = Vec::new();
/// for _ in 0..5 {
///     block.clear();
///     encoder.encode(&[Part::Shared(&shared), Part::Fields(&timeout)], &mut block);
/// }
/// assert_eq!(block[..2], [0x83, 0xbe]); // an octet for each of the shared fields
/// ```
#[derive(Debug)]
pub struct Encoder {
    table: EncoderTable,
    /// The most we use of what the peer allows.
    cap: usize,
    /// What the peer allows.
    peer_max: usize,
    update_due: Option<SizeUpdate>,
    /// A ring of hashes; it grows up to [`RECENT`].
    recent: Vec<u32>,
    next_recent: usize,
    pieces: Pieces,
}

/// Table sizes to be announced at the start of the next block (RFC 7541 §4.2).
#[derive(Clone, Copy, Debug)]
struct SizeUpdate {
    smallest: usize,
    last: usize,
}

impl Encoder {
    /// An encoder that uses a table of at most `max_table_size_cap` octets, whatever the peer allows: 4,096 until
    /// [`set_peer_max_table_size`](Self::set_peer_max_table_size) says otherwise. 0 switches dynamic indexing off.
    pub fn new(max_table_size_cap: usize) -> Encoder {
        let size = INITIAL_TABLE_SIZE.min(max_table_size_cap);
        let update_due = (size < INITIAL_TABLE_SIZE).then_some(SizeUpdate {
            smallest: size,
            last: size,
        });
        Encoder {
            table: EncoderTable::new(size),
            cap: max_table_size_cap,
            peer_max: INITIAL_TABLE_SIZE,
            update_due,
            recent: Vec::new(),
            next_recent: 0,
            pieces: Pieces::default(),
        }
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE arrived. The next block begins with the size updates that follow from it.
    pub fn set_peer_max_table_size(&mut self, size: usize) {
        let target = size.min(self.cap);
        let current = self
            .update_due
            .map_or(self.table.max_size(), |due| due.last);
        // RFC 9113 §4.3.1: a peer may insist on an update after any reduction, even to what we use already.
        if target != current || size < self.peer_max {
            let smallest = self
                .update_due
                .map_or(target, |due| due.smallest.min(target));
            self.update_due = Some(SizeUpdate {
                smallest,
                last: target,
            });
        }
        self.peer_max = size;
    }

    /// Changes whenever the contents or the size of the dynamic table have changed.
    pub fn generation(&self) -> u64 {
        self.table.generation()
    }

    /// Appends the header block of the concatenated `parts` to `out`.
    #[inline]
    pub fn encode(&mut self, parts: &[Part<'_>], out: &mut Vec<u8>) {
        if let Some(due) = self.update_due.take() {
            self.size_update(due, out);
        }
        for part in parts {
            match part {
                Part::Fields(fields) => {
                    for field in *fields {
                        self.field(field, out);
                    }
                }
                Part::Timeout(value) => timeout(value, out),
                Part::Shared(list) => {
                    let generation = self.table.generation();
                    if let Some(piece) = self.pieces.find(list, generation) {
                        out.extend_from_slice(piece.octets);
                        continue;
                    }
                    let start = out.len();
                    for field in list.iter() {
                        self.field(field, out);
                    }
                    if self.table.generation() == generation
                        && !list.iter().any(|field| field.sensitive)
                    {
                        self.pieces.offer(list, generation, &out[start..]);
                    }
                }
            }
        }
    }

    /// The block of a list that is one shared part, if its encoded form is remembered and nothing has to precede it.
    #[inline]
    pub(crate) fn remembered(&self, parts: &[Part<'_>]) -> Option<Piece<'_>> {
        let (Part::Shared(list), rest) = parts.split_first()? else {
            return None;
        };
        let alone = rest
            .iter()
            .all(|part| matches!(part, Part::Fields(fields) if fields.is_empty()));
        if !alone || self.update_due.is_some() {
            return None;
        }
        self.pieces.find(list, self.table.generation())
    }

    /// Fills in, if it is empty, the block of at most two shared parts, with a timeout between them or not. False: the encoded forms of the
    /// former are not remembered, or something else has to be encoded.
    #[inline]
    pub(crate) fn remembered_request<'a>(
        &'a self,
        parts: &[Part<'_>],
        block: &mut Remembered<'a>,
    ) -> bool {
        if self.update_due.is_some() {
            return false;
        }
        let mut count = 0;
        for part in parts {
            match part {
                Part::Fields([]) => {}
                Part::Fields(_) => return false,
                Part::Timeout(value) => {
                    // One, behind the first list, or the order would be another.
                    if count != 1 || block.timeout_len > 0 {
                        return false;
                    }
                    block.timeout(value);
                }
                Part::Shared(list) => {
                    let (Some(place), Some(piece)) = (
                        block.pieces.get_mut(count),
                        self.pieces.find(list, self.table.generation()),
                    ) else {
                        return false;
                    };
                    *place = piece;
                    count += 1;
                }
            }
        }
        true
    }

    /// The size of a list as the peer's limit counts it (RFC 9113 §6.5.2).
    #[inline]
    pub(crate) fn list_size(&self, parts: &[Part<'_>]) -> usize {
        let size = |fields: &[Field]| -> usize { fields.iter().map(Field::size).sum() };
        let part = |part: &Part<'_>| match part {
            Part::Fields(fields) => size(fields),
            Part::Timeout(value) => timeout_size(value),
            Part::Shared(list) => match self.pieces.find(list, self.table.generation()) {
                Some(piece) => piece.list_size,
                None => size(list),
            },
        };
        parts.iter().map(part).sum()
    }

    fn size_update(&mut self, due: SizeUpdate, out: &mut Vec<u8>) {
        if due.smallest < due.last {
            integer::encode(due.smallest, 5, 0x20, out);
        }
        integer::encode(due.last, 5, 0x20, out);
        self.table.set_max_size(due.smallest);
        self.table.set_max_size(due.last);
    }

    fn field(&mut self, field: &Field, out: &mut Vec<u8>) {
        let static_index = classify::static_index(&field.name);
        let indexing = policy::indexing(field);
        let hash = FieldHash::of(field, indexing);
        if matches!(indexing, Indexing::AtOnce | Indexing::WhenRepeated) {
            if static_index != 0
                && let Some(index) = static_table::find_value(static_index, &field.value)
            {
                return integer::encode(index, 7, 0x80, out);
            }
            if let Some(index) = self.table.find(field, hash) {
                return integer::encode(index, 7, 0x80, out);
            }
        }
        let name_index = if static_index != 0 {
            static_index
        } else {
            self.table.find_name(&field.name, hash).unwrap_or(0)
        };
        let enters = match indexing {
            Indexing::AtOnce => true,
            Indexing::WhenRepeated => self.sent_recently(hash),
            Indexing::Never | Indexing::Forbidden => false,
        };
        if enters && field.size() <= self.table.max_size() / 2 {
            literal(name_index, 6, 0x40, field, out);
            self.table.insert(field, hash);
        } else {
            literal(
                name_index,
                4,
                if field.sensitive { 0x10 } else { 0x00 },
                field,
                out,
            );
        }
    }

    /// Whether the field is among the last candidates; it is from now on.
    fn sent_recently(&mut self, hash: FieldHash) -> bool {
        if self.recent.contains(&hash.field) {
            return true;
        }
        match self.recent.get_mut(self.next_recent) {
            Some(place) => *place = hash.field,
            None => self.recent.push(hash.field),
        }
        self.next_recent = (self.next_recent + 1) % RECENT;
        false
    }
}

/// A block whose lists are remembered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Remembered<'a> {
    pieces: [Piece<'a>; 2],
    /// What stands between them.
    timeout: [u8; TIMEOUT_MAX],
    timeout_len: usize,
    timeout_size: usize,
}

impl Remembered<'_> {
    #[inline]
    fn timeout(&mut self, value: &TimeoutValue) {
        let (head, tail) = self.timeout.split_at_mut(GRPC_TIMEOUT.len() + 1);
        head[1..].copy_from_slice(GRPC_TIMEOUT);
        tail[0] = value.len() as u8;
        tail[1..].copy_from_slice(value.padded());
        self.timeout_len = head.len() + 1 + value.len();
        self.timeout_size = timeout_size(value);
    }

    /// The octets in order.
    #[inline]
    pub(crate) fn octets(&self) -> [&[u8]; 3] {
        let timeout = self.timeout.get(..self.timeout_len).unwrap_or_default();
        [self.pieces[0].octets, timeout, self.pieces[1].octets]
    }

    /// As header-list limits count it (RFC 9113 §6.5.2).
    #[inline]
    pub(crate) fn list_size(&self) -> usize {
        self.pieces[0].list_size + self.timeout_size + self.pieces[1].list_size
    }
}

/// The longest `grpc-timeout` as a literal: the name is not indexed.
const TIMEOUT_MAX: usize = 1 + GRPC_TIMEOUT.len() + 1 + TimeoutValue::MAX;

fn timeout(value: &TimeoutValue, out: &mut Vec<u8>) {
    out.push(0);
    out.extend_from_slice(GRPC_TIMEOUT);
    plain_string(value, out);
}

fn timeout_size(value: &TimeoutValue) -> usize {
    "grpc-timeout".len() + value.len() + 32
}

/// A literal field: `prefix` bits for the index of the name, 0 if the name is spelled out (RFC 7541 §6.2).
fn literal(name_index: usize, prefix: u32, flags: u8, field: &Field, out: &mut Vec<u8>) {
    integer::encode(name_index, prefix, flags, out);
    if field.name == Name::Known(KnownName::GrpcTimeout) && name_index == 0 {
        // In most calls and never twice the same: its name is ready, and its digits are not worth a code.
        out.extend_from_slice(GRPC_TIMEOUT);
        return plain_string(&field.value, out);
    }
    if name_index == 0 {
        string(field.name.as_bytes(), out);
    }
    string(&field.value, out);
}

/// `grpc-timeout` as a string literal.
const GRPC_TIMEOUT: &[u8] = b"\x89\x9a\xca\xc8\xb2\x4d\x49\x4f\x6a\x7f";

/// A string literal in the shorter of its two forms (RFC 7541 §5.2).
fn string(text: &[u8], out: &mut Vec<u8>) {
    let len = huffman::encoded_len(text);
    if len < text.len() {
        integer::encode(len, 7, 0x80, out);
        out.reserve(len);
        huffman::encode(text, out);
    } else {
        plain_string(text, out);
    }
}

fn plain_string(text: &[u8], out: &mut Vec<u8>) {
    integer::encode(text.len(), 7, 0x00, out);
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_timeout_beside_the_lists_is_encoded_like_the_field() {
        for value in ["1n", "4999999u", "99999999H"] {
            let field = [Field::new(KnownName::GrpcTimeout, value)];
            let value = TimeoutValue::new(value.as_bytes()).expect("a timeout");
            let lists = [KnownName::Path, KnownName::UserAgent]
                .map(|name| Arc::new(vec![Field::new(name, "some value")]));
            let [first, second] = [&lists[0], &lists[1]].map(Part::Shared);
            let mut encoder = Encoder::new(4096);
            for _ in 0..5 {
                let (mut expected, mut block) = (Vec::new(), Vec::new());
                encoder.encode(&[first, Part::Fields(&field), second], &mut expected);
                let parts = [first, Part::Timeout(value), second];
                encoder.encode(&parts, &mut block);
                let size = encoder.list_size(&[first, Part::Fields(&field), second]);
                assert_eq!(encoder.list_size(&parts), size);
                let mut remembered = Remembered::default();
                if encoder.remembered_request(&parts, &mut remembered) {
                    assert_eq!(remembered.octets().concat(), block);
                    assert_eq!(remembered.list_size(), size);
                }
            }
            let parts = [first, Part::Timeout(value), second];
            let is_known = |parts| encoder.remembered_request(parts, &mut Remembered::default());
            assert!(is_known(&parts));
            let swapped = [Part::Timeout(value), first, second];
            assert!(!is_known(&swapped));
        }
    }

    #[test]
    fn the_name_that_is_ready_is_what_its_encoding_would_be() {
        let mut out = Vec::new();
        string(b"grpc-timeout", &mut out);
        assert_eq!(out, GRPC_TIMEOUT);
    }
}
