//! Every frame that is written can be read; every wrong one is refused for the right reason.

use super::*;
use crate::error::{PeerMisbehaved as Crime, Reason};

fn encoded(write: impl FnOnce(&mut Vec<u8>)) -> (Head, Vec<u8>) {
    let mut wire = Vec::new();
    write(&mut wire);
    let head = Head::parse(wire.first_chunk().unwrap());
    assert_eq!(head.to_bytes(), wire[..HEAD_LEN]);
    assert_eq!(head.len as usize, wire.len() - HEAD_LEN);
    (head, wire.split_off(HEAD_LEN))
}

fn head(kind: Kind, flags: u8, stream: u32, len: u32) -> Head {
    Head {
        len,
        kind,
        flags,
        stream,
    }
}

#[test]
fn the_reserved_bit_of_the_stream_is_ignored() {
    let head = Head::parse(&[0x01, 0x02, 0x03, 9, 4, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(
        head,
        Head {
            len: 0x010203,
            kind: Kind::CONTINUATION,
            flags: 4,
            stream: MAX_STREAM_ID
        }
    );
}

#[test]
fn control_frames_come_back_as_they_were() {
    let ping = Ping {
        ack: true,
        payload: 0x0102_0304_0506_0708,
    };
    let (head, payload) = encoded(|out| ping.encode(out));
    assert_eq!(Ping::parse(&head, &payload), Ok(ping));

    let reset = RstStream {
        stream: 7,
        reason: Reason(0xdead_beef),
    };
    let (head, payload) = encoded(|out| reset.encode(out));
    assert_eq!(RstStream::parse(&head, &payload), Ok(reset));

    let update = WindowUpdate {
        stream: 0,
        increment: MAX_WINDOW,
    };
    let (head, payload) = encoded(|out| update.encode(out));
    assert_eq!(WindowUpdate::parse(&head, &payload), Ok(update));

    let goaway = GoAway {
        last_stream: MAX_STREAM_ID,
        reason: Reason::NO_ERROR,
        debug: b"bye",
    };
    let (head, payload) = encoded(|out| goaway.encode(out));
    assert_eq!(GoAway::parse(&head, &payload), Ok(goaway));

    let priority = Priority {
        stream: 3,
        dependency: 5,
        exclusive: true,
        weight: 255,
    };
    let (head, payload) = encoded(|out| priority.encode(out));
    assert_eq!(Priority::parse(&head, &payload), Ok(priority));
}

#[test]
fn settings_come_back_in_order_with_unknown_ones() {
    let list = [
        Setting::HeaderTableSize(0),
        Setting::EnablePush(false),
        Setting::MaxConcurrentStreams(u32::MAX),
        Setting::InitialWindowSize(MAX_WINDOW),
        Setting::MaxFrameSize(MIN_MAX_FRAME_SIZE),
        Setting::MaxFrameSize(MAX_MAX_FRAME_SIZE),
        Setting::MaxHeaderListSize(1),
        Setting::Unknown(0x99, 7),
    ];
    let (head, payload) = encoded(|out| Settings::encode(&list, out));
    assert_eq!(
        Settings::parse(&head, &payload)
            .unwrap()
            .iter()
            .collect::<Vec<_>>(),
        list
    );
    let (head, payload) = encoded(Settings::encode_ack);
    assert_eq!(Settings::parse(&head, &payload), Ok(Settings::Ack));
}

#[test]
fn settings_out_of_range_are_refused() {
    for (setting, crime) in [
        (Setting::Unknown(2, 2), Crime::InvalidEnablePush),
        (Setting::Unknown(4, 1 << 31), Crime::InvalidInitialWindow),
        (Setting::Unknown(5, 16_383), Crime::InvalidMaxFrameSize),
        (Setting::Unknown(5, 1 << 24), Crime::InvalidMaxFrameSize),
    ] {
        let (head, payload) = encoded(|out| Settings::encode(&[setting], out));
        assert_eq!(Settings::parse(&head, &payload), Err(crime));
    }
}

#[test]
fn a_header_block_is_cut_into_continuations_of_the_peers_size() {
    let block: Vec<u8> = (0..=255).collect();
    for size in [1, 100, 255, 256, 257] {
        let mut wire = b"before".to_vec();
        Headers::encode(5, true, size, &mut wire, |out| {
            out.extend_from_slice(&block)
        });
        let (mut rest, mut joined, mut frames) = (&wire[6..], Vec::new(), 0);
        while let Some(bytes) = rest.first_chunk::<HEAD_LEN>() {
            let head = Head::parse(bytes);
            let (payload, tail) = rest[HEAD_LEN..].split_at(head.len as usize);
            let last = tail.is_empty();
            if frames == 0 {
                let frame = Headers::parse(&head, payload).unwrap();
                assert_eq!(
                    (frame.end_stream, frame.end_headers, frame.stream),
                    (true, last, 5)
                );
                joined.extend_from_slice(frame.fragment);
            } else {
                let frame = Continuation::parse(&head, payload).unwrap();
                assert_eq!(
                    (head.kind, frame.end_headers, frame.stream),
                    (Kind::CONTINUATION, last, 5)
                );
                joined.extend_from_slice(frame.fragment);
            }
            assert!(head.len <= size);
            (rest, frames) = (tail, frames + 1);
        }
        assert_eq!(
            (joined == block, frames),
            (true, 256_usize.div_ceil(size as usize)),
            "size {size}"
        );
    }
}

#[test]
fn padding_and_priority_of_headers_are_cut_off() {
    let payload = [2, 0x80, 0, 0, 9, 15, b'a', b'b', 0, 0];
    let flags = flags::PADDED | flags::PRIORITY | flags::END_HEADERS;
    let frame = Headers::parse(&head(Kind::HEADERS, flags, 3, 10), &payload).unwrap();
    assert_eq!(frame.fragment, b"ab");
    assert_eq!(
        frame.priority,
        Some(Priority {
            stream: 3,
            dependency: 9,
            exclusive: true,
            weight: 15
        })
    );
}

#[test]
fn padding_of_data_counts_and_must_fit() {
    let padded = |len, octet| {
        Data::parse(
            &head(Kind::DATA, flags::PADDED | flags::END_STREAM, 3, len),
            octet,
        )
    };
    let data = padded(10, 4).unwrap();
    assert_eq!(
        (data.prefix, data.len, data.padding, data.end_stream),
        (1, 5, 4, true)
    );
    assert_eq!(padded(10, 9).unwrap().len, 0);
    assert_eq!(padded(10, 10), Err(Crime::PaddingTooLong));
    assert_eq!(padded(0, 0), Err(Crime::WrongFrameSize));
}

#[test]
fn wrong_lengths_and_streams_are_refused() {
    use Crime::{ConnectionFrameOnStream, FrameOnStreamZero, PaddingTooLong, WrongFrameSize};
    let zeros = [0; 16];
    let check = |kind, flags, stream, len: usize| {
        let (head, payload) = (head(kind, flags, stream, len as u32), &zeros[..len]);
        match kind {
            Kind::DATA => Data::parse(&head, 0).err(),
            Kind::HEADERS => Headers::parse(&head, payload).err(),
            Kind::PRIORITY => Priority::parse(&head, payload).err(),
            Kind::RST_STREAM => RstStream::parse(&head, payload).err(),
            Kind::SETTINGS => Settings::parse(&head, payload).err(),
            Kind::PING => Ping::parse(&head, payload).err(),
            Kind::GOAWAY => GoAway::parse(&head, payload).err(),
            Kind::WINDOW_UPDATE => WindowUpdate::parse(&head, payload).err(),
            _ => Continuation::parse(&head, payload).err(),
        }
    };
    for kind in [Kind::DATA, Kind::HEADERS, Kind::CONTINUATION] {
        assert_eq!(check(kind, 0, 0, 0), Some(FrameOnStreamZero), "{kind:?}");
        assert_eq!(check(kind, 0, 1, 0), None, "{kind:?}");
    }
    for (kind, len) in [(Kind::PRIORITY, 5), (Kind::RST_STREAM, 4)] {
        assert_eq!(check(kind, 0, 0, len), Some(FrameOnStreamZero), "{kind:?}");
        assert_eq!(check(kind, 0, 1, len), None, "{kind:?}");
        assert_eq!(check(kind, 0, 1, len - 1), Some(WrongFrameSize), "{kind:?}");
        assert_eq!(check(kind, 0, 1, len + 1), Some(WrongFrameSize), "{kind:?}");
    }
    for (kind, len) in [(Kind::SETTINGS, 0), (Kind::PING, 8), (Kind::GOAWAY, 8)] {
        assert_eq!(
            check(kind, 0, 1, len),
            Some(ConnectionFrameOnStream),
            "{kind:?}"
        );
        assert_eq!(check(kind, 0, 0, len), None, "{kind:?}");
    }
    for (kind, flags, len) in [
        (Kind::PING, 0, 7),
        (Kind::PING, 0, 9),
        (Kind::GOAWAY, 0, 7),
        (Kind::WINDOW_UPDATE, 0, 3),
        (Kind::SETTINGS, 0, 5),
        (Kind::SETTINGS, flags::ACK, 6),
    ] {
        assert_eq!(check(kind, flags, 0, len), Some(WrongFrameSize), "{kind:?}");
    }
    assert_eq!(
        check(Kind::HEADERS, flags::PRIORITY, 1, 4),
        Some(WrongFrameSize)
    );
    assert_eq!(
        check(Kind::HEADERS, flags::PADDED, 1, 0),
        Some(WrongFrameSize)
    );
    let too_much = Headers::parse(&head(Kind::HEADERS, flags::PADDED, 1, 2), &[2, 0]);
    assert_eq!(too_much.err(), Some(PaddingTooLong));
}
