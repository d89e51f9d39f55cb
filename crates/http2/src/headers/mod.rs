//! Header lists: what is sent, what was received, and the rules of RFC 9113 §8.
//!
//! Received lists are shared: a peer that repeats a header block gets the very same
//! [`Arc<Headers>`](Headers) again, checked once, so that layers above may remember what they made of it.

mod name;
mod timeout;
mod validate;

pub use name::{KnownName, Name};
pub use timeout::TimeoutValue;
pub(crate) use validate::{ListKind, Validator};

use bytes::Bytes;
use std::{fmt, sync::Arc};

/// One field of a header list.
///
/// ```
/// use farcall_http2::{Field, KnownName, Name};
///
/// let field = Field::new(KnownName::Te, "trailers");
/// assert_eq!(field.size(), 2 + 8 + 32);
/// let secret = Field::new(Name::from_static("x-token"), "123").sensitive();
/// assert_eq!(format!("{secret:?}"), r#""x-token": (sensitive)"#);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// The name, lower case.
    pub name: Name,
    /// The value, any bytes that RFC 9113 §8.2.1 allows.
    pub value: Bytes,
    /// Sent as a never-indexed literal and hidden in `Debug` (RFC 7541 §7.1.3).
    pub sensitive: bool,
}

impl Field {
    /// A field; credentials (`authorization`, `cookie` …) are sensitive by themselves.
    pub fn new(name: impl Into<Name>, value: impl Into<Bytes>) -> Field {
        let name = name.into();
        let sensitive = matches!(
            name,
            Name::Known(
                KnownName::Authorization
                    | KnownName::ProxyAuthorization
                    | KnownName::Cookie
                    | KnownName::SetCookie
            )
        );
        Field {
            name,
            value: value.into(),
            sensitive,
        }
    }

    /// The same field, never indexed by any hop.
    pub fn sensitive(mut self) -> Field {
        self.sensitive = true;
        self
    }

    /// The size that header-list limits count: name, value and 32 (RFC 9113 §6.5.2).
    pub fn size(&self) -> usize {
        self.name.as_bytes().len() + self.value.len() + 32
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sensitive {
            write!(f, "{:?}: (sensitive)", self.name)
        } else {
            write!(f, "{:?}: \"{}\"", self.name, self.value.escape_ascii())
        }
    }
}

/// An ordered header list to send; shared ones ([`Part::Shared`]) are encoded once per connection and then copied.
pub type Fields = Vec<Field>;

/// A piece of a header block to send. Pieces are concatenated in order; pseudo-header fields come first.
///
/// ```
/// use farcall_http2::{Config, Connection, Field, KnownName, Part};
/// use std::sync::Arc;
///
/// let always = Arc::new(vec![
///     Field::new(KnownName::Method, "POST"),
///     Field::new(KnownName::Scheme, "http"),
///     Field::new(KnownName::Path, "/a.B/C"),
/// ]);
/// let now = std::time::Instant::now();
/// let mut client = Connection::client(Config::default(), now);
/// for timeout in ["10S", "20S"] {
///     let own = [Field::new(KnownName::GrpcTimeout, timeout)];
///     client.open(now, &[Part::Shared(&always), Part::Fields(&own)], true)?;
/// }
/// # Ok::<(), farcall_http2::OpenError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// A list that is sent again and again: its encoded form is remembered by the list's address.
    /// Lists with sensitive fields are encoded afresh each time.
    Shared(&'a Arc<Fields>),
    /// A list of this one message.
    Fields(&'a [Field]),
    /// The field `grpc-timeout`, which is another one in each request.
    Timeout(TimeoutValue),
}

/// A received header list that has passed the checks of RFC 9113 §8.2 and §8.3.
///
/// ```
/// use farcall_http2::{Field, Headers, KnownName};
///
/// let mut headers = Headers::default();
/// headers.status = Some(200);
/// headers.fields.push(Field::new(KnownName::GrpcStatus, "0"));
/// assert_eq!(headers.find(KnownName::GrpcStatus).map(|value| &value[..]), Some(&b"0"[..]));
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers {
    /// `:method` of a request.
    pub method: Option<Bytes>,
    /// `:scheme` of a request.
    pub scheme: Option<Bytes>,
    /// `:authority` of a request.
    pub authority: Option<Bytes>,
    /// `:path` of a request, never empty.
    pub path: Option<Bytes>,
    /// `:status` of a response, three digits.
    pub status: Option<u16>,
    /// `content-length`, if there is one; all of its repetitions are equal.
    pub content_length: Option<u64>,
    /// The regular fields in the order of the wire.
    pub fields: Vec<Field>,
}

impl Headers {
    /// The first value of a known field.
    pub fn find(&self, name: KnownName) -> Option<&Bytes> {
        self.fields
            .iter()
            .find(|f| f.name == Name::Known(name))
            .map(|f| &f.value)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        let pseudo = [
            (":method", &self.method),
            (":scheme", &self.scheme),
            (":authority", &self.authority),
            (":path", &self.path),
        ];
        for (name, value) in pseudo {
            if let Some(value) = value {
                list.entry(&format_args!("{name}: \"{}\"", value.escape_ascii()));
            }
        }
        if let Some(status) = self.status {
            list.entry(&format_args!(":status: {status}"));
        }
        list.entries(&self.fields).finish()
    }
}
