//! Header lists and payload for the tests of both machines.

use super::Progress;
use crate::random::XorShift;
use bytes::Bytes;
use farcall_http2::{Field, Headers, Name};

/// A received list; `:…` keys go where they belong.
pub(super) fn headers(pairs: &[(&str, &str)]) -> Headers {
    let mut list = Headers::default();
    for &(key, value) in pairs {
        let bytes = Bytes::copy_from_slice(value.as_bytes());
        match key {
            ":status" => list.status = value.parse().ok(),
            ":method" => list.method = Some(bytes),
            ":path" => list.path = Some(bytes),
            ":authority" => list.authority = Some(bytes),
            key => list.fields.push(Field::new(
                Name::from_bytes(Bytes::copy_from_slice(key.as_bytes())),
                bytes,
            )),
        }
    }
    list
}

/// An uncompressed message with its prefix.
pub(super) fn message(payload: &[u8]) -> Bytes {
    flagged(0, payload)
}

pub(super) fn flagged(flag: u8, payload: &[u8]) -> Bytes {
    let mut wire = vec![flag];
    wire.extend((payload.len() as u32).to_be_bytes());
    wire.extend(payload);
    wire.into()
}

/// Fields as text, for comparing.
pub(super) fn text<'a>(fields: impl IntoIterator<Item = &'a Field>) -> String {
    let line = |field: &Field| {
        let name = String::from_utf8_lossy(field.name.as_bytes()).into_owned();
        format!("{name}: {}", String::from_utf8_lossy(&field.value))
    };
    fields.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Everything that a machine hands out until it is pending or done: messages, and the end if it came.
pub(super) fn drain(mut poll: impl FnMut() -> Progress) -> (Vec<Bytes>, Option<crate::Status>) {
    let mut messages = Vec::new();
    loop {
        match poll() {
            Progress::Message(message) => messages.push(message),
            Progress::Pending { .. } => return (messages, None),
            Progress::Done { status, .. } => return (messages, Some(status)),
        }
        assert!(messages.len() < 10_000, "a machine that never ends");
    }
}

/// A list of fields that are almost right, or not.
pub(super) fn random_headers(random: &mut XorShift) -> Headers {
    const KEYS: &[&str] = &[
        ":status",
        ":method",
        ":path",
        ":authority",
        "content-type",
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "grpc-encoding",
        "grpc-timeout",
        "grpc-accept-encoding",
        "host",
        "te",
        "x-a",
        "x-a-bin",
        "grpc-previous-rpc-attempts",
        "user-agent",
    ];
    const VALUES: &[&str] = &[
        "application/grpc",
        "application/grpc+proto",
        "text/html",
        "0",
        "5",
        "99",
        "-1",
        "",
        "POST",
        "GET",
        "/a/b",
        "gzip",
        "identity",
        "1S",
        "0n",
        "AAA",
        "CAU",
        "a,b",
        "%41%zz",
        "200",
        "503",
        "*",
    ];
    let mut pairs = Vec::new();
    for _ in 0..random.below(8) {
        pairs.push((
            KEYS[random.below(KEYS.len())],
            VALUES[random.below(VALUES.len())],
        ));
    }
    let mut list = headers(&pairs);
    if random.below(2) == 0 {
        list.fields.insert(
            0,
            Field::new(farcall_http2::KnownName::ContentType, "application/grpc"),
        );
    }
    if let Some(field) = list.fields.last_mut().filter(|_| random.below(4) == 0) {
        field.value = random.bytes(12).into();
    }
    list
}

/// Payload that is almost right, or not.
pub(super) fn random_data(random: &mut XorShift) -> Bytes {
    match random.below(4) {
        0 => random.bytes(12).into(),
        1 => flagged(random.below(3) as u8, &random.bytes(20)),
        2 => message(&random.bytes(20)).slice(..random.below(6)),
        _ => message(&random.bytes(20)),
    }
}
