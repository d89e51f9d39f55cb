//! What comes in the place of a greeting: other protocols, and frames that are not SETTINGS.

use super::{
    crimes::{Scope::Connection, check},
    raw::{Heard, Raw},
};
use crate::{ConnectionError, Event, PeerMisbehaved as Crime};

fn server_reads(bytes: &[u8]) -> Heard {
    let machine = crate::Connection::server(crate::Config::default(), std::time::Instant::now());
    super::raw::hear(machine, bytes, 0)
}

#[test]
fn another_protocol_is_noticed_at_its_first_wrong_octet_and_named() {
    for (bytes, crime) in [
        (&b"GET / HTTP/1.1\r\n"[..], Crime::SpeaksHttp1),
        (b"PUT /x HTTP/1.1\r\n", Crime::SpeaksHttp1),
        (b"\x16\x03\x01\x02\x00\x01", Crime::SpeaksTls),
        (b"SSH-2.0-OpenSSH_9.9\r\n", Crime::SpeaksSsh),
        (b"EHLO mail.example\r\n", Crime::SpeaksText),
        (b"PRI * HTTP/2.0\r\n\r\nXX", Crime::SpeaksText),
        (b"X", Crime::BadPreface),
        (&[0xff; 40], Crime::BadPreface),
    ] {
        check(0, crime, Connection, &server_reads(bytes));
    }
    assert!(server_reads(b"PRI * HTTP/2.0\r\n\r\nSM").events.is_empty());
}

#[test]
fn a_protocol_is_recognised_also_when_its_first_octets_look_like_ours() {
    let mut machine =
        crate::Connection::server(crate::Config::default(), std::time::Instant::now());
    let now = std::time::Instant::now();
    let mut events = Vec::new();
    for piece in [&b"P"[..], b"OST / HTTP/1.1\r\n"] {
        let mut input = bytes::BytesMut::from(piece);
        events.extend(std::iter::from_fn(|| machine.poll_event(now, &mut input)));
    }
    let crime = Crime::SpeaksHttp1;
    let error = ConnectionError::Misbehaved(crime);
    assert!(matches!(&events[..], [Event::Closed(e)] if *e == error));
}

#[test]
fn a_server_that_speaks_another_protocol_is_recognised() {
    let hears = |config, bytes: &[u8]| {
        let machine = crate::Connection::client(config, std::time::Instant::now());
        super::raw::hear(machine, bytes, crate::frame::PREFACE.len())
    };
    let cases = [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], Crime::SpeaksHttp1),
        (b"HTTP/1.0", Crime::SpeaksHttp1),
        (b"\x15\x03\x03\x00\x02\x02\x32", Crime::AnswersWithTlsAlert),
        (b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76", Crime::SpeaksTls),
        (b"SSH-2.0-OpenSSH_9.9\r\n", Crime::SpeaksSsh),
        (b"220 mail.example ESMTP\r\n", Crime::SpeaksSmtp),
        (b"220-", Crime::SpeaksSmtp),
        (b"554 no", Crime::SpeaksSmtp),
        (b"* OK IMAP4rev1 ready\r\n", Crime::SpeaksText),
        (b"+OK POP3 ready\r\n", Crime::SpeaksText),
        (&[0xfe; 9], Crime::FirstFrameNotSettings),
    ];
    // Then all that is a frame of a size that is allowed.
    let large = crate::Config {
        max_frame_size: (1 << 24) - 1,
        ..crate::Config::default()
    };
    for (bytes, crime) in cases {
        check(
            0,
            crime,
            Connection,
            &hears(crate::Config::default(), bytes),
        );
        check(1, crime, Connection, &hears(large.clone(), bytes));
    }
    assert!(hears(large.clone(), b"HTTP").events.is_empty());
    assert!(hears(large, b"220").events.is_empty());
}

#[test]
fn the_first_frame_must_be_settings() {
    let mut raw = Raw::new();
    raw.bytes.extend_from_slice(crate::frame::PREFACE);
    raw.ping();
    check(
        0,
        Crime::FirstFrameNotSettings,
        Connection,
        &server_reads(&raw.bytes),
    );
    let mut raw = Raw::new();
    raw.bytes.extend_from_slice(crate::frame::PREFACE);
    raw.settings_ack();
    check(
        1,
        Crime::FirstFrameNotSettings,
        Connection,
        &server_reads(&raw.bytes),
    );
}
