//! Responses without messages and without metadata before them.

use super::ResponseMachine;
use crate::{
    call::{Progress, ReceiveOptions, Shape},
    metadata::Metadata,
    status::{Code, Status, status_of_trailers},
};
use farcall_http2::Headers;

/// The status of a response that is one header list with END_STREAM (*Trailers-Only* in PROTOCOL-HTTP2), also of one that is
/// not gRPC's, by its HTTP status.
///
/// ```
/// use farcall_core::{Code, call::client::trailers_only};
/// use farcall_http2::{Field, Headers, KnownName};
///
/// let fields = vec![
///     Field::new(KnownName::ContentType, "application/grpc"),
///     Field::new(KnownName::GrpcStatus, "5"),
/// ];
/// let headers = Headers { status: Some(200), fields, ..Headers::default() };
/// assert_eq!(trailers_only(&headers).code(), Code::NotFound);
/// ```
pub fn trailers_only(headers: &Headers) -> Status {
    let mut machine = ResponseMachine::new(Shape::Many, &ReceiveOptions::default());
    machine.on_headers(headers, true);
    match machine.poll() {
        Progress::Done { status, .. } => status,
        _ => Status::from_static(Code::Unknown, "the response says nothing"),
    }
}

/// What trailers say, for somebody who looks on: the status, and the metadata beside it. What cannot be read is UNKNOWN, or
/// left out.
///
/// ```
/// use farcall_core::{Code, call::client::end_of_response};
/// use farcall_http2::{Field, Headers, KnownName, Name};
///
/// let fields = vec![Field::new(KnownName::GrpcStatus, "5"), Field::new(Name::from_static("load"), "7")];
/// let (status, metadata) = end_of_response(&Headers { fields, ..Headers::default() });
/// assert_eq!(status.code(), Code::NotFound);
/// assert_eq!(metadata.get("load"), Some("7"));
/// ```
pub fn end_of_response(trailers: &Headers) -> (Status, Metadata) {
    let nothing = || Status::from_static(Code::Unknown, "the trailers have no status");
    let status = match status_of_trailers(&trailers.fields) {
        Ok(status) => status.unwrap_or_else(nothing),
        Err(malformed) => malformed,
    };
    let metadata = Metadata::from_fields(&trailers.fields).unwrap_or_default();
    (status, metadata)
}
