//! Response headers and trailers.

use crate::{
    call::{HeaderList, content_type},
    message::Compressors,
    metadata::Metadata,
    status::{Code, Status, status_of_trailers, write_status},
};
use bytes::Bytes;
use farcall_http2::{Field, Fields, KnownName, Name};
use std::sync::{Arc, LazyLock};

/// The response headers of a server, built once for each content-type and compression that is common.
///
/// ```
/// use farcall_core::{Compressors, Metadata, call::server::ResponseTemplate};
///
/// let template = ResponseTemplate::new(&Compressors::none());
/// let head = template.head(b"", None, &Metadata::new()).unwrap();
/// let fields: Vec<_> = head.fields().map(|field| format!("{field:?}")).collect();
/// assert_eq!(fields, [r#"":status": "200""#, r#""content-type": "application/grpc""#]);
/// ```
#[derive(Clone, Debug)]
pub struct ResponseTemplate {
    accept_encoding: Option<Bytes>,
    /// For `application/grpc`, with each encoding.
    plain: Arc<[Ready]>,
    /// For `application/grpc+proto`, with each encoding.
    proto: Arc<[Ready]>,
}

#[derive(Debug)]
struct Ready {
    encoding: Option<&'static str>,
    fields: Arc<Fields>,
}

impl ResponseTemplate {
    /// For a server that knows these compressors (and announces them).
    pub fn new(compressors: &Compressors) -> ResponseTemplate {
        let accept = compressors.accept_encoding();
        let lists = |subtype: &[u8]| {
            let names = compressors.iter().map(|compressor| Some(compressor.name()));
            let ready = |encoding: Option<&'static str>| Ready {
                encoding,
                fields: Arc::new(head_fields(subtype, encoding.map(static_bytes), accept)),
            };
            std::iter::once(None).chain(names).map(ready).collect()
        };
        ResponseTemplate {
            plain: lists(b""),
            proto: lists(b"proto"),
            accept_encoding: accept.cloned(),
        }
    }

    /// The response headers of a call: the content-type repeats the request's `content_subtype`; `encoding` names
    /// what compressed messages will be compressed with.
    ///
    /// # Errors
    /// INTERNAL if the metadata holds a pair that cannot be sent.
    pub fn head(
        &self,
        content_subtype: &[u8],
        encoding: Option<&str>,
        metadata: &Metadata,
    ) -> Result<HeaderList, Status> {
        metadata.check()?;
        // A match, not a comparison: comparing empty slices reads from their dangling address under an empty
        // mask, which costs 150 ns where `memcmp` uses AVX-512.
        let lists: &[Ready] = match content_subtype {
            b"" => &self.plain,
            b"proto" => &self.proto,
            _ => &[],
        };
        if let Some(ready) = lists.iter().find(|ready| ready.encoding == encoding) {
            if metadata.is_unused() {
                return Ok(HeaderList::of_shared(&ready.fields));
            }
            let own = metadata.to_fields();
            return Ok(HeaderList::new(Some(ready.fields.clone()), own));
        }
        let encoding = encoding.map(|name| Bytes::copy_from_slice(name.as_bytes()));
        let mut fields = head_fields(content_subtype, encoding, self.accept_encoding.as_ref());
        metadata.write_to(&mut fields);
        Ok(HeaderList::new(None, fields))
    }
}

/// The trailers of a response that ends with OK and this metadata, as [`trailers`] makes them.
#[inline]
pub fn ok_trailers(metadata: &Metadata) -> HeaderList {
    match metadata.is_unused() {
        true => HeaderList::of_shared(&OK_TRAILERS),
        false => trailers(&Status::OK, metadata),
    }
}

/// The trailers that end a response: the status, then its own metadata, then `metadata`. The status goes out
/// as it is: pass a handler's through [`Status::for_wire`] first. Metadata that cannot be sent makes it INTERNAL.
pub fn trailers(status: &Status, metadata: &Metadata) -> HeaderList {
    if is_plain_ok(status) && has_nothing(metadata) {
        return HeaderList::of_shared(&OK_TRAILERS);
    }
    let mut fields = Fields::with_capacity(4 + metadata.len());
    write_outcome(status, metadata, &mut fields);
    HeaderList::new(None, fields)
}

/// The whole response in one header list, for a call that fails before its headers were sent.
pub fn trailers_only(content_subtype: &[u8], status: &Status, metadata: &Metadata) -> HeaderList {
    let mut fields = head_fields(content_subtype, None, None);
    write_outcome(status, metadata, &mut fields);
    HeaderList::new(None, fields)
}

/// Trailers for a peer that takes no more than `limit` bytes of header list: without metadata, then without details,
/// then with a shortened message, as far as is needed to fit.
pub fn trailers_within(limit: usize, status: &Status, metadata: &Metadata) -> HeaderList {
    let whole = trailers(status, metadata);
    if whole.size() <= limit {
        return whole;
    }
    let without_metadata = trailers(
        &status.clone().with_metadata(Metadata::new()),
        &Metadata::new(),
    );
    if without_metadata.size() <= limit {
        return without_metadata;
    }
    let mut bare = Status::new(status.code(), status.message());
    loop {
        let list = trailers(&bare, &Metadata::new());
        let message = bare.message();
        if list.size() <= limit || message.is_empty() {
            return list;
        }
        // Coded, a byte takes three at most: cutting a third of the excess (and at least one character) ends soon.
        let excess = (list.size() - limit).div_ceil(3);
        let mut end = message.len().saturating_sub(excess.max(1));
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        bare = Status::new(bare.code(), &message[..end]);
    }
}

/// A list that ends a response (trailers, or the whole response in one list) made to fit a peer that takes no more than
/// `limit` bytes of header list, as [`trailers_within`] does it.
pub fn shortened(list: &HeaderList, limit: usize) -> HeaderList {
    let fields: Fields = list.fields().cloned().collect();
    let status = status_of_trailers(&fields).unwrap_or_else(Some);
    let status = status.unwrap_or_else(|| Status::from_static(Code::Unknown, "no grpc-status"));
    let head = |field: &Field| {
        matches!(
            field.name,
            Name::Known(KnownName::Status | KnownName::ContentType)
        )
    };
    let mut short: Fields = fields.into_iter().filter(head).collect();
    let head: usize = short.iter().map(Field::size).sum();
    let end = trailers_within(limit.saturating_sub(head), &status, &Metadata::new());
    short.extend(end.fields().cloned());
    HeaderList::new(None, short)
}

static OK_TRAILERS: LazyLock<Arc<Fields>> = LazyLock::new(|| {
    let mut fields = Fields::new();
    write_status(&Status::OK, &mut fields);
    Arc::new(fields)
});

fn is_plain_ok(status: &Status) -> bool {
    status.code() == Code::Ok
        && status.message().is_empty()
        && has_nothing(status.metadata())
        && status.any_details().is_empty()
}

fn has_nothing(metadata: &Metadata) -> bool {
    metadata.is_unused() || metadata.is_empty() && metadata.check().is_ok()
}

fn write_outcome(status: &Status, metadata: &Metadata, fields: &mut Fields) {
    if let Err(invalid) = status.metadata().check().and(metadata.check()) {
        return write_status(&invalid.into(), fields);
    }
    write_status(status, fields);
    status.metadata().write_to(fields);
    metadata.write_to(fields);
}

fn head_fields(
    content_subtype: &[u8],
    encoding: Option<Bytes>,
    accept_encoding: Option<&Bytes>,
) -> Fields {
    let mut fields = Fields::with_capacity(4);
    fields.push(Field::new(KnownName::Status, Bytes::from_static(b"200")));
    fields.push(Field::new(
        KnownName::ContentType,
        content_type::with_subtype(content_subtype),
    ));
    if let Some(encoding) = encoding {
        fields.push(Field::new(KnownName::GrpcEncoding, encoding));
    }
    if let Some(names) = accept_encoding {
        fields.push(Field::new(KnownName::GrpcAcceptEncoding, names.clone()));
    }
    fields
}

fn static_bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[cfg(test)]
mod tests;
