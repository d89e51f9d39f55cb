//! What a peer has sent, in a text for people.

use std::fmt;

/// A peer's bytes: the first 64 of them, escaped.
pub(crate) fn quoted(value: &[u8]) -> impl fmt::Display + '_ {
    value[..value.len().min(64)].escape_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_peer_are_escaped_and_cut() {
        assert_eq!(quoted(b"a\"\n\xff").to_string(), r#"a\"\n\xff"#);
        assert_eq!(quoted(&[b'x'; 65]).to_string(), "x".repeat(64));
    }
}
