//! Header lists that say nothing but that all is well: most responses of most servers.
//!
//! HTTP/2 hands over the same list again for a repeated block, so whoever drives a connection may ask once per list
//! and skip the [`ResponseMachine`](super::ResponseMachine) for a response made of such lists.

use crate::call::content_type;
use farcall_http2::{Headers, KnownName, Name};

/// Whether these response headers only say that a gRPC response follows: status 200, a gRPC content-type, no compression
/// and no metadata.
///
/// ```
/// use farcall_core::call::client::is_plain_head;
/// use farcall_http2::{Field, Headers, KnownName};
///
/// let fields = vec![Field::new(KnownName::ContentType, "application/grpc")];
/// let mut head = Headers { status: Some(200), fields, ..Headers::default() };
/// assert!(is_plain_head(&head));
/// head.fields.push(Field::new(KnownName::GrpcEncoding, "gzip"));
/// assert!(!is_plain_head(&head));
/// ```
pub fn is_plain_head(headers: &Headers) -> bool {
    let mut types = 0;
    let known = headers.fields.iter().all(|field| match field.name {
        Name::Known(KnownName::ContentType) => {
            types += 1;
            content_type::subtype(&field.value).is_some()
        }
        Name::Known(KnownName::GrpcEncoding) => field.value == "identity",
        Name::Known(KnownName::GrpcAcceptEncoding) => true,
        _ => false,
    });
    headers.status == Some(200) && known && types == 1
}

/// Whether these trailers only say OK.
///
/// ```
/// use farcall_core::call::client::is_plain_ok;
/// use farcall_http2::{Field, Headers, KnownName};
///
/// let trailers = Headers { fields: vec![Field::new(KnownName::GrpcStatus, "0")], ..Headers::default() };
/// assert!(is_plain_ok(&trailers));
/// ```
pub fn is_plain_ok(trailers: &Headers) -> bool {
    let mut statuses = 0;
    let known = trailers.fields.iter().all(|field| match field.name {
        Name::Known(KnownName::GrpcStatus) => {
            statuses += 1;
            field.value == "0"
        }
        Name::Known(KnownName::GrpcMessage) => field.value.is_empty(),
        _ => false,
    });
    known && statuses == 1
}
