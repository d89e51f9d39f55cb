//! Domain names on the wire (RFC 1035 §3.1, §4.1.4).

/// Octets of a name at most, with the lengths of its labels and the final zero (RFC 1035 §2.3.4).
const MAX_NAME: usize = 255;

/// Writes a name; `None` if it is none: an empty or too long label, or too long as a whole.
pub(super) fn write(name: &str, out: &mut Vec<u8>) -> Option<()> {
    let before = out.len();
    for label in name.strip_suffix('.').unwrap_or(name).split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|l| (1..=63).contains(l))?;
        out.push(length);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    (out.len() - before <= MAX_NAME).then_some(())
}

/// Pointers that one name may follow. Good ones need one or two; many of them, in each of many records, would only make
/// the reader work.
const MAX_POINTERS: u32 = 64;

/// Reads a name, in lower case and without its final dot, and where the octets behind it begin. Pointers must point
/// backwards, so that following them ends.
pub(super) fn read(message: &[u8], start: usize) -> Option<(Vec<u8>, usize)> {
    let (mut name, mut at, mut end) = (Vec::new(), start, None);
    let (mut limit, mut pointers) = (start, 0);
    loop {
        let length = *message.get(at)?;
        match length >> 6 {
            0 if length == 0 => return Some((name, end.unwrap_or(at + 1))),
            0 => {
                let label = message.get(at + 1..at + 1 + usize::from(length))?;
                if !name.is_empty() {
                    name.push(b'.');
                }
                name.extend(label.iter().map(u8::to_ascii_lowercase));
                if name.len() > MAX_NAME {
                    return None;
                }
                at += 1 + usize::from(length);
            }
            3 => {
                let low = *message.get(at + 1)?;
                end = end.or(Some(at + 2));
                let target = usize::from(length & 0x3f) << 8 | usize::from(low);
                pointers += 1;
                if target >= limit || pointers > MAX_POINTERS {
                    return None;
                }
                (at, limit) = (target, target);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name behind so many pointers, each to the one before it.
    fn chained(count: u16) -> Option<(Vec<u8>, usize)> {
        let mut message = b"\x01a\0\0".to_vec();
        for hop in 0..count {
            let target = if hop == 0 { 0 } else { 2 + 2 * hop };
            message.extend((0xc000 | target).to_be_bytes());
        }
        read(&message, message.len() - 2)
    }

    #[test]
    fn pointers_are_followed_and_chains_of_them_have_a_limit() {
        assert_eq!(chained(1).unwrap().0, b"a");
        assert_eq!(chained(64).unwrap().0, b"a");
        assert_eq!(chained(65), None);
    }
}
