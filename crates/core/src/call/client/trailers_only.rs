//! Responses without messages and without metadata before them.

use super::ResponseMachine;
use crate::{
    call::{Progress, ReceiveOptions, Shape},
    status::{Code, Status},
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
