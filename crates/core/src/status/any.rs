//! A detail of any type.

use bytes::Bytes;
use std::fmt;

/// An encoded protobuf message with the name of its type (`google.protobuf.Any`).
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::status::Any;
///
/// let any = Any::new("type.googleapis.com/google.rpc.RetryInfo", &b""[..]);
/// assert_eq!(any.type_name(), "google.rpc.RetryInfo");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Any {
    /// `type.googleapis.com/` and the full name of the message type.
    pub type_url: String,
    /// The encoded message.
    pub value: Bytes,
}

impl Any {
    /// From its two parts.
    pub fn new(type_url: impl Into<String>, value: impl Into<Bytes>) -> Any {
        Any {
            type_url: type_url.into(),
            value: value.into(),
        }
    }

    /// The full name of the message type: what follows the last slash.
    pub fn type_name(&self) -> &str {
        self.type_url.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Debug for Any {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.type_url, self.value.len())
    }
}
