//! How calls end, as far as it is of interest to others than the caller.

use crate::transport::mailbox::{End, Incoming};
use farcall_core::{Code, retry::Pushback};
use farcall_http2::{Headers, KnownName};

/// What the end of a call counts as.
#[cold]
pub(super) fn outcome(trailers: Option<&Headers>, end: &End) -> (Code, Pushback) {
    match (trailers, end.status()) {
        (_, Some(status)) => (status.code(), Pushback::None),
        (None, None) => (Code::Unknown, Pushback::None),
        (Some(trailers), None) => {
            let value = trailers.find(KnownName::GrpcStatus);
            let number = value.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
            let code = number.map_or(Code::Unknown, Code::from_i32);
            (code, Pushback::of(trailers))
        }
    }
}

/// Whether a response is one header list.
pub(super) fn is_trailers_only(incoming: &Incoming) -> bool {
    incoming.head.is_some()
        && incoming.data.is_empty()
        && incoming.trailers.is_none()
        && matches!(incoming.end, Some(End::Eof))
}
