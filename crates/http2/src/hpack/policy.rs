//! Which fields enter the encoder's table, and which values are worth a static string in the decoder's.

use crate::headers::{Field, KnownName, Name};

/// How the encoder treats a field that is in neither table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Indexing {
    /// Enters the table: such fields have few values on a connection.
    AtOnce,
    /// Enters the table when the same field was sent a short while ago, so that request ids and
    /// the like do not push out what is useful.
    WhenRepeated,
    /// Sent as a literal: the value hardly ever repeats.
    Never,
    /// Sent as a literal that no hop may index (RFC 7541 §7.1.3).
    Forbidden,
}

/// The treatment of `field`.
#[inline]
pub(super) fn indexing(field: &Field) -> Indexing {
    if field.sensitive {
        return Indexing::Forbidden;
    }
    let Name::Known(known) = field.name else {
        return Indexing::WhenRepeated;
    };
    match known {
        KnownName::Method
        | KnownName::Scheme
        | KnownName::Path
        | KnownName::Authority
        | KnownName::Status
        | KnownName::Protocol
        | KnownName::Host
        | KnownName::ContentType
        | KnownName::Te
        | KnownName::UserAgent
        | KnownName::Server
        | KnownName::AcceptEncoding
        | KnownName::GrpcEncoding
        | KnownName::GrpcAcceptEncoding => Indexing::AtOnce,
        // The codes of gRPC are 0 to 16; anything else is a peculiarity of the moment.
        KnownName::GrpcStatus if field.value.len() <= 2 => Indexing::AtOnce,
        KnownName::GrpcStatus
        | KnownName::ContentLength
        | KnownName::GrpcTimeout
        | KnownName::GrpcMessage
        | KnownName::GrpcStatusDetailsBin
        | KnownName::GrpcPreviousRpcAttempts
        | KnownName::GrpcRetryPushbackMs
        | KnownName::GrpcTagsBin
        | KnownName::GrpcTraceBin => Indexing::Never,
        _ => Indexing::WhenRepeated,
    }
}

/// A static copy of `value` if it is one that most gRPC peers send with this name: it needs no allocation
/// and no reference count.
#[inline]
pub(super) fn common_value(name: Option<&Name>, value: &[u8]) -> Option<&'static [u8]> {
    let Some(Name::Known(known)) = name else {
        return None;
    };
    let candidates: &[&'static str] = match known {
        KnownName::ContentType => &["application/grpc", "application/grpc+proto"],
        KnownName::Te => &["trailers"],
        KnownName::GrpcEncoding => &["gzip", "identity"],
        // grpc-go, C-core, grpc-java and its like, this implementation.
        KnownName::GrpcAcceptEncoding => &[
            "gzip",
            "identity, deflate, gzip",
            "identity,gzip",
            "gzip,identity",
            "identity",
        ],
        KnownName::GrpcStatus => &["0"],
        KnownName::Status => &["200"],
        KnownName::Scheme => &["http", "https"],
        KnownName::Method => &["POST"],
        _ => return None,
    };
    candidates
        .iter()
        .map(|text| text.as_bytes())
        .find(|&text| text == value)
}
