//! Keys: which are allowed, which are gRPC's own.

use bytes::Bytes;
use farcall_http2::{KnownName, Name};

pub(super) const RESERVED: &str = "the key is reserved for gRPC or HTTP/2";
const NOT_A_KEY: &str = "a key is made of 0-9 a-z - _ .";

/// A checked key.
///
/// Made by [`IntoKey`], taken by [`Metadata`](super::Metadata); nothing else can be done with it.
#[derive(Debug)]
pub struct Key(pub(super) Name);

/// Why a key is none.
///
/// [`InvalidMetadata`](super::InvalidMetadata) is what users see of it.
#[derive(Debug)]
pub struct InvalidKey {
    pub(super) key: Box<str>,
    pub(super) problem: &'static str,
}

/// What [`Metadata`](super::Metadata) takes for a key: text of any kind. `Bytes` are not copied
/// (`Bytes::from_static(b"tenant")`).
///
/// ```
/// # use farcall_core as farcall;
/// use bytes::Bytes;
/// use farcall::{Metadata, metadata::IntoKey};
///
/// fn tagged(key: impl IntoKey) -> Metadata {
///     let mut metadata = Metadata::new();
///     metadata.insert(key, "yes");
///     metadata
/// }
///
/// assert_eq!(tagged("Canary").get("canary"), Some("yes"));
/// assert_eq!(tagged(String::from("canary")), tagged(Bytes::from_static(b"canary")));
/// ```
pub trait IntoKey: Sized {
    #[doc(hidden)]
    fn into_key(self) -> Result<Key, InvalidKey>;
}

impl IntoKey for &str {
    fn into_key(self) -> Result<Key, InvalidKey> {
        match KnownName::from_bytes(self.as_bytes()) {
            // Known names need no memory of their own.
            Some(known) => checked(Name::Known(known)),
            None => Bytes::copy_from_slice(self.as_bytes()).into_key(),
        }
    }
}

impl IntoKey for &String {
    fn into_key(self) -> Result<Key, InvalidKey> {
        self.as_str().into_key()
    }
}

impl IntoKey for String {
    fn into_key(self) -> Result<Key, InvalidKey> {
        Bytes::from(self).into_key()
    }
}

impl IntoKey for Bytes {
    fn into_key(self) -> Result<Key, InvalidKey> {
        if self.is_empty()
            || !self
                .iter()
                .all(|&byte| is_key_byte(byte.to_ascii_lowercase()))
        {
            let pseudo = self.first() == Some(&b':');
            let problem = if pseudo { RESERVED } else { NOT_A_KEY };
            return Err(InvalidKey {
                key: String::from_utf8_lossy(&self).into(),
                problem,
            });
        }
        let lower = if self.iter().any(u8::is_ascii_uppercase) {
            self.to_ascii_lowercase().into()
        } else {
            self
        };
        checked(Name::from_bytes(lower))
    }
}

impl IntoKey for Name {
    fn into_key(self) -> Result<Key, InvalidKey> {
        match self {
            Name::Known(_) => checked(self),
            Name::Other(bytes) => bytes.into_key(),
        }
    }
}

impl IntoKey for KnownName {
    fn into_key(self) -> Result<Key, InvalidKey> {
        checked(Name::Known(self))
    }
}

/// Whether gRPC or HTTP/2 use this name themselves, so that it never is metadata: `grpc-*` (except
/// `grpc-tags-bin` and `grpc-trace-bin`, which belong to instrumentation, and `grpc-retry-pushback-ms`, by which
/// servers speak about retries: gRFC A6), `content-type`, `te`, `user-agent`,
/// names with a colon, `host`, `content-length`, `trailer` and the fields of a single connection.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::metadata::is_reserved;
/// use farcall_http2::Name;
///
/// assert!(is_reserved(&Name::from_bytes("grpc-status".into())));
/// assert!(!is_reserved(&Name::from_bytes("grpc-trace-bin".into())));
/// ```
pub fn is_reserved(name: &Name) -> bool {
    match name {
        Name::Known(known) => matches!(
            known,
            KnownName::Method
                | KnownName::Scheme
                | KnownName::Path
                | KnownName::Authority
                | KnownName::Status
                | KnownName::Protocol
                | KnownName::ContentType
                | KnownName::ContentLength
                | KnownName::Te
                | KnownName::Trailer
                | KnownName::UserAgent
                | KnownName::Host
                | KnownName::Connection
                | KnownName::KeepAlive
                | KnownName::ProxyConnection
                | KnownName::TransferEncoding
                | KnownName::Upgrade
                | KnownName::GrpcTimeout
                | KnownName::GrpcEncoding
                | KnownName::GrpcAcceptEncoding
                | KnownName::GrpcStatus
                | KnownName::GrpcMessage
                | KnownName::GrpcStatusDetailsBin
                | KnownName::GrpcPreviousRpcAttempts
        ),
        Name::Other(bytes) => bytes.starts_with(b"grpc-") || bytes.first() == Some(&b':'),
    }
}

/// Whether values of this key are bytes.
pub(super) fn is_binary(name: &Name) -> bool {
    name.as_bytes().ends_with(b"-bin")
}

/// Keys are ASCII: checked on insertion, and by HTTP/2 on what is received.
pub(super) fn text(name: &Name) -> &str {
    std::str::from_utf8(name.as_bytes()).unwrap_or_default()
}

fn checked(name: Name) -> Result<Key, InvalidKey> {
    if is_reserved(&name) {
        return Err(InvalidKey {
            key: text(&name).into(),
            problem: RESERVED,
        });
    }
    Ok(Key(name))
}

fn is_key_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-' | b'_' | b'.')
}
