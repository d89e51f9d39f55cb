//! Header lists as HTTP/2 hands them on: anything that passes RFC 9113 §8.

use crate::input::Input;
use bytes::Bytes;
use farcall_http2::{Field, Headers, Name};

const NAMES: [&str; 24] = [
    "content-type",
    "grpc-timeout",
    "grpc-encoding",
    "grpc-accept-encoding",
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
    "grpc-previous-rpc-attempts",
    "grpc-retry-pushback-ms",
    "grpc-trace-bin",
    "grpc-tags-bin",
    "user-agent",
    "te",
    "host",
    "content-length",
    "authorization",
    "x-bin",
    "x",
    "-bin",
    "cookie",
    "date",
    "server",
    "x-long-name-of-something",
    "trailer",
];
const VALUES: [&str; 16] = [
    "application/grpc",
    "application/grpc+proto",
    "application/grpc;charset=utf-8",
    "text/html",
    "gzip",
    "identity",
    "identity,gzip, deflate",
    "0",
    "5",
    "16",
    "1S",
    "99999999H",
    "trailers",
    "AAEC",
    "CAUSBHBhcnQ=",
    "a%20b%e4%bd%a0%",
];

/// A request's.
pub(super) fn request(input: &mut Input<'_>) -> Headers {
    let method = if input.u8() < 240 {
        Bytes::from_static(b"POST")
    } else {
        value(input)
    };
    let path = match input.u8() {
        0..200 => Bytes::from_static(b"/p.S/M"),
        _ => value(input),
    };
    Headers {
        method: Some(method),
        scheme: Some(Bytes::from_static(b"http")),
        authority: (input.u8() & 1 == 0).then(|| value(input)),
        path: Some(path).filter(|path| !path.is_empty()),
        fields: fields(input),
        ..Headers::default()
    }
}

/// A response's.
pub(super) fn response(input: &mut Input<'_>) -> Headers {
    let status = match input.u8() {
        0..200 => 200,
        other => input.u16() % 400 + 200 + u16::from(other & 1),
    };
    Headers {
        status: Some(status),
        fields: fields(input),
        ..Headers::default()
    }
}

pub(super) fn trailers(input: &mut Input<'_>) -> Headers {
    Headers {
        fields: fields(input),
        ..Headers::default()
    }
}

fn fields(input: &mut Input<'_>) -> Vec<Field> {
    let count = input.u8() % 16;
    (0..count).filter_map(|_| field(input)).collect()
}

fn field(input: &mut Input<'_>) -> Option<Field> {
    let name = match usize::from(input.u8()) {
        own @ 0..64 => input.bytes(own),
        known => NAMES[known % NAMES.len()].as_bytes(),
    };
    let field = Field::new(Name::from_bytes(Bytes::copy_from_slice(name)), value(input));
    is_sendable(&field).then_some(field)
}

fn value(input: &mut Input<'_>) -> Bytes {
    let bytes = match usize::from(input.u8()) {
        own @ 0..192 => input.bytes(own),
        known => VALUES[known % VALUES.len()].as_bytes(),
    };
    bytes
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, 0 | b'\r' | b'\n'))
        .collect()
}

/// RFC 9113 §8.2.1: a token in lower case; no NUL, CR or LF in the value.
fn is_sendable(field: &Field) -> bool {
    let name = field.name.as_bytes();
    let token = |&byte: &u8| {
        matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"!#$%&'*+-.^_`|~".contains(&byte)
    };
    let clean = !field
        .value
        .iter()
        .any(|byte| matches!(byte, 0 | b'\r' | b'\n'));
    !name.is_empty() && name.iter().all(token) && clean
}

/// What we put on the wire keeps the rule for values in full: no blank at either end.
pub(super) fn assert_sendable(fields: &[Field]) {
    for field in fields {
        let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
        let trimmed = !blank(field.value.first()) && !blank(field.value.last());
        assert!(is_sendable(field) && trimmed, "{field:?}");
    }
}
