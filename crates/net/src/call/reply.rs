//! What a handler's outcome looks like on the wire.

use super::{encoding::Encoding, message::Response, terms::Terms};
use bytes::Bytes;
use farcall_core::{
    Codec, Metadata, Status,
    call::{
        HeaderList,
        server::{self, RequestHead},
    },
    message::{Compressor, encode_message},
};
use std::sync::Arc;

/// The end of a call, ready to be sent: what is left of head, messages and trailers.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Not sent yet; `None` also for trailers that stand alone.
    pub(crate) head: Option<HeaderList>,
    pub(crate) data: Option<Bytes>,
    pub(crate) trailers: HeaderList,
}

impl Reply {
    /// A status alone (Trailers-Only).
    pub(crate) fn failure(request: &RequestHead, status: Status, metadata: &Metadata) -> Reply {
        let trailers =
            server::trailers_only(&request.content_subtype, &status.for_wire(), metadata);
        Reply {
            head: None,
            data: None,
            trailers,
        }
    }

    /// Trailers after messages that the sender has sent.
    pub(crate) fn trailers(
        head: Option<HeaderList>,
        result: Result<(), Status>,
        metadata: &Metadata,
    ) -> Reply {
        let status = result.err().map_or(Status::OK, Status::for_wire);
        Reply {
            head,
            data: None,
            trailers: server::trailers(&status, metadata),
        }
    }

    /// The handler gave back a sender that is not this call's.
    pub(crate) fn lost() -> Reply {
        Reply::panicked(Status::internal(
            "the handler gave back another call's sender",
        ))
    }

    /// The handler is gone without an answer.
    pub(crate) fn panicked(status: Status) -> Reply {
        Reply {
            head: None,
            data: None,
            trailers: server::trailers_only(b"", &status, &Metadata::new()),
        }
    }
}

/// The list that begins a response.
///
/// # Errors
/// INTERNAL if the metadata cannot be sent.
pub(crate) fn head(
    terms: &Terms,
    request: &RequestHead,
    compressor: Option<&dyn Compressor>,
    metadata: &Metadata,
) -> Result<HeaderList, Status> {
    terms.template.head(
        &request.content_subtype,
        compressor.map(|c| c.name()),
        metadata,
    )
}

/// How a response is compressed: as the handler chose, else as the request was, if the caller accepts it.
pub(crate) fn compressor(
    terms: &Terms,
    request: &RequestHead,
    chosen: Option<Encoding>,
) -> Option<Arc<dyn Compressor>> {
    let compressor = match chosen {
        None => request.compressor.clone(),
        Some(Encoding::Identity) => None,
        Some(encoding) => terms.compressors.find(encoding.name()).cloned(),
    };
    compressor.filter(|compressor| request.accepts(compressor.name()))
}

/// A whole unary response.
pub(crate) fn unary<T, C: Codec<T>>(
    codec: &C,
    terms: &Terms,
    request: &RequestHead,
    response: Response<T>,
) -> Reply {
    let compressor = compressor(terms, request, response.compression());
    let compressor = compressor.as_deref();
    let (message, metadata, trailing) = response.into_parts();
    let whole = || {
        trailing.check()?;
        let head = head(terms, request, compressor, &metadata)?;
        let data = encode_message(codec, &message, compressor, terms.limits.send)?;
        Ok((head, data))
    };
    match whole() {
        Ok((head, data)) => Reply {
            head: Some(head),
            data: Some(data),
            trailers: server::trailers(&Status::OK, &trailing),
        },
        Err(status) => Reply::failure(request, status, &Metadata::new()),
    }
}
