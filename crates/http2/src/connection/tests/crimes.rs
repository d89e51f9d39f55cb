//! Every crime there is, committed with raw octets.

use super::raw::{GET, Heard, Raw, client_hears, server_hears};
use crate::{
    ConnectionError, Event, PeerMisbehaved as Crime, ResetCause,
    connection::Role::{self, Client, Server},
    frame::{Kind, Setting, flags},
};
use std::collections::HashSet;

/// Who suffers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope {
    Connection,
    /// A stream that the driver knows.
    Stream(u32),
    /// A request that became no stream.
    Request(u32),
    /// A stream that is gone.
    Gone(u32),
}

use Scope::{Connection, Gone, Request, Stream};

type Write = fn(&mut Raw);

/// `$side` commits `$crime` with what the closure writes, after a proper greeting.
pub(super) const CASES: &[(Crime, Scope, Role, Write)] = &[
    (Crime::FrameTooLarge, Connection, Server, |raw| {
        raw.request(1, false).data(1, &[0; 16_385], true);
    }),
    (Crime::WrongFrameSize, Connection, Server, |raw| {
        raw.frame(Kind::PING, 0, 0, &[0; 7]);
    }),
    (Crime::WrongFrameSize, Stream(1), Server, |raw| {
        raw.request(1, false).frame(Kind::PRIORITY, 0, 1, &[0; 4]);
    }),
    (Crime::PaddingTooLong, Connection, Server, |raw| {
        raw.request(1, false)
            .frame(Kind::DATA, flags::PADDED, 1, &[9, 0, 0]);
    }),
    (Crime::FrameOnStreamZero, Connection, Server, |raw| {
        raw.data(0, b"x", false);
    }),
    (Crime::ConnectionFrameOnStream, Connection, Server, |raw| {
        raw.frame(Kind::PING, 0, 1, &[0; 8]);
    }),
    (Crime::FrameOnIdleStream, Connection, Server, |raw| {
        raw.data(1, b"x", false);
    }),
    (Crime::FrameOnIdleStream, Connection, Server, |raw| {
        raw.window_update(1, 1);
    }),
    (Crime::FrameOnIdleStream, Connection, Server, |raw| {
        raw.request(3, false).reset(2);
    }),
    (Crime::FrameOnIdleStream, Connection, Client, |raw| {
        raw.headers(5, &[(":status", "200")], false);
    }),
    (Crime::FrameOnIdleStream, Connection, Client, |raw| {
        raw.headers(2, &[(":status", "200")], false);
    }),
    (Crime::WrongStreamParity, Connection, Server, |raw| {
        raw.request(2, true);
    }),
    (Crime::StreamIdNotIncreasing, Connection, Server, |raw| {
        raw.request(5, true).request(3, true);
    }),
    (Crime::FrameOnClosedStream, Connection, Client, |raw| {
        let ok = [(":status", "200")];
        raw.headers(1, &ok, true).headers(1, &ok, true);
    }),
    (Crime::FrameOnClosedStream, Gone(1), Server, |raw| {
        raw.request(1, false).reset(1).data(1, b"x", false);
    }),
    (Crime::FrameAfterEndStream, Stream(1), Server, |raw| {
        raw.request(1, true).data(1, b"x", false);
    }),
    (Crime::FrameAfterEndStream, Stream(1), Server, |raw| {
        raw.request(1, true).headers(1, &[("x", "y")], true);
    }),
    (Crime::DataBeforeHeaders, Stream(1), Client, |raw| {
        raw.data(1, b"x", false);
    }),
    (Crime::TrailersWithoutEndStream, Stream(1), Server, |raw| {
        raw.request(1, false).headers(1, &[("x", "y")], false);
    }),
    (Crime::SelfDependency, Request(1), Server, |raw| {
        let mut payload = vec![0, 0, 0, 1, 0];
        payload.extend(raw.block(&GET));
        raw.frame(
            Kind::HEADERS,
            flags::PRIORITY | flags::END_HEADERS,
            1,
            &payload,
        );
    }),
    (Crime::SelfDependency, Stream(1), Server, |raw| {
        raw.request(1, false)
            .frame(Kind::PRIORITY, 0, 1, &[0, 0, 0, 1, 0]);
    }),
    (Crime::SelfDependency, Connection, Server, |raw| {
        raw.frame(Kind::PRIORITY, 0, 1, &[0, 0, 0, 1, 0]);
    }),
    (Crime::WrongFrameSize, Connection, Server, |raw| {
        // Only the client opens streams: those of the server stay idle, and nothing may be sent on them.
        raw.request(3, false).frame(Kind::PRIORITY, 0, 2, &[0; 4]);
    }),
    (Crime::WrongFrameSize, Gone(1), Server, |raw| {
        raw.request(1, false).reset(1);
        raw.frame(Kind::PRIORITY, 0, 1, &[0; 4]);
        // Nothing more may be sent on it after the first RST_STREAM.
        raw.frame(Kind::PRIORITY, 0, 1, &[0; 4]);
    }),
    (Crime::ExpectedContinuation, Connection, Server, |raw| {
        raw.frame(Kind::HEADERS, 0, 1, &[0x82]).ping();
    }),
    (Crime::ExpectedContinuation, Connection, Server, |raw| {
        raw.frame(Kind::HEADERS, 0, 1, &[0x82]).frame(
            Kind::CONTINUATION,
            flags::END_HEADERS,
            3,
            &[],
        );
    }),
    (Crime::UnexpectedContinuation, Connection, Server, |raw| {
        raw.request(1, false)
            .frame(Kind::CONTINUATION, flags::END_HEADERS, 1, &[]);
    }),
    (Crime::PushPromise, Connection, Client, |raw| {
        raw.frame(Kind::PUSH_PROMISE, flags::END_HEADERS, 1, &[0, 0, 0, 2]);
    }),
    (Crime::PushPromise, Connection, Server, |raw| {
        raw.frame(Kind::PUSH_PROMISE, flags::END_HEADERS, 1, &[0, 0, 0, 2]);
    }),
    (Crime::StreamLimitExceeded, Request(2001), Server, |raw| {
        for stream in (1..=2001).step_by(2) {
            raw.request(stream, true);
        }
    }),
    (Crime::InvalidEnablePush, Connection, Server, |raw| {
        raw.settings(&[Setting::Unknown(2, 2)]);
    }),
    (Crime::InvalidEnablePush, Connection, Client, |raw| {
        raw.settings(&[Setting::EnablePush(true)]);
    }),
    (Crime::InvalidInitialWindow, Connection, Server, |raw| {
        raw.settings(&[Setting::Unknown(4, 1 << 31)]);
    }),
    (Crime::InvalidMaxFrameSize, Connection, Server, |raw| {
        raw.settings(&[Setting::Unknown(5, 0)]);
    }),
    (Crime::UnexpectedSettingsAck, Connection, Server, |raw| {
        raw.settings_ack();
    }),
    (Crime::ZeroWindowUpdate, Connection, Server, |raw| {
        raw.window_update(0, 0);
    }),
    (Crime::ZeroWindowUpdate, Stream(1), Server, |raw| {
        raw.request(1, false).window_update(1, 0);
    }),
    (Crime::WindowOverflow, Connection, Server, |raw| {
        raw.window_update(0, (1 << 31) - 1);
    }),
    (Crime::WindowOverflow, Stream(1), Server, |raw| {
        raw.request(1, true).window_update(1, (1 << 31) - 1);
    }),
    (Crime::WindowOverflow, Connection, Server, |raw| {
        raw.request(1, true)
            .window_update(1, 1 << 30)
            .settings(&[Setting::InitialWindowSize((1 << 31) - 1)]);
    }),
    (Crime::StreamWindowExceeded, Stream(1), Server, |raw| {
        raw.request(1, false);
        for _ in 0..20 {
            raw.data(1, &[0; 16_000], false);
        }
    }),
    (Crime::ConnectionWindowExceeded, Connection, Server, |raw| {
        // The budget is 16 MiB: so much may lie unread.
        for stream in (1..600).step_by(2) {
            raw.request(stream, false);
            for _ in 0..4 {
                raw.data(stream, &[0; 16_000], false);
            }
        }
    }),
    (Crime::GoAwayIdIncreased, Connection, Client, |raw| {
        raw.goaway(3).goaway(5);
    }),
    (Crime::HpackTruncated, Connection, Server, |raw| {
        raw.frame(Kind::HEADERS, flags::END_HEADERS, 1, &[0x40, 5, b'a']);
    }),
    (Crime::HpackInvalidIndex, Connection, Server, |raw| {
        raw.frame(Kind::HEADERS, flags::END_HEADERS, 1, &[0xff, 0x50]);
    }),
    (Crime::HpackIntegerOverflow, Connection, Server, |raw| {
        raw.frame(
            Kind::HEADERS,
            flags::END_HEADERS,
            1,
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        );
    }),
    (Crime::HpackInvalidHuffman, Connection, Server, |raw| {
        raw.frame(
            Kind::HEADERS,
            flags::END_HEADERS,
            1,
            &[0x40, 0x84, 0xff, 0xff, 0xff, 0xff, 0],
        );
    }),
    (Crime::HpackTableSize, Connection, Server, |raw| {
        raw.frame(
            Kind::HEADERS,
            flags::END_HEADERS,
            1,
            &[0x3f, 0xff, 0xff, 0x03],
        );
    }),
    (Crime::HeaderListTooLarge, Request(1), Server, |raw| {
        let (half, mut list) = ("x".repeat(6000), GET.to_vec());
        list.extend([("a", &half[..]), ("b", &half), ("c", &half)]);
        raw.headers(1, &list, true);
    }),
    (Crime::HeaderListTooLarge, Request(1), Server, |raw| {
        let mut list = GET.to_vec();
        list.extend([("a", "b"); 129]);
        raw.headers(1, &list, true);
    }),
    (Crime::HeaderListTooLarge, Stream(1), Client, |raw| {
        let long = "x".repeat(9000);
        raw.headers(1, &[(":status", "200"), ("a", &long), ("b", &long)], true);
    }),
    (Crime::HeaderBlockTooLarge, Connection, Server, |raw| {
        raw.frame(Kind::HEADERS, 0, 1, &[0; 16_384]);
        for _ in 0..6 {
            raw.frame(Kind::CONTINUATION, 0, 1, &[0; 16_384]);
        }
    }),
    (Crime::TooManyContinuations, Connection, Server, |raw| {
        raw.frame(Kind::HEADERS, 0, 1, &[0x82]);
        for _ in 0..30 {
            raw.frame(Kind::CONTINUATION, 0, 1, &[]);
        }
    }),
    (Crime::InvalidFieldName, Request(1), Server, |raw| {
        extra(raw, "X-Upper", "1")
    }),
    (Crime::InvalidFieldValue, Request(1), Server, |raw| {
        extra(raw, "x", "a\nb")
    }),
    (Crime::ConnectionSpecificField, Request(1), Server, |raw| {
        extra(raw, "connection", "close")
    }),
    (Crime::InvalidTe, Request(1), Server, |raw| {
        extra(raw, "te", "gzip")
    }),
    (Crime::PseudoAfterRegular, Request(1), Server, |raw| {
        raw.headers(1, &[("x", "y"), GET[0], GET[1], GET[2]], true);
    }),
    (Crime::DuplicatePseudo, Request(1), Server, |raw| {
        extra(raw, ":path", "/")
    }),
    (Crime::UnknownPseudo, Request(1), Server, |raw| {
        extra(raw, ":status", "200")
    }),
    (Crime::UnknownPseudo, Stream(1), Client, |raw| {
        raw.headers(1, &[(":status", "200"), (":path", "/")], true);
    }),
    (Crime::PseudoInTrailers, Stream(1), Server, |raw| {
        raw.request(1, false).headers(1, &[(":path", "/")], true);
    }),
    (Crime::MissingPseudo, Request(1), Server, |raw| {
        raw.headers(1, &GET[..2], true);
    }),
    (Crime::MissingPseudo, Stream(1), Client, |raw| {
        raw.headers(1, &[("x", "y")], true);
    }),
    (Crime::ConnectNotAllowed, Request(1), Server, |raw| {
        raw.headers(1, &[(":method", "CONNECT"), (":authority", "a:1")], false);
    }),
    (Crime::InvalidStatus, Stream(1), Client, |raw| {
        raw.headers(1, &[(":status", "ok")], true);
    }),
    (Crime::InterimWithEndStream, Stream(1), Client, |raw| {
        raw.headers(1, &[(":status", "100")], true);
    }),
    (Crime::InvalidContentLength, Request(1), Server, |raw| {
        extra(raw, "content-length", "-1")
    }),
    (Crime::ContentLengthMismatch, Request(1), Server, |raw| {
        extra(raw, "content-length", "1")
    }),
    (Crime::ContentLengthMismatch, Stream(1), Server, |raw| {
        with_length(raw, b"123")
    }),
    (Crime::ContentLengthMismatch, Stream(1), Server, |raw| {
        with_length(raw, b"1234567")
    }),
    (Crime::ContentLengthMismatch, Stream(1), Server, |raw| {
        raw.headers(1, &[GET[0], GET[1], GET[2], ("content-length", "4")], false)
            .data(1, b"12", false);
        raw.headers(1, &[("x", "y")], true);
    }),
    (Crime::TooManyResets, Connection, Server, |raw| {
        for stream in (1..6000).step_by(2) {
            raw.request(stream, true).reset(stream);
        }
    }),
    (Crime::TooManyStreamErrors, Connection, Server, |raw| {
        for stream in (1..3000).step_by(2) {
            raw.request(stream, true).window_update(stream, 0);
        }
    }),
    (Crime::TooManySettings, Connection, Server, |raw| {
        for _ in 0..200 {
            raw.settings(&[]);
        }
    }),
    (Crime::TooManyPings, Connection, Client, |raw| {
        for _ in 0..1100 {
            raw.ping();
        }
    }),
    (Crime::TooManyPings, Connection, Server, |raw| {
        raw.ping().ping().ping().ping(); // keepalive, far too often
    }),
    (Crime::TooManyEmptyFrames, Connection, Server, |raw| {
        raw.request(1, false);
        for _ in 0..1100 {
            raw.data(1, b"", false);
        }
    }),
    (Crime::TooManyIdleFrames, Connection, Server, |raw| {
        for _ in 0..11_000 {
            raw.frame(Kind(0x42), 0, 0, b"");
        }
    }),
    (Crime::TooManyUnreadReplies, Connection, Client, |raw| {
        raw.headers(3, &[(":status", "200")], false);
        for _ in 0..2500 {
            raw.data(3, b"0123456789abcdef", false).ping(); // each DATA earns a PING
        }
    }),
    (Crime::TooManyTinyFrames, Connection, Server, |raw| {
        raw.request(1, false);
        for _ in 0..11_000 {
            raw.data(1, b"1", false);
        }
    }),
    (Crime::TooManyLateFrames, Connection, Server, |raw| {
        raw.request(1, false).window_update(1, 0); // its reset earns some
        for _ in 0..70_000 {
            raw.data(1, b"12345", false);
        }
    }),
    (Crime::TooManyGoAways, Connection, Client, |raw| {
        for _ in 0..30 {
            raw.goaway(3);
        }
    }),
];

/// A request with one field more.
fn extra(raw: &mut Raw, name: &str, value: &str) {
    raw.headers(1, &[GET[0], GET[1], GET[2], GET[3], (name, value)], true);
}

/// A request of four octets with a body of others.
fn with_length(raw: &mut Raw, body: &[u8]) {
    raw.headers(1, &[GET[0], GET[1], GET[2], ("content-length", "4")], false)
        .data(1, body, true);
}

/// `heard` is what one hears who is the victim of `crime`.
pub(super) fn check(case: usize, crime: Crime, scope: Scope, heard: &Heard) {
    let name = format!(
        "case {case}, {crime:?}: {:?} {:?}",
        heard.events.last(),
        heard.resets().last()
    );
    let reason = crime.reason();
    match scope {
        Connection => {
            let Some(Event::Closed(error)) = heard.events.last() else {
                panic!("{name}")
            };
            assert_eq!(*error, ConnectionError::Misbehaved(crime), "{name}");
            assert_eq!(
                heard
                    .goaways()
                    .iter()
                    .map(|goaway| goaway.1)
                    .collect::<Vec<_>>(),
                [reason],
                "{name}"
            );
            assert!(
                heard.machine.is_closed() && heard.machine.open_streams() == 0,
                "{name}"
            );
            return;
        }
        Stream(id) => {
            let told = heard.events.iter().any(|event| match event {
                Event::Reset {
                    stream,
                    reason: with,
                    cause,
                } => (stream.id(), *with, cause) == (id, reason, &ResetCause::Misbehaved(crime)),
                _ => false,
            });
            assert!(told, "{name}");
            assert_eq!(heard.resets(), [(id, reason)], "{name}");
        }
        Request(id) => {
            let Some(Event::Rejected {
                id: rejected,
                crime: why,
            }) = heard.events.last()
            else {
                panic!("{name}")
            };
            assert_eq!((*rejected, *why), (id, crime), "{name}");
            assert_eq!(heard.resets(), [(id, reason)], "{name}");
        }
        Gone(id) => {
            let told = heard.events.iter().any(
                |event| matches!(event, Event::Rejected { id: i, crime: c } if (*i, *c) == (id, crime)),
            );
            assert!(told, "{name}");
            assert_eq!(heard.resets(), [(id, reason)], "{name}");
        }
    }
    assert_eq!(heard.goaways(), [], "{name}: the connection lives");
}

#[test]
fn each_crime_is_recognised_and_punished_as_it_should_be() {
    for (case, &(crime, scope, role, write)) in CASES.iter().enumerate() {
        let heard = match role {
            Server => server_hears(write),
            Client => client_hears(write),
        };
        check(case, crime, scope, &heard);
    }
}

#[test]
fn no_crime_is_left_out() {
    let covered: HashSet<_> = CASES.iter().map(|case| case.0).collect();
    let left_out: Vec<_> = Crime::ALL
        .iter()
        .filter(|crime| !covered.contains(crime))
        .collect();
    // These are committed before there is a connection: see the tests of greetings. The others need time, windows or another
    // configuration: see the tests of budgets.
    assert_eq!(
        left_out,
        [
            &Crime::BadPreface,
            &Crime::SpeaksHttp1,
            &Crime::SpeaksTls,
            &Crime::AnswersWithTlsAlert,
            &Crime::SpeaksSsh,
            &Crime::SpeaksSmtp,
            &Crime::SpeaksText,
            &Crime::FirstFrameNotSettings,
            &Crime::HeaderBlockTooSlow,
            &Crime::ResponsesUnread,
            &Crime::HeaderMemoryExceeded,
            &Crime::BacklogExceeded,
            &Crime::TooManyRefusals,
            &Crime::TooManyDribbles,
        ]
    );
}

#[test]
fn nothing_is_looked_at_after_the_end() {
    let heard = server_hears(|raw| {
        raw.window_update(0, 0)
            .request(1, true)
            .ping()
            .window_update(0, 0);
    });
    let closed = heard
        .events
        .iter()
        .filter(|event| matches!(event, Event::Closed(_)))
        .count();
    assert_eq!(
        (closed, heard.events.len(), heard.goaways().len()),
        (1, 2, 1)
    );
    assert!(!heard.frames.iter().any(|frame| frame.0 == Kind::PING));
}

#[test]
fn a_refused_header_list_leaves_the_tables_in_step() {
    let heard = server_hears(|raw| {
        let (long, mut list) = ("x".repeat(3000), GET.to_vec());
        list.extend([
            ("a", &long[..]),
            ("b", &long),
            ("c", &long),
            ("d", &long),
            ("e", &long),
            ("f", &long),
        ]);
        raw.headers(1, &list, true)
            .headers(3, &[&GET[..], &[("a", &long)]].concat(), true)
            .request(5, true);
    });
    let opened = heard.events.iter().filter_map(|event| match event {
        Event::Headers { stream, .. } => Some(stream.id()),
        _ => None,
    });
    assert_eq!(opened.collect::<Vec<_>>(), [3, 5]);
}

#[test]
fn frames_that_mean_nothing_to_us_are_ignored() {
    let heard = server_hears(|raw| {
        raw.frame(Kind(0xfe), 0xff, 77, &[1; 100]);
        raw.frame(Kind::PRIORITY, 0, 99, &[0, 0, 0, 3, 9]); // of an idle stream: allowed
        raw.settings(&[Setting::Unknown(0xfafa, 1)]);
        raw.request(1, true).reset(1).reset(1).window_update(1, 5);
    });
    assert_eq!((heard.goaways(), heard.resets()), (vec![], vec![]));
}
