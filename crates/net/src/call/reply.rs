//! What a handler's outcome looks like on the wire.

use super::{arrival::Accepted, encoding::Encoding, message::Response};
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
    pub(crate) special: Special,
}

/// What stands in place of finished lists.
#[derive(Debug, Default)]
pub(crate) enum Special {
    #[default]
    None,
    /// The status of a handler that is gone without an answer.
    Broken(Box<Status>),
    /// An outcome that interceptors look at first.
    Open(Box<Open>),
    /// The same, with nothing to it but its message.
    OpenMessage,
}

/// A handler's outcome, as it is before it is put into the form of the wire. The message, uncompressed, is the reply's `data`.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) result: Result<(), Status>,
    pub(crate) metadata: Metadata,
    pub(crate) trailers: Metadata,
    pub(crate) compression: Option<Encoding>,
    /// The initial metadata has been sent.
    pub(crate) head_sent: bool,
}

impl Open {
    fn failed(status: Status) -> Open {
        Open {
            result: Err(status),
            metadata: Metadata::new(),
            trailers: Metadata::new(),
            compression: None,
            head_sent: false,
        }
    }
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
            special: Special::None,
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
            special: Special::None,
        }
    }

    /// The handler gave back a sender that is not this call's.
    pub(crate) fn lost() -> Reply {
        Reply::broken(Status::internal(
            "the handler gave back another call's sender",
        ))
    }

    /// The handler is gone without an answer. What list its status goes out in depends on whether the response has begun.
    pub(crate) fn broken(status: Status) -> Reply {
        Reply {
            head: None,
            data: None,
            trailers: HeaderList::default(),
            special: Special::Broken(Box::new(status)),
        }
    }

    /// A response without metadata that interceptors look at first.
    #[inline]
    pub(crate) fn open_message(data: Bytes) -> Reply {
        Reply {
            head: None,
            data: Some(data),
            trailers: HeaderList::default(),
            special: Special::OpenMessage,
        }
    }

    /// An outcome that interceptors look at first.
    pub(crate) fn open(data: Option<Bytes>, open: Open) -> Reply {
        Reply {
            head: None,
            data,
            trailers: HeaderList::default(),
            special: Special::Open(Box::new(open)),
        }
    }

    /// Chooses the list for the status of a broken handler, now that it is known whether the response has begun.
    pub(crate) fn conclude(&mut self, head_sent: bool) {
        if let Special::Broken(status) = std::mem::take(&mut self.special) {
            self.trailers = broken(&status, head_sent);
        }
    }
}

/// The list that ends a call whose handler is gone.
pub(crate) fn broken(status: &Status, head_sent: bool) -> HeaderList {
    match head_sent {
        true => server::trailers(status, &Metadata::new()),
        false => server::trailers_only(b"", status, &Metadata::new()),
    }
}

/// The list that begins a response.
///
/// # Errors
/// INTERNAL if the metadata cannot be sent.
pub(crate) fn head(
    accepted: &Accepted,
    compressor: Option<&dyn Compressor>,
    metadata: &Metadata,
) -> Result<HeaderList, Status> {
    accepted.terms.template.head(
        &accepted.head.content_subtype,
        compressor.map(|c| c.name()),
        metadata,
    )
}

/// How a response is compressed: as the handler chose, else as the server does, else as the request was; if the caller accepts it.
pub(crate) fn compressor(
    accepted: &Accepted,
    chosen: Option<Encoding>,
) -> Option<Arc<dyn Compressor>> {
    let compressor = match chosen.or(accepted.compression) {
        None => accepted.head.compressor.clone(),
        Some(Encoding::Identity) => None,
        Some(encoding) => accepted.terms.compressors.find(encoding.name()).cloned(),
    };
    compressor.filter(|compressor| accepted.head.accepts(compressor.name()))
}

/// A whole unary response.
pub(crate) fn unary<T, C: Codec<T>>(
    codec: &C,
    accepted: &Accepted,
    response: Response<T>,
) -> Reply {
    let compressor = compressor(accepted, response.compression());
    let compressor = compressor.as_deref();
    let (message, metadata, trailing) = response.into_parts();
    let whole = || {
        trailing.check()?;
        let head = head(accepted, compressor, &metadata)?;
        let data = encode_message(codec, &message, compressor, accepted.limits.send)?;
        Ok((head, data))
    };
    match whole() {
        Ok((head, data)) => Reply {
            head: Some(head),
            data: Some(data),
            trailers: server::ok_trailers(&trailing),
            special: Special::None,
        },
        Err(status) => Reply::failure(&accepted.head, status, &Metadata::new()),
    }
}

/// A whole unary response that interceptors look at first.
pub(crate) fn open_unary<T, C: Codec<T>>(codec: &C, result: Result<Response<T>, Status>) -> Reply {
    let (message, open) = match result {
        Err(status) => return Reply::open(None, Open::failed(status)),
        Ok(response) if response.is_plain() => (response.into_inner(), None),
        Ok(response) => {
            let compression = response.compression();
            let (message, metadata, trailers) = response.into_parts();
            let open = Open {
                result: Ok(()),
                metadata,
                trailers,
                compression,
                head_sent: false,
            };
            (message, Some(open))
        }
    };
    // Size and compression are the wire's business, to which interceptors may send something else.
    match (encode_message(codec, &message, None, usize::MAX), open) {
        (Ok(data), None) => Reply::open_message(data),
        (Ok(data), Some(open)) => Reply::open(Some(data), open),
        (Err(status), _) => Reply::open(None, Open::failed(status)),
    }
}
