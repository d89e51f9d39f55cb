//! The name of a server, as calls and certificates have it.

use std::fmt;

/// The name of a server: what calls carry as `:authority`, and what the server must prove in a TLS handshake. `host` or
/// `host:port` (RFC 3986 §3.2, without user information, which HTTP/2 forbids: RFC 9113 §8.3.1).
///
/// As an attribute of an [`Address`](crate::Address) or an [`Endpoint`](crate::Endpoint) it takes the place of the channel's authority
/// on connections to that address; the address's comes before the endpoint's, and the one that the user gave the channel
/// before both.
///
/// ```
/// use farcall_lb::{Address, Authority};
///
/// let name = Authority::new("shard-7.store.example:443").unwrap();
/// let address = Address::from(([10, 0, 0, 7], 443)).with_authority(name.clone());
/// assert_eq!(address.attributes().find(), Some(&name));
/// assert!(Authority::new("somebody@store.example").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority(String);

impl Authority {
    /// Checks the name.
    ///
    /// # Errors
    /// It is empty, or has a character that no authority has, such as a space, a slash or `@`.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidAuthority> {
        let name = name.into();
        let allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]%".contains(&byte);
        match !name.is_empty() && name.bytes().all(allowed) {
            true => Ok(Self(name)),
            false => Err(InvalidAuthority(name)),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no [`Authority`].
///
/// ```
/// use farcall_lb::Authority;
///
/// let error = Authority::new("a b").unwrap_err();
/// assert_eq!(error.to_string(), r#""a b" is no authority: it must be host or host:port"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAuthority(String);

impl fmt::Display for InvalidAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.escape_debug();
        write!(
            f,
            "\"{text}\" is no authority: it must be host or host:port"
        )
    }
}

impl std::error::Error for InvalidAuthority {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_addresses_and_ports_are_authorities_and_nothing_else_is() {
        for good in [
            "a",
            "a.example:1",
            "10.0.0.1:443",
            "[::1]:50051",
            "%2Frun%2Fsock",
        ] {
            assert_eq!(Authority::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "", " ", "a b", "me@a", "a/b", "a?b", "a#b", "ä", "a\n", "a\"b",
        ] {
            assert!(Authority::new(bad).is_err(), "{bad:?}");
        }
    }
}
