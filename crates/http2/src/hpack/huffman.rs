//! The Huffman code of RFC 7541 appendix B.
//!
//! The code is canonical (codes grow with length, then with the symbol), so the lengths alone define it;
//! everything else is computed from them at compile time.

use super::error::DecodeError;

/// Length in bits of the code of each octet; the last one is the end of string (EOS).
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];
const EOS: u16 = 256;
const MAX_LENGTH: u32 = 30;
/// Width of the fast table: two symbols of six bits, which most header text consists of, in one step.
const WINDOW: u32 = 12;

/// The symbols in the order of their codes, the codes, and for each length the first code above those of that length.
struct Code {
    order: [u16; 257],
    codes: [u32; 257],
    /// Codes of length `n` (and shorter ones) are below `ends[n]` when written from bit 31 down.
    ends: [u32; MAX_LENGTH as usize + 1],
    /// Adding this to a code of length `n` gives its place in `order`, modulo 2^32.
    offsets: [u32; MAX_LENGTH as usize + 1],
}

const fn build_code() -> Code {
    let mut built = Code {
        order: [0; 257],
        codes: [0; 257],
        ends: [0; 31],
        offsets: [0; 31],
    };
    let (mut code, mut place, mut length) = (0u32, 0u32, 1usize);
    while length <= MAX_LENGTH as usize {
        built.offsets[length] = place.wrapping_sub(code);
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as usize == length {
                built.order[place as usize] = symbol as u16;
                built.codes[symbol] = code;
                code += 1;
                place += 1;
            }
            symbol += 1;
        }
        // The last code is thirty ones, so its end does not fit; it is not needed, see `long_symbol`.
        built.ends[length] = if length < MAX_LENGTH as usize {
            code << (32 - length)
        } else {
            u32::MAX
        };
        code <<= 1;
        length += 1;
    }
    built
}

static CODE: Code = build_code();

/// An entry of the fast table: length of all its symbols in bits 0..6, where a shift wants it, number of
/// symbols in 6..8, symbols in 8..24, length of the first in 24..28. 0: the window begins with a longer code.
const fn build_window() -> [u32; 1 << WINDOW] {
    let code = build_code();
    let mut single = [0u32; 1 << WINDOW];
    let mut symbol = 0;
    while symbol < 256 {
        let length = LENGTHS[symbol] as u32;
        if length <= WINDOW {
            let first = code.codes[symbol] << (WINDOW - length);
            let mut i = 0;
            while i < 1 << (WINDOW - length) {
                single[(first + i) as usize] =
                    length | 1 << 6 | (symbol as u32) << 8 | length << 24;
                i += 1;
            }
        }
        symbol += 1;
    }
    let mut table = single;
    let mut window = 0;
    while window < 1 << WINDOW {
        let first = single[window];
        let length = first & 63;
        let second = single[window << length & ((1 << WINDOW) - 1)];
        let total = length + (second & 63);
        if first != 0 && second != 0 && total <= WINDOW {
            table[window] = first & 0x0f00_ff00 | (second & 0xff00) << 8 | 2 << 6 | total;
        }
        window += 1;
    }
    table
}

static TABLE: [u32; 1 << WINDOW] = build_window();

/// Symbol and length of the code of more than [`WINDOW`] bits that `bits` (from bit 63 down) begin with.
fn long_symbol(bits: u64) -> (u16, u32) {
    let bits = (bits >> 32) as u32;
    let mut length = WINDOW + 1;
    while length < MAX_LENGTH && bits >= CODE.ends[length as usize] {
        length += 1;
    }
    let place = (bits >> (32 - length)).wrapping_add(CODE.offsets[length as usize]);
    (CODE.order[place as usize], length)
}

/// Decodes the string `input` into the front of `out` and gives its length. Of a string longer than `cap` only
/// the length is true: it is checked to its end, but `out` never grows beyond `cap` and a little.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>, cap: usize) -> Result<usize, DecodeError> {
    // The shortest codes have five bits; the decoder writes two octets at a time.
    let room = (input.len() * 8 / 5).min(cap) + 2;
    if out.len() < room {
        out.resize(room, 0);
    }
    let out = &mut out[..room];
    let mut length = 0;
    let mut write = |pair: [u8; 2], count: usize| {
        if let Some(place) = out.get_mut(length..length + 2) {
            place.copy_from_slice(&pair);
        }
        length += count;
    };
    // `bits` holds what comes next from bit 63 down; the first `count` of them are accounted for.
    let (mut bits, mut count, mut rest) = (0u64, 0u32, input);
    loop {
        if let Some(word) = rest.first_chunk::<8>() {
            bits |= u64::from_be_bytes(*word) >> count;
            let whole = (63 - count) / 8;
            rest = &rest[whole as usize..];
            count += whole * 8;
        } else {
            while let (true, Some((&octet, tail))) = (count <= 56, rest.split_first()) {
                bits |= u64::from(octet) << (56 - count);
                count += 8;
                rest = tail;
            }
            if count < MAX_LENGTH {
                break;
            }
        }
        while count >= MAX_LENGTH {
            let entry = TABLE[(bits >> (64 - WINDOW)) as usize];
            if entry != 0 {
                write(
                    [(entry >> 8) as u8, (entry >> 16) as u8],
                    (entry >> 6 & 3) as usize,
                );
                bits = bits.wrapping_shl(entry); // by its low six bits
                count -= entry & 63;
            } else {
                let (symbol, used) = long_symbol(bits);
                if symbol == EOS {
                    return Err(DecodeError::EndOfStringCode);
                }
                write([symbol as u8, 0], 1);
                bits <<= used;
                count -= used;
            }
        }
    }
    decode_tail(bits, count, write)?;
    Ok(length)
}

/// Decodes the last `count` bits of a string, which end with padding of at most seven ones (RFC 7541 §5.2).
fn decode_tail(
    mut bits: u64,
    mut count: u32,
    mut write: impl FnMut([u8; 2], usize),
) -> Result<(), DecodeError> {
    while count > 0 {
        let padded = bits | u64::MAX >> count;
        if count < 8 && padded == u64::MAX {
            break;
        }
        let entry = TABLE[(padded >> (64 - WINDOW)) as usize];
        let used = if entry != 0 && entry & 63 <= count {
            write(
                [(entry >> 8) as u8, (entry >> 16) as u8],
                (entry >> 6 & 3) as usize,
            );
            entry & 63
        } else {
            // The second symbol of an entry may begin in the padding.
            let (symbol, used) = if entry != 0 {
                ((entry >> 8) as u16 & 0xff, entry >> 24)
            } else {
                long_symbol(padded)
            };
            if used > count {
                return Err(DecodeError::InvalidPadding);
            }
            write([symbol as u8, 0], 1);
            used
        };
        bits <<= used;
        count -= used;
    }
    Ok(())
}

/// Octets that `text` takes when encoded.
#[inline]
pub(super) fn encoded_len(text: &[u8]) -> usize {
    let bits: usize = text
        .iter()
        .map(|&octet| usize::from(LENGTHS[usize::from(octet)]))
        .sum();
    bits.div_ceil(8)
}

/// Appends `text` encoded, padded with ones.
pub(super) fn encode(text: &[u8], out: &mut Vec<u8>) {
    let (mut bits, mut count) = (0u64, 0u32);
    for &octet in text {
        let length = u32::from(LENGTHS[usize::from(octet)]);
        bits = bits << length | u64::from(CODE.codes[usize::from(octet)]);
        count += length;
        if count >= 32 {
            count -= 32;
            out.extend_from_slice(&((bits >> count) as u32).to_be_bytes());
        }
    }
    let octets = count.div_ceil(8);
    let last = (bits << 32 | 0xffff_ffff) >> count;
    out.extend_from_slice(&(last as u32).to_be_bytes()[..octets as usize]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(input: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        let length = decode(input, &mut out, usize::MAX)?;
        Ok(out[..length].to_vec())
    }

    #[test]
    fn known_codes_of_appendix_b_are_computed() {
        for (symbol, code) in [
            (0, 0x1ff8),
            (b'0', 0),
            (b'a', 3),
            (b'&', 0xf8),
            (255, 0x3ff_ffee),
            (10, 0x3fff_fffc),
        ] {
            assert_eq!(CODE.codes[usize::from(symbol)], code);
        }
        assert_eq!(CODE.codes[256], 0x3fff_ffff);
    }

    #[test]
    fn every_octet_in_every_neighbourhood_comes_back() {
        for a in 0..=255u8 {
            for b in [0, b'0', b'a', b'~', b'&', 10, 200, 255, a] {
                for text in [
                    &[a][..],
                    &[a, b],
                    &[b, a, b],
                    &[b, b, a, a, b, a, b, b, a],
                    &[a; 40],
                ] {
                    let mut out = Vec::new();
                    encode(text, &mut out);
                    assert_eq!(out.len(), encoded_len(text));
                    assert_eq!(decoded(&out).as_deref(), Ok(text));
                }
            }
        }
    }

    #[test]
    fn padding_must_be_ones_and_shorter_than_an_octet() {
        assert_eq!(decoded(&[0b0001_1111]).as_deref(), Ok(&b"a"[..]));
        assert_eq!(decoded(&[0b0001_1110]), Err(DecodeError::InvalidPadding));
        assert_eq!(
            decoded(&[0b0001_1111, 0xff]),
            Err(DecodeError::InvalidPadding)
        );
        assert_eq!(decoded(&[0xff]), Err(DecodeError::InvalidPadding));
        assert_eq!(
            decoded(&[0xff, 0xff, 0xff]),
            Err(DecodeError::InvalidPadding)
        );
        assert_eq!(decoded(&[]).as_deref(), Ok(&b""[..]));
    }

    #[test]
    fn the_end_of_string_code_is_refused_wherever_it_stands() {
        assert_eq!(decoded(&[0xff; 4]), Err(DecodeError::EndOfStringCode));
        assert_eq!(decoded(&[0xff; 9]), Err(DecodeError::EndOfStringCode));
        assert_eq!(
            decoded(&[0x1f, 0xff, 0xff, 0xff, 0xff, 0, 0, 0]),
            Err(DecodeError::EndOfStringCode)
        );
    }

    #[test]
    fn a_string_above_the_cap_is_measured_but_not_kept() {
        let text = [b'0'; 1000];
        let mut encoded = Vec::new();
        encode(&text, &mut encoded);
        let mut out = Vec::new();
        assert_eq!(decode(&encoded, &mut out, 10), Ok(1000));
        assert!(out.capacity() < 32);
        encoded.push(0xff);
        assert_eq!(
            decode(&encoded, &mut out, 10),
            Err(DecodeError::InvalidPadding)
        );
    }
}
