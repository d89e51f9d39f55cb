//! Values: text or bytes.

use super::key;
use bytes::Bytes;
use farcall_http2::Field;
use std::borrow::Cow;

/// A value as it is read.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Metadata, metadata::Value};
///
/// let mut metadata = Metadata::new();
/// metadata.insert("tenant", "blue");
/// metadata.insert("trace-bin", [1, 2]);
/// for (key, value) in metadata.iter() {
///     match value {
///         Value::Text(text) => println!("{key}: {text}"),
///         Value::Binary(bytes) => println!("{key}: {} bytes", bytes.len()),
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    /// Of an ordinary key.
    Text(&'a str),
    /// Of a key that ends in `-bin`.
    Binary(&'a Bytes),
}

impl<'a> Value<'a> {
    pub(super) fn of(field: &'a Field) -> Value<'a> {
        if key::is_binary(&field.name) {
            return Value::Binary(&field.value);
        }
        // Inserted text is ASCII, received text was made UTF-8.
        Value::Text(std::str::from_utf8(&field.value).unwrap_or_default())
    }

    /// The value's bytes, whichever kind it is.
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Value::Text(text) => text.as_bytes(),
            Value::Binary(bytes) => bytes,
        }
    }
}

/// What [`Metadata`](super::Metadata) takes for a value: text and bytes of any kind. `Bytes` are not copied.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::Metadata;
///
/// let mut metadata = Metadata::new();
/// metadata.append("shard", "7");
/// metadata.append("shard", 8.to_string());
/// metadata.append("digest-bin", vec![0xde, 0xad]);
/// assert_eq!(metadata.len(), 3);
/// ```
pub trait IntoValue: Sized {
    #[doc(hidden)]
    fn into_value(self) -> Bytes;
}

macro_rules! copied {
    ($($type:ty),*) => {$(
        impl IntoValue for $type {
            fn into_value(self) -> Bytes {
                Bytes::copy_from_slice(self.as_ref())
            }
        }
    )*};
}

macro_rules! moved {
    ($($type:ty),*) => {$(
        impl IntoValue for $type {
            fn into_value(self) -> Bytes {
                self.into()
            }
        }
    )*};
}

copied!(&str, &String, &[u8], &Vec<u8>);
moved!(String, Vec<u8>, Bytes);

impl IntoValue for &Bytes {
    fn into_value(self) -> Bytes {
        self.clone()
    }
}

impl IntoValue for Cow<'_, str> {
    fn into_value(self) -> Bytes {
        match self {
            Cow::Borrowed(text) => text.into_value(),
            Cow::Owned(text) => text.into_value(),
        }
    }
}

impl<const N: usize> IntoValue for [u8; N] {
    fn into_value(self) -> Bytes {
        Bytes::copy_from_slice(&self)
    }
}

impl<const N: usize> IntoValue for &[u8; N] {
    fn into_value(self) -> Bytes {
        Bytes::copy_from_slice(self)
    }
}

/// The text without blanks around it (RFC 9113 §8.2.1 forbids them), if it is printable ASCII.
pub(super) fn checked_text(value: Bytes) -> Option<Bytes> {
    if !value.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return None;
    }
    match (value.first(), value.last()) {
        (Some(b' '), _) | (_, Some(b' ')) => Some(value.slice_ref(value.trim_ascii())),
        _ => Some(value),
    }
}
