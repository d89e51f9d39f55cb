//! Metadata: the pairs that users send beside messages, in request headers, response headers and trailers.

mod binary;
mod key;
mod received;
mod value;

pub(crate) use binary::{decode as decode_base64, encode as encode_base64};
pub use key::{IntoKey, is_reserved};
pub use value::{IntoValue, Value};

use bytes::Bytes;
use farcall_http2::{Field, Fields};
use key::{InvalidKey, Key};
use std::{error::Error, fmt, sync::Arc};

/// An ordered list of keys and values; a key may occur several times.
///
/// Keys are lower-case (`0-9 a-z - _ .`; upper case is converted). Values of keys that end in `-bin` are any
/// bytes (base64 on the wire, but not here); all others are printable ASCII. Cheap to clone; empty metadata
/// costs nothing.
///
/// Keys that gRPC or HTTP/2 use themselves ([`is_reserved`]) are left out silently, both when inserting and when
/// receiving.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::Metadata;
///
/// let mut metadata = Metadata::new();
/// metadata.insert("tenant", "a");
/// metadata.append("tenant", String::from("b"));
/// metadata.insert("trace-bin", [1, 2, 3]);
/// metadata.insert("grpc-status", "0"); // reserved: no effect
///
/// assert_eq!(metadata.get("Tenant"), Some("a"));
/// assert_eq!(metadata.get_all("tenant").collect::<Vec<_>>(), ["a", "b"]);
/// assert_eq!(metadata.get_bin("trace-bin").unwrap(), &[1, 2, 3][..]);
/// assert_eq!(metadata.len(), 3);
/// ```
#[derive(Clone, Default)]
pub struct Metadata {
    inner: Option<Arc<Inner>>,
}

#[derive(Clone, Default)]
struct Inner {
    /// Values of `-bin` keys stand here decoded.
    entries: Vec<Field>,
    /// The first insertion that was refused.
    invalid: Option<InvalidMetadata>,
}

impl Metadata {
    /// No pairs; does not allocate.
    pub const fn new() -> Metadata {
        Metadata { inner: None }
    }

    /// Puts the pair in place of all pairs with this key.
    ///
    /// A key or a value that cannot be sent is remembered: the call it is used for fails with INTERNAL and
    /// names the key ([`check`](Self::check)). Use [`try_insert`](Self::try_insert) to know at once.
    pub fn insert(&mut self, key: impl IntoKey, value: impl IntoValue) {
        let entry = entry(key, value);
        self.remember(entry, true);
    }

    /// Adds the pair behind those with this key. Invalid pairs are remembered as for [`insert`](Self::insert).
    pub fn append(&mut self, key: impl IntoKey, value: impl IntoValue) {
        let entry = entry(key, value);
        self.remember(entry, false);
    }

    /// Like [`insert`](Self::insert) for a secret: compressed so that no hop remembers it, hidden in `Debug`.
    /// `authorization`, `proxy-authorization`, `cookie` and `set-cookie` are secrets by themselves.
    pub fn insert_sensitive(&mut self, key: impl IntoKey, value: impl IntoValue) {
        let entry = entry(key, value).map(|field| field.map(Field::sensitive));
        self.remember(entry, true);
    }

    /// The same pairs, all of them secrets as [`insert_sensitive`](Self::insert_sensitive) makes them.
    #[must_use]
    pub fn into_sensitive(mut self) -> Metadata {
        if !self.is_empty() {
            let entries = &mut self.inner_mut().entries;
            entries.iter_mut().for_each(|field| field.sensitive = true);
        }
        self
    }

    /// Like [`insert`](Self::insert), but says at once what is wrong.
    ///
    /// # Errors
    /// The key or the value is invalid, or the key is reserved. Nothing is changed or remembered.
    pub fn try_insert(
        &mut self,
        key: impl IntoKey,
        value: impl IntoValue,
    ) -> Result<(), InvalidMetadata> {
        self.put(try_entry(key, value)?, true);
        Ok(())
    }

    /// Like [`append`](Self::append), but says at once what is wrong.
    ///
    /// # Errors
    /// The key or the value is invalid, or the key is reserved. Nothing is changed or remembered.
    pub fn try_append(
        &mut self,
        key: impl IntoKey,
        value: impl IntoValue,
    ) -> Result<(), InvalidMetadata> {
        self.put(try_entry(key, value)?, false);
        Ok(())
    }

    /// The first text value of `key`. Upper and lower case do not matter. `None` for `-bin` keys.
    pub fn get(&self, key: &str) -> Option<&str> {
        let mut fields = self.entries().iter();
        let field = fields.find(|field| same_key(field, key))?;
        match Value::of(field) {
            Value::Text(text) => Some(text),
            Value::Binary(_) => None,
        }
    }

    /// All text values of `key`, in order.
    pub fn get_all<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a str> {
        self.values(key).filter_map(|value| match value {
            Value::Text(text) => Some(text),
            Value::Binary(_) => None,
        })
    }

    /// The first value of a key that ends in `-bin`, decoded.
    pub fn get_bin(&self, key: &str) -> Option<&Bytes> {
        self.get_all_bin(key).next()
    }

    /// All values of a key that ends in `-bin`, decoded, in order.
    pub fn get_all_bin<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a Bytes> {
        self.values(key).filter_map(|value| match value {
            Value::Text(_) => None,
            Value::Binary(bytes) => Some(bytes),
        })
    }

    /// Whether there is a value for `key`.
    pub fn contains_key(&self, key: &str) -> bool {
        self.values(key).next().is_some()
    }

    /// Takes all values of `key` out; says whether there were any.
    pub fn remove(&mut self, key: &str) -> bool {
        if !self.contains_key(key) {
            return false;
        }
        self.inner_mut()
            .entries
            .retain(|field| !same_key(field, key));
        true
    }

    /// Takes all pairs out.
    pub fn clear(&mut self) {
        self.inner = None;
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.entries()
            .iter()
            .map(|field| (key::text(&field.name), Value::of(field)))
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Adds all pairs of `other` behind the own ones (and what `other` remembers as invalid).
    pub fn extend(&mut self, other: &Metadata) {
        let Some(theirs) = &other.inner else { return };
        if self.inner.is_none() {
            return self.inner = Some(theirs.clone());
        }
        let inner = self.inner_mut();
        inner.entries.extend_from_slice(&theirs.entries);
        if inner.invalid.is_none() {
            inner.invalid.clone_from(&theirs.invalid);
        }
    }

    /// Whether everything that was inserted can be sent.
    ///
    /// # Errors
    /// The first pair that cannot.
    pub fn check(&self) -> Result<(), InvalidMetadata> {
        match self.inner.as_ref().and_then(|inner| inner.invalid.as_ref()) {
            None => Ok(()),
            Some(invalid) => Err(invalid.clone()),
        }
    }

    /// Whether nothing was ever put into it: there are no pairs, and none was refused.
    #[inline]
    pub fn is_unused(&self) -> bool {
        self.inner.is_none()
    }

    /// Appends the pairs as they stand on the wire.
    pub fn write_to(&self, fields: &mut Fields) {
        fields.reserve(self.len());
        for field in self.entries() {
            let mut field = field.clone();
            if key::is_binary(&field.name) {
                field.value = encode_base64(&field.value);
            }
            fields.push(field);
        }
    }

    /// The pairs as they stand on the wire; does not allocate when there are none.
    pub fn to_fields(&self) -> Fields {
        let mut fields = Fields::new();
        self.write_to(&mut fields);
        fields
    }

    fn entries(&self) -> &[Field] {
        self.inner.as_ref().map_or(&[], |inner| &inner.entries)
    }

    fn values<'a>(&'a self, key: &str) -> impl Iterator<Item = Value<'a>> {
        self.entries()
            .iter()
            .filter(move |field| same_key(field, key))
            .map(Value::of)
    }

    fn inner_mut(&mut self) -> &mut Inner {
        Arc::make_mut(self.inner.get_or_insert_default())
    }

    fn remember(&mut self, entry: Result<Option<Field>, InvalidMetadata>, replace: bool) {
        match entry {
            Ok(Some(field)) => self.put(field, replace),
            Ok(None) => {}
            Err(invalid) => {
                self.inner_mut().invalid.get_or_insert(invalid);
            }
        }
    }

    fn put(&mut self, field: Field, replace: bool) {
        let entries = &mut self.inner_mut().entries;
        if replace {
            entries.retain(|other| other.name != field.name);
        }
        entries.push(field);
    }
}

impl PartialEq for Metadata {
    fn eq(&self, other: &Metadata) -> bool {
        self.entries() == other.entries()
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}

impl<K: IntoKey, V: IntoValue> FromIterator<(K, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Metadata {
        let mut metadata = Metadata::new();
        for (key, value) in pairs {
            metadata.append(key, value);
        }
        metadata
    }
}

/// A pair that cannot be sent: the key has characters that keys do not have or is reserved, or the value of a key that does
/// not end in `-bin` is not printable ASCII.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::Metadata;
///
/// let mut metadata = Metadata::new();
/// let error = metadata.try_insert("tenant", "blue\u{7}").unwrap_err();
/// assert_eq!(error.key(), "tenant");
/// // `insert` and `append` remember it instead, and the call that uses the metadata fails with INTERNAL:
/// metadata.insert("tenant id", "blue");
/// assert_eq!(metadata.check().unwrap_err().key(), "tenant id");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvalidMetadata {
    key: Box<str>,
    problem: &'static str,
}

impl InvalidMetadata {
    pub(crate) fn new(key: impl Into<Box<str>>, problem: &'static str) -> InvalidMetadata {
        InvalidMetadata {
            key: key.into(),
            problem,
        }
    }

    /// The key of the pair, as it was given.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for InvalidMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metadata key {:?}: {}", self.key, self.problem)
    }
}

impl Error for InvalidMetadata {}

/// The pair as a field, its binary value not encoded; `None` if the key is reserved.
fn entry(key: impl IntoKey, value: impl IntoValue) -> Result<Option<Field>, InvalidMetadata> {
    match try_entry(key, value) {
        Ok(field) => Ok(Some(field)),
        Err(InvalidMetadata {
            problem: key::RESERVED,
            ..
        }) => Ok(None),
        Err(invalid) => Err(invalid),
    }
}

fn try_entry(key: impl IntoKey, value: impl IntoValue) -> Result<Field, InvalidMetadata> {
    let Key(name) = key
        .into_key()
        .map_err(|InvalidKey { key, problem }| InvalidMetadata { key, problem })?;
    let value = value.into_value();
    if key::is_binary(&name) {
        return Ok(Field::new(name, value));
    }
    match value::checked_text(value) {
        Some(text) => Ok(Field::new(name, text)),
        None => Err(InvalidMetadata::new(
            key::text(&name),
            "the value is not printable ASCII (only keys in -bin take bytes)",
        )),
    }
}

#[inline]
fn same_key(field: &Field, key: &str) -> bool {
    let (name, key) = (field.name.as_bytes(), key.as_bytes());
    // Names are lower case, and keys are mostly given so.
    name.len() == key.len() && (name == key || name.eq_ignore_ascii_case(key))
}

impl Metadata {
    /// The user's pairs of a received list, in order, without the reserved ones. Names and text values share
    /// memory with the list; binary values are decoded, several in one field (`a,b`) become several pairs.
    ///
    /// # Errors
    /// The value of a `-bin` key is not base64.
    pub fn from_fields(fields: &[Field]) -> Result<Metadata, InvalidMetadata> {
        let entries = received::entries(fields)?;
        Ok(Metadata {
            inner: (!entries.is_empty()).then(|| {
                Arc::new(Inner {
                    entries,
                    invalid: None,
                })
            }),
        })
    }
}

#[cfg(test)]
mod tests;
