//! From a received header list to pairs.

use super::{InvalidMetadata, binary, key};
use bytes::Bytes;
use farcall_http2::Field;

pub(super) fn entries(fields: &[Field]) -> Result<Vec<Field>, InvalidMetadata> {
    let mut entries = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if key::is_reserved(&field.name) {
            continue;
        }
        if entries.capacity() == 0 {
            entries.reserve(fields.len() - index);
        }
        if key::is_binary(&field.name) {
            push_binary(field, &mut entries)?;
        } else {
            entries.push(rebuilt(field, as_utf8(&field.value)));
        }
    }
    Ok(entries)
}

/// A proxy may have joined several values with commas, which base64 does not contain.
fn push_binary(field: &Field, entries: &mut Vec<Field>) -> Result<(), InvalidMetadata> {
    for piece in field.value.split(|&byte| byte == b',') {
        let value = binary::decode(piece.trim_ascii()).ok_or_else(|| {
            InvalidMetadata::new(key::text(&field.name), "the value is not base64")
        })?;
        entries.push(rebuilt(field, value));
    }
    Ok(())
}

/// The field with another value; a secret if the peer said so or if its name says so.
fn rebuilt(field: &Field, value: Bytes) -> Field {
    let mut rebuilt = Field::new(field.name.clone(), value);
    rebuilt.sensitive |= field.sensitive;
    rebuilt
}

/// HTTP allows any bytes; what is not UTF-8 is replaced rather than dropped.
fn as_utf8(value: &Bytes) -> Bytes {
    match String::from_utf8_lossy(value) {
        std::borrow::Cow::Borrowed(_) => value.clone(),
        std::borrow::Cow::Owned(text) => text.into(),
    }
}
