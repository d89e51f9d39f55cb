//! The frame parsers: what they accept means the same when it is written and read again, and they agree with the rules of
//! RFC 9113 §6 about what they refuse.

use farcall_http2::frame::{
    Continuation, Data, GoAway, HEAD_LEN, Head, Headers, Kind, MAX_WINDOW, Ping, Priority,
    RstStream, Settings, WindowUpdate, flags,
};

pub(super) fn run(mut bytes: &[u8]) {
    while let Some((head, rest)) = bytes.split_first_chunk::<HEAD_LEN>() {
        let mut head = Head::parse(head);
        let mut again = Vec::new();
        head.encode(&mut again);
        assert_eq!(Head::parse(&head.to_bytes()), head);
        assert_eq!(again, head.to_bytes());
        // A frame is cut off by the end of the input: the parsers are only ever given whole ones.
        head.len = head.len.min(rest.len() as u32);
        let (payload, rest) = rest.split_at(head.len as usize);
        frame(&head, payload);
        bytes = rest;
    }
}

fn frame(head: &Head, payload: &[u8]) {
    match head.kind {
        Kind::DATA => data(head, payload),
        Kind::HEADERS => headers(head, payload),
        Kind::PRIORITY => {
            let parsed = Priority::parse(head, payload);
            assert_eq!(parsed.is_ok(), head.stream != 0 && payload.len() == 5);
            if let Ok(priority) = parsed {
                written(head, payload, |out| priority.encode(out));
            }
        }
        Kind::RST_STREAM => {
            let parsed = RstStream::parse(head, payload);
            assert_eq!(parsed.is_ok(), head.stream != 0 && payload.len() == 4);
            if let Ok(reset) = parsed {
                written(head, payload, |out| reset.encode(out));
            }
        }
        Kind::SETTINGS => settings(head, payload),
        Kind::PING => {
            let parsed = Ping::parse(head, payload);
            assert_eq!(parsed.is_ok(), head.stream == 0 && payload.len() == 8);
            if let Ok(ping) = parsed {
                assert_eq!(ping.ack, head.has(flags::ACK));
                written(head, payload, |out| ping.encode(out));
            }
        }
        Kind::GOAWAY => {
            let parsed = GoAway::parse(head, payload);
            assert_eq!(parsed.is_ok(), head.stream == 0 && payload.len() >= 8);
            if let Ok(goaway) = parsed {
                let mut payload = payload.to_vec();
                payload[0] &= 0x7f; // a reserved bit
                written(head, &payload, |out| goaway.encode(out));
            }
        }
        Kind::WINDOW_UPDATE => {
            let parsed = WindowUpdate::parse(head, payload);
            assert_eq!(parsed.is_ok(), payload.len() == 4);
            if let Ok(update) = parsed {
                assert!(update.increment <= MAX_WINDOW);
                let mut payload = payload.to_vec();
                payload[0] &= 0x7f;
                written(head, &payload, |out| update.encode(out));
            }
        }
        Kind::CONTINUATION => {
            let parsed = Continuation::parse(head, payload);
            assert_eq!(parsed.is_ok(), head.stream != 0);
            assert!(parsed.is_err() || parsed.is_ok_and(|more| more.fragment == payload));
        }
        _ => {}
    }
}

/// What `write` writes is the frame as it came, but for flags that the type does not know.
fn written(head: &Head, payload: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
    let mut out = Vec::new();
    write(&mut out);
    let (again, rest) = out.split_first_chunk::<HEAD_LEN>().expect("a head");
    let again = Head::parse(again);
    assert_eq!(
        (again.kind, again.stream, again.len),
        (head.kind, head.stream, head.len)
    );
    assert_eq!(rest, payload);
}

fn data(head: &Head, payload: &[u8]) {
    let padded = head.has(flags::PADDED);
    let pad = payload.first().copied().filter(|_| padded);
    let room = payload.len().checked_sub(usize::from(padded));
    let fits = room.is_some_and(|room| usize::from(pad.unwrap_or(0)) <= room);
    let parsed = Data::parse(head, pad.unwrap_or(0));
    assert_eq!(parsed.is_ok(), head.stream != 0 && fits);
    if let Ok(data) = parsed {
        assert_eq!(data.prefix + data.len + data.padding, head.len);
        assert_eq!(data.end_stream, head.has(flags::END_STREAM));
    }
}

fn headers(head: &Head, payload: &[u8]) {
    let (padded, priority) = (head.has(flags::PADDED), head.has(flags::PRIORITY));
    let pad = payload.first().copied().filter(|_| padded).unwrap_or(0);
    let around = usize::from(padded) + usize::from(pad) + if priority { 5 } else { 0 };
    let has_pad_length = !padded || !payload.is_empty();
    let parsed = Headers::parse(head, payload);
    assert_eq!(
        parsed.is_ok(),
        head.stream != 0 && has_pad_length && around <= payload.len()
    );
    let Ok(headers) = parsed else { return };
    assert_eq!(headers.fragment.len(), payload.len() - around);
    assert_eq!(headers.priority.is_some(), priority);
    // Written in small frames it is the same block.
    let mut out = Vec::new();
    Headers::encode(headers.stream, headers.end_stream, 7, &mut out, |out| {
        out.extend_from_slice(headers.fragment);
    });
    let (mut block, mut rest, mut ended) = (Vec::new(), &out[..], false);
    while let Some((head, tail)) = rest.split_first_chunk::<HEAD_LEN>() {
        let head = Head::parse(head);
        assert!(head.len <= 7 && head.stream == headers.stream && !ended);
        assert_eq!(
            head.kind == Kind::HEADERS,
            block.is_empty() && rest.len() == out.len()
        );
        let (piece, tail) = tail.split_at(head.len as usize);
        block.extend_from_slice(piece);
        (rest, ended) = (tail, head.has(flags::END_HEADERS));
    }
    assert!(ended && block == headers.fragment);
}

fn settings(head: &Head, payload: &[u8]) {
    let in_range = |entry: &[u8]| {
        let value = u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]);
        match u16::from_be_bytes([entry[0], entry[1]]) {
            2 => value <= 1,
            4 => value < 1 << 31,
            5 => (1 << 14..1 << 24).contains(&value),
            _ => true,
        }
    };
    let well_formed = if head.has(flags::ACK) {
        payload.is_empty()
    } else {
        payload.len().is_multiple_of(6) && payload.chunks(6).all(in_range)
    };
    let parsed = Settings::parse(head, payload);
    assert_eq!(parsed.is_ok(), head.stream == 0 && well_formed);
    match parsed {
        Ok(Settings::Ack) => written(head, payload, Settings::encode_ack),
        Ok(settings) => {
            let list: Vec<_> = settings.iter().collect();
            assert_eq!(list.len(), payload.len() / 6);
            written(head, payload, |out| Settings::encode(&list, out));
        }
        Err(_) => {}
    }
}
