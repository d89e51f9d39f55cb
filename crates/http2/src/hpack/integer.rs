//! Integers with a prefix, RFC 7541 §5.1.

use super::error::DecodeError;

/// Reads an integer whose first octet is `first`, the low `prefix` bits of it; `rest` begins after that octet
/// and is moved past the integer. At most 2^32−1, in at most five further octets.
#[inline]
pub(super) fn decode(first: u8, prefix: u32, rest: &mut &[u8]) -> Result<usize, DecodeError> {
    let mask = (1u8 << prefix) - 1;
    let value = first & mask;
    if value < mask {
        Ok(value as usize)
    } else {
        decode_long(mask, rest)
    }
}

fn decode_long(mask: u8, rest: &mut &[u8]) -> Result<usize, DecodeError> {
    let mut value = u64::from(mask);
    for (i, &octet) in rest.iter().take(5).enumerate() {
        value += u64::from(octet & 0x7f) << (7 * i);
        if octet & 0x80 == 0 {
            *rest = &rest[i + 1..];
            let value = u32::try_from(value).map_err(|_| DecodeError::IntegerOverflow)?;
            return Ok(value as usize);
        }
    }
    Err(if rest.len() < 5 {
        DecodeError::Truncated
    } else {
        DecodeError::IntegerOverflow
    })
}

/// Appends `value` with a prefix of `prefix` bits; `flags` are the bits above it.
#[inline]
pub(super) fn encode(value: usize, prefix: u32, flags: u8, out: &mut Vec<u8>) {
    let mask = (1usize << prefix) - 1;
    if value < mask {
        out.push(flags | value as u8);
        return;
    }
    out.push(flags | mask as u8);
    let mut value = value - mask;
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], prefix: u32) -> Result<(usize, usize), DecodeError> {
        let mut rest = &bytes[1..];
        decode(bytes[0], prefix, &mut rest).map(|value| (value, bytes.len() - rest.len()))
    }

    #[test]
    fn the_examples_of_appendix_c_1_work_in_both_directions() {
        for (value, prefix, bytes) in [
            (10, 5, &[0x0a][..]),
            (1337, 5, &[0x1f, 0x9a, 0x0a]),
            (42, 8, &[0x2a]),
        ] {
            let mut out = Vec::new();
            if prefix < 8 {
                encode(value, prefix, 0, &mut out);
                assert_eq!(out, bytes);
                assert_eq!(read(bytes, prefix), Ok((value, bytes.len())));
            } else {
                encode(value, 7, 0, &mut out); // the eighth bit of strings and indices is a flag
                assert_eq!(out, bytes);
            }
        }
    }

    #[test]
    fn every_prefix_and_edge_comes_back() {
        for prefix in 4..=7 {
            for value in (0..600).chain([
                16_383,
                16_384,
                1 << 21,
                u32::MAX as usize - 1,
                u32::MAX as usize,
            ]) {
                let mut out = Vec::new();
                encode(value, prefix, 0, &mut out);
                out.push(0xff);
                assert_eq!(read(&out, prefix), Ok((value, out.len() - 1)));
            }
        }
    }

    #[test]
    fn endless_and_huge_integers_are_refused() {
        assert_eq!(
            read(&[0x7f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0], 7),
            Err(DecodeError::IntegerOverflow)
        );
        assert_eq!(
            read(&[0x7f, 0xff, 0xff, 0xff, 0xff, 0x7f], 7),
            Err(DecodeError::IntegerOverflow)
        );
        assert_eq!(
            read(&[0x7f, 0x81, 0xff, 0xff, 0xff, 0x0f], 7),
            Err(DecodeError::IntegerOverflow)
        );
        assert_eq!(
            read(&[0x7f, 0x80, 0xff, 0xff, 0xff, 0x0f], 7),
            Ok((u32::MAX as usize, 6))
        );
        assert_eq!(read(&[0x7f, 0x80, 0x80], 7), Err(DecodeError::Truncated));
        assert_eq!(read(&[0x7f], 7), Err(DecodeError::Truncated));
        assert_eq!(read(&[0x7f, 0x80, 0x80, 0], 7), Ok((127, 4))); // superfluous zeros are legal, within the bound
    }
}
