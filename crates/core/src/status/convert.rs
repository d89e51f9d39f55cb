//! Statuses from other errors, so that `?` works in handlers.
//!
//! An error's own text stays in the local cause: it may name files, addresses or queries that are not the
//! caller's business.

use super::{Code, Status};
use crate::{codec::CodecError, metadata::InvalidMetadata, timeout::InvalidTimeout};
use std::{convert::Infallible, error::Error, io};

impl From<Code> for Status {
    fn from(code: Code) -> Status {
        Status::from_static(code, "")
    }
}

impl From<Infallible> for Status {
    fn from(never: Infallible) -> Status {
        match never {}
    }
}

/// INTERNAL, with the pair's key.
impl From<InvalidMetadata> for Status {
    fn from(invalid: InvalidMetadata) -> Status {
        Status::internal(format!("invalid {invalid}"))
    }
}

/// INTERNAL.
impl From<InvalidTimeout> for Status {
    fn from(_: InvalidTimeout) -> Status {
        Status::from_static(Code::Internal, "malformed grpc-timeout")
    }
}

/// INTERNAL, with the error's text, for messages that could not be decoded: it speaks of the peer's own message.
impl From<CodecError> for Status {
    fn from(error: CodecError) -> Status {
        Status::internal(format!("codec: {error}"))
    }
}

/// A code that fits the kind; the text stays here.
impl From<io::Error> for Status {
    fn from(error: io::Error) -> Status {
        use io::ErrorKind as Kind;
        let code = match error.kind() {
            Kind::NotFound => Code::NotFound,
            Kind::PermissionDenied => Code::PermissionDenied,
            Kind::AlreadyExists => Code::AlreadyExists,
            Kind::InvalidInput => Code::InvalidArgument,
            Kind::TimedOut => Code::DeadlineExceeded,
            Kind::UnexpectedEof => Code::OutOfRange,
            Kind::Unsupported => Code::Unimplemented,
            Kind::OutOfMemory | Kind::StorageFull | Kind::QuotaExceeded => Code::ResourceExhausted,
            Kind::InvalidData => Code::DataLoss,
            Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::NotConnected
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::AddrInUse
            | Kind::AddrNotAvailable
            | Kind::BrokenPipe => Code::Unavailable,
            _ => Code::Unknown,
        };
        Status::from_static(code, "input or output failed").with_cause(error)
    }
}

/// The status inside, if the error is one, else UNKNOWN; the text stays here.
impl From<Box<dyn Error + Send + Sync>> for Status {
    fn from(error: Box<dyn Error + Send + Sync>) -> Status {
        match error.downcast::<Status>() {
            Ok(status) => *status,
            Err(error) => Status::from_static(Code::Unknown, "unknown error").with_cause(error),
        }
    }
}
