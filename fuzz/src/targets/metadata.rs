//! What a server makes of a request's header list, and metadata and timeouts by themselves.

use crate::{input::Input, targets::lists};
use bytes::Bytes;
use farcall_core::{
    Compressors, Metadata, call::server::RequestHead, metadata::Value, method::split_path, timeout,
};
use farcall_http2::Field;
use std::time::Duration;

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.u8() % 4 {
        0 => timeout_text(input.rest()),
        1 => timeout_value(&mut input),
        2 => users_pairs(&mut input),
        _ => head(&mut input),
    }
}

/// One to eight digits and a unit, and nothing else.
fn timeout_text(text: &[u8]) {
    let parsed = timeout::parse(text);
    let expected = std::str::from_utf8(text).ok().and_then(|text| {
        let digits = text.strip_suffix(['H', 'M', 'S', 'm', 'u', 'n'])?;
        if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let nanos = match text.as_bytes()[text.len() - 1] {
            b'H' => 3_600_000_000_000,
            b'M' => 60_000_000_000,
            b'S' => 1_000_000_000,
            b'm' => 1_000_000,
            b'u' => 1_000,
            _ => 1_u128,
        };
        Some(digits.parse::<u128>().ok()? * nanos)
    });
    assert_eq!(parsed.ok().map(|timeout| timeout.as_nanos()), expected);
}

/// What is written is never less than what was meant, and by less than a unit more.
fn timeout_value(input: &mut Input<'_>) {
    let seconds = u64::from(input.u32()) << (input.u8() % 33);
    let meant = Duration::new(seconds, input.u32() % 1_000_000_000);
    let text = timeout::format(meant);
    let read = timeout::parse(&text).expect("our own text");
    if meant <= Duration::from_secs(99_999_999 * 3600) {
        assert!(
            read >= meant && read - meant < Duration::from_secs(3600),
            "{meant:?} {text:?}"
        );
        assert!(
            read.as_nanos() - meant.as_nanos() <= meant.as_nanos() / 1000 + 1,
            "{meant:?} {text:?}"
        );
    } else {
        assert_eq!(&text[..], b"99999999H");
    }
}

/// What a user puts in and the check lets through comes out at the other end.
fn users_pairs(input: &mut Input<'_>) {
    let mut metadata = Metadata::new();
    while !input.is_empty() {
        let choice = input.u8();
        let Ok(key) = std::str::from_utf8(input.short()) else {
            continue;
        };
        let value = Bytes::copy_from_slice(input.short());
        let before = metadata.len();
        let outcome = match std::str::from_utf8(&value) {
            Ok(text) if choice & 1 == 0 => metadata.try_append(key, text),
            _ if choice & 2 == 0 => metadata.try_append(key, value),
            _ => metadata.try_insert(key, value),
        };
        assert!(outcome.is_ok() || metadata.len() == before);
        if outcome.is_ok() {
            assert!(metadata.contains_key(key));
        }
    }
    assert!(metadata.check().is_ok());
    let fields = metadata.to_fields();
    assert_eq!(fields.len(), metadata.len());
    lists::assert_sendable(&fields);
    let received = Metadata::from_fields(&fields).expect("our own fields");
    assert_eq!(received, metadata);
}

/// A header list that HTTP/2 lets through: a head or an answer, and both can be sent on.
fn head(input: &mut Input<'_>) {
    let headers = lists::request(input);
    let compressors = Compressors::default();
    match RequestHead::parse(&headers, &compressors) {
        Ok(head) => {
            assert!(head.timeout.is_none_or(|timeout| timeout > Duration::ZERO));
            assert!(head.accepts("identity"));
            let _ = (head.accepts("gzip"), head.check_subtype("proto"));
            if let Some((service, method)) = head.service_and_method() {
                assert_eq!(head.path, format!("/{service}/{method}"));
                assert!(!method.contains('/'));
            }
            received(&head.metadata, &headers.fields);
        }
        Err(rejection) => {
            assert!(!rejection.status().is_ok());
            assert!((200..600).contains(&rejection.http_status()));
            lists::assert_sendable(&rejection.head()[1..]);
            let _ = rejection.body();
        }
    }
    if let Some(path) = headers
        .path
        .as_deref()
        .and_then(|path| std::str::from_utf8(path).ok())
    {
        let _ = split_path(path);
    }
}

/// The user sees no reserved pair, and text is text.
fn received(metadata: &Metadata, fields: &[Field]) {
    for (key, value) in metadata.iter() {
        let own = matches!(
            key,
            "grpc-tags-bin" | "grpc-trace-bin" | "grpc-retry-pushback-ms"
        );
        assert!(
            own || !key.starts_with("grpc-") && !key.starts_with(':'),
            "{key}"
        );
        let in_list = fields
            .iter()
            .any(|field| field.name.as_bytes() == key.as_bytes());
        assert!(in_list, "{key}");
        match value {
            Value::Binary(bytes) => {
                assert!(key.ends_with("-bin"));
                assert!(metadata.get_all_bin(key).any(|other| *other == bytes));
            }
            Value::Text(text) => assert!(metadata.get_all(key).any(|other| other == text)),
        }
    }
    // A proxy passes metadata on: it can be sent, or the check says why not.
    if metadata.check().is_ok() {
        let again = metadata.to_fields();
        assert_eq!(again.len(), metadata.len());
    }
}
