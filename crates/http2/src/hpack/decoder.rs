//! Header blocks to fields.

use super::{
    classify,
    decoder_table::{DecoderTable, Value},
    error::DecodeError,
    huffman, integer, policy, static_table,
};
use crate::headers::{KnownName, Name};
use bytes::Bytes;

/// What the layer above is ready to take from one header block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecodeLimits {
    /// Size of the list: names, values and 32 for each field (RFC 9113 §6.5.2). Default 8 KiB.
    pub max_list_size: usize,
    /// Number of fields. Default 128.
    pub max_count: usize,
    /// Octets of one name or one value, decoded. Default 8 KiB.
    pub max_string: usize,
}

impl Default for DecodeLimits {
    fn default() -> DecodeLimits {
        DecodeLimits {
            max_list_size: 8 << 10,
            max_count: 128,
            max_string: 8 << 10,
        }
    }
}

/// The limit that a header list passed first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TooLarge {
    /// [`DecodeLimits::max_list_size`].
    ListSize,
    /// [`DecodeLimits::max_count`].
    Count,
    /// [`DecodeLimits::max_string`].
    String,
}

/// What the decoder has to say of a block it could decode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// A limit was passed: the sink got only the fields before that point.
    pub too_large: Option<TooLarge>,
    /// The block left the dynamic table as it was, holds no never-indexed field and was within the limits:
    /// the same octets mean the same list until [`Decoder::generation`] changes.
    pub repeatable: bool,
    /// Size of the whole list: names, values and 32 for each field.
    pub list_size: usize,
    /// Number of fields in the whole list.
    pub count: usize,
    /// Where in the block the value of `grpc-timeout` begins and ends, if that is a literal which does not enter the table.
    pub timeout: Option<(usize, usize)>,
}

/// The decoding end of one direction of a connection.
///
/// Blocks are decoded in the order of the wire, each exactly once, also those of streams that are gone:
/// the dynamic table depends on all of them (RFC 7541 §2.2). After an error the decoder is of no use and the
/// connection ends.
///
/// ```
/// use farcall_http2::hpack::{DecodeLimits, Decoder};
/// use farcall_http2::{KnownName, Name};
///
/// let mut decoder = Decoder::new(4096);
/// let mut list = Vec::new();
/// let outcome = decoder
///     .decode(&[0x82, 0x04, 0x01, b'/'], DecodeLimits::default(), |name, value, _| list.push((name, value)))
///     .unwrap();
/// assert_eq!(outcome.count, 2);
/// assert_eq!(list[1], (Name::Known(KnownName::Path), "/".into()));
/// assert!(decoder.decode(&[0x80], DecodeLimits::default(), |_, _, _| ()).is_err());
/// ```
#[derive(Debug)]
pub struct Decoder {
    table: DecoderTable,
    /// What our acknowledged SETTINGS_HEADER_TABLE_SIZE allows.
    max_table_size: usize,
    /// The next block must begin with a size update to at most this.
    update_due: Option<usize>,
    scratch: Vec<u8>,
}

impl Decoder {
    /// A decoder whose peer may use a dynamic table of `max_table_size` octets from the start. A connection begins
    /// with 4,096 (RFC 9113 §6.5.2), whatever the SETTINGS say that the peer has not yet acknowledged.
    pub fn new(max_table_size: usize) -> Decoder {
        Decoder {
            table: DecoderTable::new(max_table_size),
            max_table_size,
            update_due: None,
            scratch: Vec::new(),
        }
    }

    /// The peer has acknowledged our SETTINGS_HEADER_TABLE_SIZE of `size`. If that is less than the peer uses,
    /// its next block must begin with a size update (RFC 7541 §4.2).
    pub fn set_max_table_size(&mut self, size: usize) {
        self.max_table_size = size;
        if size < self.update_due.unwrap_or(self.table.max_size()) {
            self.update_due = Some(size);
            // Remembered blocks lack the update, so they are not to be answered from memory now.
            self.table.outdate();
        }
    }

    /// Changes whenever the contents or the size of the dynamic table have changed, or a size update is due.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.table.generation()
    }

    /// Decodes one whole header block and calls `sink(name, value, sensitive)` for each field, in order.
    /// `sensitive` tells a never-indexed literal (RFC 7541 §7.1.3). Names are classified but not checked; they
    /// may be upper case or empty.
    ///
    /// When a limit is passed the sink is not called again, but the block is decoded to its end
    /// to keep the table in step. No string above the limits is ever held, except for table entries,
    /// which are bounded by the size of the table.
    ///
    /// # Errors
    /// The block breaks RFC 7541. What the sink got until then is void.
    pub fn decode(
        &mut self,
        block: &[u8],
        limits: DecodeLimits,
        mut sink: impl FnMut(Name, Bytes, bool),
    ) -> Result<Outcome, DecodeError> {
        let generation = self.table.generation();
        let mut rest = block;
        self.size_updates(&mut rest)?;
        let mut tally = Tally {
            limits,
            size: 0,
            count: 0,
            too_large: None,
        };
        let (mut any_sensitive, mut timeout) = (false, None);
        while let Some((&first, tail)) = rest.split_first() {
            rest = tail;
            if first & 0x80 != 0 {
                self.indexed(integer::decode(first, 7, &mut rest)?, &mut tally, &mut sink)?;
            } else if first & 0x40 != 0 {
                let index = integer::decode(first, 6, &mut rest)?;
                self.inserted_literal(index, &mut rest, &mut tally, &mut sink)?;
            } else if first & 0x20 != 0 {
                return Err(DecodeError::LateSizeUpdate);
            } else {
                let sensitive = first & 0x10 != 0;
                any_sensitive |= sensitive;
                let index = integer::decode(first, 4, &mut rest)?;
                let cap = tally.string_cap();
                let (name_len, name) = self.name(index, &mut rest, cap)?;
                let start = block.len() - rest.len();
                let (value_len, value) = self.value(name.as_ref(), &mut rest, cap)?;
                if name == Some(Name::Known(KnownName::GrpcTimeout)) {
                    timeout = Some((start, block.len() - rest.len()));
                }
                if let (true, Some(name), Some(value)) = (
                    tally.admits(name_len + value_len + 32, name_len.max(value_len)),
                    name,
                    value,
                ) {
                    sink(name, value.into_bytes(), sensitive);
                }
            }
        }
        if self.scratch.capacity() > SCRATCH_KEPT {
            self.scratch = Vec::new();
        }
        Ok(Outcome {
            too_large: tally.too_large,
            repeatable: !any_sensitive
                && tally.too_large.is_none()
                && self.table.generation() == generation,
            list_size: tally.size,
            count: tally.count,
            timeout,
        })
    }

    /// Takes the table size updates from the front of a block (RFC 7541 §4.2 and §6.3).
    fn size_updates(&mut self, rest: &mut &[u8]) -> Result<(), DecodeError> {
        let mut updates = 0;
        while let Some((&first, tail)) = rest.split_first()
            && first & 0xe0 == 0x20
        {
            *rest = tail;
            let size = integer::decode(first, 5, rest)?;
            updates += 1;
            if updates > 2 {
                return Err(DecodeError::TooManySizeUpdates);
            }
            if size > self.update_due.take().unwrap_or(self.max_table_size) {
                return Err(DecodeError::TableSizeTooLarge);
            }
            self.table.set_max_size(size);
        }
        if self.update_due.is_some() {
            Err(DecodeError::MissingSizeUpdate)
        } else {
            Ok(())
        }
    }

    /// An indexed field (RFC 7541 §6.1).
    #[inline]
    fn indexed(
        &self,
        index: usize,
        tally: &mut Tally,
        sink: &mut impl FnMut(Name, Bytes, bool),
    ) -> Result<(), DecodeError> {
        if let Some(field) = static_table::field(index) {
            if tally.admits(field.size(), field.longest()) {
                sink(
                    field.name(),
                    Bytes::from_static(field.value.as_bytes()),
                    false,
                );
            }
            return Ok(());
        }
        let entry = self.table.entry(index).ok_or(DecodeError::InvalidIndex)?;
        if tally.admits(entry.size, entry.longest) {
            sink(entry.name.clone(), entry.value.to_bytes(), false);
        }
        Ok(())
    }

    /// A literal that enters the table (RFC 7541 §6.2.1).
    fn inserted_literal(
        &mut self,
        index: usize,
        rest: &mut &[u8],
        tally: &mut Tally,
        sink: &mut impl FnMut(Name, Bytes, bool),
    ) -> Result<(), DecodeError> {
        // An entry that fits into the table is needed even if the list is too large.
        let cap = tally.string_cap().max(self.table.max_size());
        let (name_len, name) = self.name(index, rest, cap)?;
        let (value_len, value) = self.value(name.as_ref(), rest, cap)?;
        let admitted = tally.admits(name_len + value_len + 32, name_len.max(value_len));
        let (Some(name), Some(value)) = (name, value) else {
            self.table.clear(); // RFC 7541 §4.4: an entry larger than the table empties it
            return Ok(());
        };
        if admitted {
            sink(name.clone(), value.to_bytes(), false);
            self.table.insert(name, value);
        } else {
            self.table.insert(name, value);
        }
        Ok(())
    }

    /// The name of a literal: its length, and itself if it is not longer than `cap`.
    #[inline]
    fn name(
        &mut self,
        index: usize,
        rest: &mut &[u8],
        cap: usize,
    ) -> Result<(usize, Option<Name>), DecodeError> {
        if index == 0 {
            return read_string(rest, &mut self.scratch, cap, classify::name);
        }
        let name = match static_table::field(index) {
            Some(field) => field.name(),
            None => self
                .table
                .entry(index)
                .ok_or(DecodeError::InvalidIndex)?
                .name
                .clone(),
        };
        Ok((name.as_bytes().len(), Some(name)))
    }

    /// The value of a literal: its length, and itself if it is not longer than `cap`.
    #[inline]
    fn value(
        &mut self,
        name: Option<&Name>,
        rest: &mut &[u8],
        cap: usize,
    ) -> Result<(usize, Option<Value>), DecodeError> {
        read_string(
            rest,
            &mut self.scratch,
            cap,
            |octets| match policy::common_value(name, octets) {
                Some(common) => Value::Common(common),
                None => Value::Own(Bytes::copy_from_slice(octets)),
            },
        )
    }
}

/// Octets of scratch space that are kept from one block to the next: enough for most strings, and little beside the rest of a
/// connection that is idle after this block.
const SCRATCH_KEPT: usize = 2 << 10;

/// Reads a string literal (RFC 7541 §5.2): its decoded length, and what `make` makes of its octets if they are
/// at most `cap`.
#[inline]
fn read_string<T>(
    rest: &mut &[u8],
    scratch: &mut Vec<u8>,
    cap: usize,
    make: impl FnOnce(&[u8]) -> T,
) -> Result<(usize, Option<T>), DecodeError> {
    let (&first, tail) = rest.split_first().ok_or(DecodeError::Truncated)?;
    *rest = tail;
    let len = integer::decode(first, 7, rest)?;
    let (raw, tail) = rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
    *rest = tail;
    if first & 0x80 == 0 {
        return Ok((len, (len <= cap).then(|| make(raw))));
    }
    let len = huffman::decode(raw, scratch, cap)?;
    Ok((len, (len <= cap).then(|| make(&scratch[..len]))))
}

/// Counts a list against its limits.
struct Tally {
    limits: DecodeLimits,
    size: usize,
    count: usize,
    too_large: Option<TooLarge>,
}

impl Tally {
    /// Counts a field by its size and the length of the longer one of its strings; whether the list is still
    /// within the limits.
    #[inline]
    fn admits(&mut self, size: usize, longest: usize) -> bool {
        self.count += 1;
        self.size = self.size.saturating_add(size);
        if self.too_large.is_none() {
            self.too_large = if longest > self.limits.max_string {
                Some(TooLarge::String)
            } else if self.size > self.limits.max_list_size {
                Some(TooLarge::ListSize)
            } else if self.count > self.limits.max_count {
                Some(TooLarge::Count)
            } else {
                None
            };
        }
        self.too_large.is_none()
    }

    /// Length up to which a string can still be admitted.
    #[inline]
    fn string_cap(&self) -> usize {
        match self.too_large {
            None => self
                .limits
                .max_string
                .min(self.limits.max_list_size.saturating_sub(self.size)),
            Some(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_that_will_not_be_delivered_are_not_held() {
        // `:path` with a Huffman string of 8,000 octets, which is 12,800 times "0".
        let mut block = vec![0x04];
        integer::encode(8000, 7, 0x80, &mut block);
        block.resize(block.len() + 8000, 0);
        let mut decoder = Decoder::new(4096);
        for limits in [
            DecodeLimits {
                max_string: 100,
                ..DecodeLimits::default()
            },
            DecodeLimits {
                max_list_size: 100,
                ..DecodeLimits::default()
            },
        ] {
            let outcome = decoder.decode(&block, limits, |_, _, _| unreachable!("too large"));
            assert_eq!(
                outcome.map(|outcome| outcome.list_size),
                Ok(12_800 + 5 + 32)
            );
            assert!(decoder.scratch.capacity() <= 102);
        }
        // Also when another field passed the limit.
        block.insert(0, 0x82);
        let limits = DecodeLimits {
            max_count: 0,
            max_string: 1 << 20,
            max_list_size: 1 << 20,
        };
        assert!(
            decoder
                .decode(&block, limits, |_, _, _| unreachable!("too large"))
                .is_ok()
        );
        assert!(decoder.scratch.capacity() <= 102);
    }

    #[test]
    fn the_scratch_space_of_a_long_string_is_not_kept() {
        let block = |len: usize| {
            let mut block = vec![0x04];
            integer::encode(len, 7, 0x80, &mut block);
            block.resize(block.len() + len, 0);
            block
        };
        let limits = DecodeLimits {
            max_list_size: 64 << 10,
            max_string: 64 << 10,
            ..DecodeLimits::default()
        };
        let mut decoder = Decoder::new(4096);
        for len in [5_000, 1_000, 1_500, 10_000, 1_200] {
            let outcome = decoder.decode(&block(len), limits, |_, _, _| ()).unwrap();
            assert_eq!(outcome.list_size, len * 8 / 5 + 5 + 32);
            assert!(decoder.scratch.capacity() <= 2 << 10);
        }
    }
}
