//! A status as header fields: `grpc-status`, `grpc-message`, `grpc-status-details-bin`.

use super::{Code, Status, Text, percent, proto};
use crate::{
    metadata::{decode_base64, encode_base64},
    quoted::quoted,
};
use bytes::Bytes;
use farcall_http2::{Field, Fields, KnownName, Name};

/// Appends the fields of `status`; its metadata is not among them.
pub(crate) fn write_status(status: &Status, fields: &mut Fields) {
    let digits = status.code().digits();
    fields.push(Field::new(
        KnownName::GrpcStatus,
        Bytes::from_static(digits.as_bytes()),
    ));
    if !status.message().is_empty() {
        fields.push(Field::new(KnownName::GrpcMessage, coded_message(status)));
    }
    if !status.any_details().is_empty() {
        let details = proto::encode(status.code() as i32, status.message(), status.any_details());
        fields.push(Field::new(
            KnownName::GrpcStatusDetailsBin,
            encode_base64(&details),
        ));
    }
}

fn coded_message(status: &Status) -> Bytes {
    match (percent::encode(status.message()), &status.message) {
        (Some(coded), _) => coded,
        (None, Text::Static(text)) => Bytes::from_static(text.as_bytes()),
        (None, Text::Shared(text)) => Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// The status that `fields` carry, without metadata; `None` if there is no `grpc-status`.
///
/// # Errors
/// `grpc-status` is not a number: the status to report instead.
pub(crate) fn status_of_trailers(fields: &[Field]) -> Result<Option<Status>, Status> {
    let (mut number, mut message, mut details) = (None, None, Details::None);
    for field in fields {
        match field.name {
            Name::Known(KnownName::GrpcStatus) if number.is_none() => number = Some(&field.value),
            Name::Known(KnownName::GrpcMessage) if message.is_none() => {
                message = Some(&field.value)
            }
            Name::Known(KnownName::GrpcStatusDetailsBin) => details = details.and(&field.value),
            _ => {}
        }
    }
    let Some(number) = number else {
        return Ok(None);
    };
    if **number == *b"0" && message.is_none() && matches!(details, Details::None) {
        return Ok(Some(Status::OK));
    }
    let Some(number) = parse_number(number) else {
        return Err(Status::unknown(format!(
            "malformed grpc-status \"{}\"",
            quoted(number)
        )));
    };
    let message = message
        .map(|coded| percent::decode(coded))
        .unwrap_or_default();
    Ok(Some(details.complete(number, message)))
}

/// What came as `grpc-status-details-bin`.
enum Details<'a> {
    None,
    Once(&'a Bytes),
    /// Ignored: nobody knows which one counts.
    Repeated,
}

impl<'a> Details<'a> {
    fn and(self, value: &'a Bytes) -> Details<'a> {
        match self {
            Details::None => Details::Once(value),
            Details::Once(_) | Details::Repeated => Details::Repeated,
        }
    }

    /// The status of the header values; or of the details, if they can be read: then the message is theirs, and their
    /// code must be that of the header.
    fn complete(self, number: i32, message: String) -> Status {
        let code = Code::from_i32(number);
        let read = match self {
            Details::Once(value) => decode_base64(value).and_then(|wire| proto::decode(&wire)),
            Details::None | Details::Repeated => None,
        };
        let Some(read) = read else {
            if message.is_empty() && code as i32 != number {
                return Status::new(code, format!("unknown grpc-status {number}"));
            }
            return Status::new(code, message);
        };
        if read.code != number {
            return Status::internal(format!(
                "grpc-status-details-bin says code {} and grpc-status says {number}: {message}",
                read.code
            ));
        }
        let mut status = Status::new(code, read.message);
        if !read.details.is_empty() {
            status.extra_mut().details = read.details;
        }
        status
    }
}

/// Digits that fit into 32 bits.
fn parse_number(text: &[u8]) -> Option<i32> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}
