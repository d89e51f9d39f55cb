//! RFC 3986 as far as targets need it: split, percent-decode, percent-encode.

use super::error::TargetProblem;

/// The five parts of RFC 3986 appendix B, still percent-encoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) scheme: &'a str,
    pub(super) authority: Option<&'a str>,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) fragment: Option<&'a str>,
}

/// Splits `text`; `None` when it does not begin with a scheme (RFC 3986 §3.1).
pub(super) fn split(text: &str) -> Option<Parts<'_>> {
    let colon = text.find(':')?;
    let (scheme, rest) = (&text[..colon], &text[colon + 1..]);
    if !is_scheme(scheme) {
        return None;
    }
    let (rest, fragment) = cut(rest, '#');
    let (rest, query) = cut(rest, '?');
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            (Some(&rest[..end]), &rest[end..])
        }
        None => (None, rest),
    };
    Some(Parts {
        scheme,
        authority,
        path,
        query,
        fragment,
    })
}

fn cut(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((head, tail)) => (head, Some(tail)),
        None => (text, None),
    }
}

pub(super) fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Refuses what no part of a URI may hold. Brackets are let through anywhere, because people write `dns:///[::1]:50051`;
/// characters beyond ASCII too, they stand for their UTF-8 bytes.
pub(super) fn check_characters(text: &str) -> Result<(), TargetProblem> {
    for (offset, character) in text.char_indices() {
        let forbidden = character.is_control()
            || character.is_whitespace()
            || matches!(
                character,
                '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'
            );
        if forbidden {
            return Err(TargetProblem::ForbiddenCharacter { character, offset });
        }
        if character == '%' {
            let digits = text.as_bytes().get(offset + 1..offset + 3);
            if !digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit)) {
                return Err(TargetProblem::BadPercentEncoding { offset });
            }
        }
    }
    Ok(())
}

/// Percent-decodes text that [`check_characters`] has passed; a stray `%` stays as it is.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(hex_pair);
        match (bytes[at], pair) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

fn hex_pair(digits: &[u8]) -> Option<u8> {
    let high = (*digits.first()? as char).to_digit(16)?;
    let low = (*digits.get(1)? as char).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

/// Percent-encodes every byte that `keep` does not name.
pub(super) fn encode(bytes: &[u8], keep: impl Fn(u8) -> bool) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii() && keep(byte) {
            encoded.push(byte as char);
        } else {
            encoded.push('%');
            encoded.push(HEX[usize::from(byte >> 4)] as char);
            encoded.push(HEX[usize::from(byte & 15)] as char);
        }
    }
    encoded
}

/// Unreserved characters, sub-delimiters and the delimiters of an authority (RFC 3986 §2.2, §2.3, §3.2).
pub(super) fn keep_in_authority(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@[]".contains(&byte)
}

/// What an authority keeps, and `/` (RFC 3986 §3.3; brackets are kept for the reader).
pub(super) fn keep_in_path(byte: u8) -> bool {
    byte == b'/' || keep_in_authority(byte)
}
