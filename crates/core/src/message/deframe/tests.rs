use super::*;
use crate::{Code, random::XorShift};

fn message(payload: &[u8]) -> Vec<u8> {
    let mut wire = vec![0];
    wire.extend((payload.len() as u32).to_be_bytes());
    wire.extend(payload);
    wire
}

fn deframer(chunks: &[&[u8]]) -> Deframer {
    let mut deframer = Deframer::new(1 << 20, None);
    for chunk in chunks {
        deframer.push(Bytes::copy_from_slice(chunk));
    }
    deframer
}

fn all(deframer: &mut Deframer) -> Vec<Bytes> {
    std::iter::from_fn(|| deframer.next_message().unwrap()).collect()
}

#[test]
fn a_message_in_one_chunk_is_a_slice_of_it() {
    let chunk = Bytes::from([message(b"abc"), message(b"defg")].concat());
    let mut deframer = Deframer::new(100, None);
    deframer.push(chunk.clone());
    for (text, offset) in [("abc", 5), ("defg", 13)] {
        let message = deframer.next_message().unwrap().unwrap();
        assert_eq!(message, text);
        assert_eq!(message.as_ptr(), chunk[offset..].as_ptr());
    }
    assert_eq!(deframer.next_message().unwrap(), None);
    assert!(deframer.end().is_ok());
}

#[test]
fn a_message_whose_prefix_came_in_the_chunk_before_is_not_copied_either() {
    let mut deframer = deframer(&[&[0, 0, 0, 0, 3]]);
    assert_eq!(deframer.next_message().unwrap(), None);
    assert_eq!(deframer.missing(), 3);
    let body = Bytes::copy_from_slice(b"abc\0\0");
    deframer.push(body.clone());
    assert_eq!(
        deframer.next_message().unwrap().unwrap().as_ptr(),
        body.as_ptr()
    );
    assert!(deframer.next_message().unwrap().is_none());
    assert!(deframer.end().is_err());
}

#[test]
fn messages_are_the_same_wherever_they_are_looked_at() {
    let wire = [message(b"first"), message(b""), message(b"third one")].concat();
    for a in 0..=wire.len() {
        for b in a..=wire.len() {
            let mut deframer = deframer(&[&wire[..a], &wire[a..b], &wire[b..]]);
            let found = std::iter::from_fn(|| {
                let in_place = deframer.next_in_place(|buffer, range| buffer.slice(range));
                in_place.or_else(|| deframer.next_message().unwrap())
            });
            assert_eq!(
                found.collect::<Vec<_>>(),
                ["first", "", "third one"],
                "{a} {b}"
            );
            assert!(deframer.end().is_ok());
        }
    }
}

#[test]
fn what_is_not_plain_is_not_looked_at_in_place() {
    for wire in [&b"\x01\0\0\0\x01x"[..], b"\x02\0\0\0\0", b"\0\0\0\0\x65"] {
        let mut deframer = Deframer::new(100, None);
        deframer.push(Bytes::from([wire, &[0; 101]].concat()));
        assert!(deframer.next_in_place(|_, _| ()).is_none(), "{wire:?}");
    }
}

#[test]
fn every_way_to_slice_two_messages_gives_the_same() {
    let wire = [message(b"first"), message(b""), message(b"third one")].concat();
    for a in 0..=wire.len() {
        for b in a..=wire.len() {
            let mut deframer = deframer(&[&wire[..a], &wire[a..b], &wire[b..]]);
            assert_eq!(
                all(&mut deframer),
                ["first", "", "third one"],
                "cuts at {a} and {b}"
            );
            assert!(deframer.end().is_ok());
        }
    }
}

#[test]
fn what_is_missing_is_told_exactly_while_a_message_arrives() {
    let wire = message(&[7; 1000]);
    let mut deframer = deframer(&[]);
    for (index, byte) in wire.iter().enumerate() {
        let expected = if index < 5 { 0 } else { wire.len() - index };
        assert_eq!(deframer.next_message().unwrap(), None);
        assert_eq!(deframer.missing(), expected, "before byte {index}");
        deframer.push(Bytes::copy_from_slice(&[*byte]));
    }
    assert_eq!(deframer.next_message().unwrap().unwrap(), vec![7; 1000]);
    assert_eq!(deframer.missing(), 0);
}

#[test]
fn a_declared_length_allocates_nothing_big() {
    let size = 1usize << 30;
    let mut deframer = Deframer::new(size, None);
    deframer.push(Bytes::copy_from_slice(&[0, 0x40, 0, 0, 0, 1, 2, 3]));
    assert_eq!(deframer.next_message().unwrap(), None);
    assert_eq!(deframer.missing(), size - 3);
    let mut arrived = 3;
    for _ in 0..100 {
        deframer.push(vec![9; 1000].into());
        arrived += 1000;
        assert_eq!(deframer.next_message().unwrap(), None);
        let State::Body { gathered, .. } = &deframer.state else {
            panic!()
        };
        assert!(
            gathered.capacity() <= MAX_FACTOR * arrived + MIN_GATHER,
            "{} for {arrived}",
            gathered.capacity()
        );
    }
}

#[test]
fn a_gathered_message_has_all_its_room_soon_and_no_unused_memory() {
    let mut deframer = deframer(&[&message(&[1; 9000])[..5000]]);
    assert_eq!(deframer.next_message().unwrap(), None);
    let State::Body { gathered, .. } = &deframer.state else {
        panic!()
    };
    assert_eq!(gathered.capacity(), 9000);
    deframer.push(vec![1; 4005].into());
    assert_eq!(deframer.next_message().unwrap().unwrap(), vec![1; 9000]);
}

#[test]
fn the_limit_is_checked_on_the_prefix_and_the_text_names_size_limit_and_option() {
    let mut deframer = Deframer::new(10, None);
    deframer.push(message(&[0; 10]).into());
    assert!(deframer.next_message().unwrap().is_some());
    deframer.push(Bytes::from_static(&[0, 0, 0, 0, 11]));
    let status = deframer.next_message().unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(
        status.message(),
        "message of 11 bytes is larger than max_receive_message_size (10)"
    );
}

#[test]
fn an_error_is_repeated_and_nothing_more_is_kept() {
    let mut deframer = deframer(&[&[2, 0, 0, 0, 0]]);
    let status = deframer.next_message().unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Internal, "message with the undefined flag byte 0x02")
    );
    deframer.push(message(b"good").into());
    assert_eq!(deframer.next_message().unwrap_err(), status);
    assert_eq!(deframer.end().unwrap_err(), status);
    assert!(deframer.queue.is_empty() && deframer.chunk.is_empty());
}

#[test]
fn the_end_inside_a_prefix_or_a_message_is_internal() {
    for (chunk, text) in [
        (
            &[0, 0][..],
            "stream ended inside a message prefix, after 2 of 5 bytes",
        ),
        (
            &[0, 0, 0, 0, 9],
            "stream ended inside a message, after 0 of 9 bytes",
        ),
        (
            &[0, 0, 0, 0, 9, 1, 2],
            "stream ended inside a message, after 2 of 9 bytes",
        ),
    ] {
        let mut deframer = deframer(&[chunk]);
        assert_eq!(deframer.next_message().unwrap(), None);
        let status = deframer.end().unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Internal, text));
    }
}

#[cfg(feature = "gzip")]
mod compressed {
    use super::*;
    use crate::message::Gzip;

    fn gzip(flag: u8, payload: &[u8]) -> Bytes {
        let mut wire = vec![flag, 0, 0, 0, 0];
        Gzip::default().compress(payload, &mut wire).unwrap();
        let size = wire.len() as u32 - 5;
        wire[1..5].copy_from_slice(&size.to_be_bytes());
        wire.into()
    }

    fn deframer(max_size: usize) -> Deframer {
        Deframer::new(max_size, Some(Arc::new(Gzip::default())))
    }

    #[test]
    fn a_message_is_inflated_only_if_its_flag_says_so() {
        let mut deframer = deframer(1000);
        deframer.push(gzip(1, b"text"));
        deframer.push(gzip(0, b"text"));
        assert_eq!(deframer.next_message().unwrap().unwrap(), "text");
        assert!(deframer.last_was_compressed());
        assert_eq!(
            deframer.next_message().unwrap().unwrap(),
            gzip(0, b"text")[5..]
        );
        assert!(!deframer.last_was_compressed());
    }

    #[test]
    fn inflation_is_bounded_by_the_same_limit() {
        let mut good = deframer(5000);
        good.push(gzip(1, &[0; 5000]));
        assert_eq!(good.next_message().unwrap().unwrap().len(), 5000);
        let mut bad = deframer(4999);
        bad.push(gzip(1, &[0; 5000]));
        let status = bad.next_message().unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(
            status
                .message()
                .contains("max_receive_message_size (4999) when decompressed"),
            "{status}"
        );
    }

    #[test]
    fn a_malformed_compressed_message_is_internal() {
        let mut deframer = deframer(1000);
        deframer.push(Bytes::from_static(&[1, 0, 0, 0, 2, 9, 9]));
        let status = deframer.next_message().unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (
                Code::Internal,
                "gzip message: malformed compressed data: gzip header"
            )
        );
    }

    #[test]
    fn an_empty_message_may_carry_the_flag() {
        let mut deframer = deframer(1000);
        deframer.push(Bytes::from_static(&[1, 0, 0, 0, 0]));
        assert_eq!(deframer.next_message().unwrap().unwrap(), "");
    }
}

#[test]
fn random_slices_of_random_messages_come_back_whole() {
    for seed in 0..2_000 {
        let mut random = XorShift::new(seed);
        let messages: Vec<_> = (0..random.below(6))
            .map(|_| random.bytes(if seed % 10 == 0 { 9000 } else { 40 }))
            .collect();
        let wire: Vec<u8> = messages
            .iter()
            .flat_map(|payload| message(payload))
            .collect();
        let mut deframer = Deframer::new(1 << 20, None);
        let (mut got, mut rest) = (Vec::new(), &wire[..]);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(1 + random.below(rest.len()));
            deframer.push(Bytes::copy_from_slice(piece));
            rest = after;
            if random.below(2) == 0 {
                got.extend(all(&mut deframer));
            }
        }
        got.extend(all(&mut deframer));
        assert_eq!(got, messages, "seed {seed}");
        assert!(deframer.end().is_ok());
    }
}

#[test]
fn random_bytes_never_panic() {
    for seed in 0..20_000 {
        let mut random = XorShift::new(seed);
        let mut deframer = Deframer::new(200, None);
        for _ in 0..random.below(5) {
            let chunk = random.bytes_of(&[0, 0, 0, 0, 0, 1, 2, 3, 5, 200], 12);
            deframer.push(chunk.into());
            while let Ok(Some(_)) = deframer.next_message() {}
        }
        let _ = (deframer.end(), deframer.missing(), format!("{deframer:?}"));
    }
}
