//! An HPACK decoder as RFC 7541 tells it, bit by bit, without any limit.

use super::hpack_tables::{LENGTHS, STATIC};
use std::{collections::HashMap, sync::OnceLock};

/// Name, value, never indexed.
pub type Line = (Vec<u8>, Vec<u8>, bool);

/// The block breaks RFC 7541.
#[derive(Debug)]
pub struct Broken;

/// One direction's decoder.
#[derive(Debug)]
pub struct Decoder {
    /// The newest entry first.
    table: Vec<(Vec<u8>, Vec<u8>)>,
    table_size: usize,
    allowed: usize,
    /// The smallest size that was acknowledged below what the peer uses, and is not yet confirmed.
    lowered_to: Option<usize>,
}

impl Decoder {
    /// A decoder whose peer may use a table of this size.
    pub fn new(table_size: usize) -> Decoder {
        Decoder {
            table: Vec::new(),
            table_size,
            allowed: table_size,
            lowered_to: None,
        }
    }

    /// Our SETTINGS_HEADER_TABLE_SIZE was acknowledged.
    pub fn acknowledged(&mut self, size: usize) {
        self.allowed = size;
        if size < self.lowered_to.unwrap_or(self.table_size) {
            self.lowered_to = Some(size);
        }
    }

    /// The lines of a whole block.
    ///
    /// # Errors
    /// It breaks RFC 7541; the decoder is of no use afterwards.
    pub fn decode(&mut self, block: &[u8]) -> Result<Vec<Line>, Broken> {
        let mut bits = Bits {
            bytes: block,
            at: 0,
        };
        let (mut lines, mut updates) = (Vec::new(), 0);
        while !bits.is_at_end() {
            if bits.take(1)? == 1 {
                let index = bits.integer(7)?;
                let (name, value) = self.entry(index)?;
                lines.push((name, value, false));
            } else if bits.take(1)? == 1 {
                let (name, value) = self.literal(&mut bits, 6)?;
                lines.push((name.clone(), value.clone(), false));
                self.insert(name, value);
            } else if bits.take(1)? == 1 {
                updates += 1;
                let size = bits.integer(5)?;
                if !lines.is_empty()
                    || updates > 2
                    || size > self.lowered_to.unwrap_or(self.allowed)
                {
                    return Err(Broken);
                }
                self.lowered_to = None;
                self.table_size = size;
                self.evict();
                continue;
            } else {
                let never = bits.take(1)? == 1;
                let (name, value) = self.literal(&mut bits, 4)?;
                lines.push((name, value, never));
            }
            if self.lowered_to.is_some() {
                return Err(Broken);
            }
        }
        // A block of nothing lacks the update, too.
        if self.lowered_to.is_some() {
            Err(Broken)
        } else {
            Ok(lines)
        }
    }

    fn entry(&self, index: usize) -> Result<(Vec<u8>, Vec<u8>), Broken> {
        if (1..=STATIC.len()).contains(&index) {
            let (name, value) = STATIC[index - 1];
            return Ok((name.into(), value.into()));
        }
        let place = index.checked_sub(STATIC.len() + 1).ok_or(Broken)?;
        self.table.get(place).cloned().ok_or(Broken)
    }

    fn literal(&self, bits: &mut Bits<'_>, prefix: usize) -> Result<(Vec<u8>, Vec<u8>), Broken> {
        let index = bits.integer(prefix)?;
        let name = if index == 0 {
            bits.string()?
        } else {
            self.entry(index)?.0
        };
        Ok((name, bits.string()?))
    }

    fn insert(&mut self, name: Vec<u8>, value: Vec<u8>) {
        self.table.insert(0, (name, value));
        self.evict();
    }

    fn evict(&mut self) {
        // An entry that is larger than the table drives out all others and then itself.
        while self
            .table
            .iter()
            .map(|(name, value)| name.len() + value.len() + 32)
            .sum::<usize>()
            > self.table_size
        {
            self.table.pop();
        }
    }
}

/// A block with a place in it, counted in bits.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len() * 8
    }

    fn take(&mut self, count: usize) -> Result<usize, Broken> {
        let mut value = 0;
        for _ in 0..count {
            let octet = self.bytes.get(self.at / 8).ok_or(Broken)?;
            value = value << 1 | usize::from(octet >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    /// Section 5.1, at most 2^32-1 in at most five octets more.
    fn integer(&mut self, prefix: usize) -> Result<usize, Broken> {
        let mut value = self.take(prefix)?;
        if value < (1 << prefix) - 1 {
            return Ok(value);
        }
        for octet in 0..5 {
            let more = self.take(1)? == 1;
            value += self.take(7)? << (7 * octet);
            if !more {
                return if value < 1 << 32 {
                    Ok(value)
                } else {
                    Err(Broken)
                };
            }
        }
        Err(Broken)
    }

    /// Section 5.2.
    fn string(&mut self) -> Result<Vec<u8>, Broken> {
        let huffman = self.take(1)? == 1;
        let len = self.integer(7)?;
        let start = self.at / 8;
        let octets = self.bytes.get(start..start + len).ok_or(Broken)?;
        self.at += len * 8;
        if !huffman {
            return Ok(octets.to_vec());
        }
        huffman_text(octets)
    }
}

fn huffman_text(octets: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut bits = Bits {
        bytes: octets,
        at: 0,
    };
    let mut text = Vec::new();
    let (mut code, mut length) = (0_u32, 0_u8);
    while !bits.is_at_end() {
        code = code << 1 | bits.take(1)? as u32;
        length += 1;
        match codes().get(&(length, code)) {
            Some(256) => return Err(Broken),
            Some(&octet) => {
                text.push(octet as u8);
                (code, length) = (0, 0);
            }
            None => {}
        }
    }
    // The padding: fewer than eight bits, all of them ones.
    if length >= 8 || code != (1 << length) - 1 {
        Err(Broken)
    } else {
        Ok(text)
    }
}

/// Length and code to octet; 256 is the end of string.
fn codes() -> &'static HashMap<(u8, u32), u16> {
    static CODES: OnceLock<HashMap<(u8, u32), u16>> = OnceLock::new();
    CODES.get_or_init(|| {
        let (mut codes, mut code) = (HashMap::new(), 0);
        for length in 1..=30 {
            code <<= 1;
            for octet in (0..257).filter(|&octet| LENGTHS[usize::from(octet)] == length) {
                codes.insert((length, code), octet);
                code += 1;
            }
        }
        codes
    })
}
