//! The percent-coding of `grpc-message` (PROTOCOL-HTTP2, "Status-Message").

use bytes::Bytes;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The text as printable ASCII without blanks at its ends; `None` if it already is that and has no percent
/// sign.
pub(super) fn encode(text: &str) -> Option<Bytes> {
    let bytes = text.as_bytes();
    let last = bytes.len().saturating_sub(1);
    // A field value must neither begin nor end with a blank (RFC 9113 §8.2.1).
    let literal = |index: usize, byte: u8| match byte {
        b'%' => false,
        b' ' => index != 0 && index != last,
        byte => byte.is_ascii_graphic(),
    };
    if bytes
        .iter()
        .enumerate()
        .all(|(index, &byte)| literal(index, byte))
    {
        return None;
    }
    let mut coded = Vec::with_capacity(bytes.len() + 32);
    for (index, &byte) in bytes.iter().enumerate() {
        if literal(index, byte) {
            coded.push(byte);
        } else {
            coded.extend_from_slice(&[
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        }
    }
    Some(coded.into())
}

/// The text behind a coded one. Never fails: a percent sign that begins no code stands for itself, what
/// is not UTF-8 is replaced by U+FFFD.
pub(super) fn decode(coded: &[u8]) -> String {
    if !coded.contains(&b'%') {
        return String::from_utf8_lossy(coded).into_owned();
    }
    let mut bytes = Vec::with_capacity(coded.len());
    let mut rest = coded;
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                bytes.push(nibble(*high) << 4 | nibble(*low));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        letter => (letter | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(text: &str) -> String {
        encode(text).map_or(text.to_string(), |bytes| {
            String::from_utf8(bytes.into()).unwrap()
        })
    }

    #[test]
    fn printable_ascii_stays_as_it_is() {
        assert_eq!(encode("a plain ~message~!"), None);
        assert_eq!(encode(""), None);
    }

    #[test]
    fn everything_else_and_the_percent_sign_is_coded_in_capitals() {
        assert_eq!(
            coded("\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n"),
            "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88%09%0A"
        );
        assert_eq!(coded("100%"), "100%25");
        assert_eq!(coded("\x7f"), "%7F");
    }

    #[test]
    fn blanks_at_the_ends_are_coded_and_those_between_are_not() {
        assert_eq!(coded(" a b "), "%20a b%20");
        assert_eq!(coded(" "), "%20");
    }

    #[test]
    fn decoding_never_fails() {
        for (coded, text) in [
            ("", ""),
            ("abc", "abc"),
            ("%41%42c", "ABc"),
            ("%e2%98%ba", "\u{263a}"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%%41", "%A"),
            ("a%ff%feb", "a\u{fffd}\u{fffd}b"),
        ] {
            assert_eq!(decode(coded.as_bytes()), text, "{coded:?}");
        }
        assert_eq!(decode(b"raw \xff byte"), "raw \u{fffd} byte");
    }

    #[test]
    fn every_text_survives_both_ways() {
        let mut random = crate::random::XorShift::new(1);
        for _ in 0..20_000 {
            let text = String::from_utf8_lossy(&random.bytes(24)).into_owned();
            let wire = coded(&text);
            assert!(
                wire.bytes().all(|byte| (0x20..=0x7e).contains(&byte)),
                "{wire:?}"
            );
            assert_eq!(wire.trim(), wire);
            assert_eq!(decode(wire.as_bytes()), text);
        }
    }

    #[test]
    fn random_input_never_panics() {
        let mut random = crate::random::XorShift::new(2);
        for _ in 0..50_000 {
            decode(&random.bytes_of(b"%%%0aAfFgz\xff\xe2 ", 12));
        }
    }
}
