//! Header names, the well-known ones as an enum.

use bytes::Bytes;
use std::fmt;

macro_rules! known_names {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// A header name that HTTP/2 or gRPC gives a meaning; decoded once, compared as a byte.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum KnownName { $($(#[$doc])* #[doc = concat!("`", $text, "`")] $variant,)* }

        impl KnownName {
            /// Every known name.
            pub const ALL: &[KnownName] = &[$(KnownName::$variant),*];

            /// The name as it stands on the wire: lower case.
            pub const fn as_str(self) -> &'static str {
                match self { $(KnownName::$variant => $text,)* }
            }

            /// The known name with exactly these bytes.
            pub fn from_bytes(name: &[u8]) -> Option<KnownName> {
                Some(match name { $(n if n == $text.as_bytes() => KnownName::$variant,)* _ => return None })
            }
        }
    };
}

known_names! {
    Method = ":method",
    Scheme = ":scheme",
    Path = ":path",
    Authority = ":authority",
    Status = ":status",
    Protocol = ":protocol",
    ContentType = "content-type",
    ContentLength = "content-length",
    Te = "te",
    UserAgent = "user-agent",
    Host = "host",
    Connection = "connection",
    KeepAlive = "keep-alive",
    ProxyConnection = "proxy-connection",
    TransferEncoding = "transfer-encoding",
    Upgrade = "upgrade",
    Authorization = "authorization",
    ProxyAuthorization = "proxy-authorization",
    Cookie = "cookie",
    SetCookie = "set-cookie",
    AcceptEncoding = "accept-encoding",
    Date = "date",
    Server = "server",
    Trailer = "trailer",
    GrpcTimeout = "grpc-timeout",
    GrpcEncoding = "grpc-encoding",
    GrpcAcceptEncoding = "grpc-accept-encoding",
    GrpcStatus = "grpc-status",
    GrpcMessage = "grpc-message",
    GrpcStatusDetailsBin = "grpc-status-details-bin",
    GrpcPreviousRpcAttempts = "grpc-previous-rpc-attempts",
    GrpcRetryPushbackMs = "grpc-retry-pushback-ms",
    GrpcTagsBin = "grpc-tags-bin",
    GrpcTraceBin = "grpc-trace-bin",
}

impl KnownName {
    /// Whether the name begins with a colon (RFC 9113 §8.3).
    pub const fn is_pseudo(self) -> bool {
        (self as u8) <= KnownName::Protocol as u8
    }

    /// Whether the field belongs to one connection and is malformed in HTTP/2 (RFC 9113 §8.2.2).
    pub const fn is_connection_specific(self) -> bool {
        matches!(
            self,
            KnownName::Connection
                | KnownName::KeepAlive
                | KnownName::ProxyConnection
                | KnownName::TransferEncoding
                | KnownName::Upgrade
        )
    }
}

/// A header name: known, or any other as the peer or the user spelled it (lower case).
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// A name of the table above.
    Known(KnownName),
    /// Any other name, never one of the known ones.
    Other(Bytes),
}

impl Name {
    /// Classifies `name`; the caller has checked that it is lower case.
    pub fn from_bytes(name: Bytes) -> Name {
        match KnownName::from_bytes(&name) {
            Some(known) => Name::Known(known),
            None => Name::Other(name),
        }
    }

    /// A name that is known at compile time.
    pub fn from_static(name: &'static str) -> Name {
        Name::from_bytes(Bytes::from_static(name.as_bytes()))
    }

    /// The bytes on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Name::Known(known) => known.as_str().as_bytes(),
            Name::Other(name) => name,
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

impl From<KnownName> for Name {
    fn from(known: KnownName) -> Name {
        Name::Known(known)
    }
}
