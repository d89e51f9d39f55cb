//! Message framing and compression: however the payload is cut, the same messages come out as of the whole;
//! what is encoded is decoded again; decompression keeps its limit.

use crate::{
    input::Input,
    naive::messages::{End, cut},
};
use bytes::Bytes;
use farcall_core::message::{Compressor, Deframer, Gzip, encode_payload};
use std::sync::Arc;

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let gzip: Option<Arc<dyn Compressor>> =
        (input.u8() & 1 == 1).then(|| Arc::new(Gzip::default()) as Arc<dyn Compressor>);
    let max_size = usize::from(input.u16());
    let payload = match input.u8() % 3 {
        0 => input.rest().to_vec(),
        _ => composed(&mut input, gzip.is_some()),
    };
    deframe(&payload, max_size, gzip, Input::new(bytes));
}

/// Proper messages, some of them damaged; a fuzzer does not find checksums by itself.
fn composed(input: &mut Input<'_>, compression: bool) -> Vec<u8> {
    let mut payload = Vec::new();
    while !input.is_empty() && payload.len() < 1 << 17 {
        let repeat = 1 + usize::from(input.u8());
        let message = input.short().repeat(repeat);
        let gzip = Gzip::with_level(u32::from(input.u8() % 3));
        let compressor: Option<&dyn Compressor> = if compression { Some(&gzip) } else { None };
        let wire = encode_payload(&message, compressor, usize::MAX).expect("no limit");
        let mut back = Deframer::new(
            message.len().max(wire.len()),
            compression.then(|| Arc::new(gzip) as _),
        );
        back.push(wire.clone());
        assert_eq!(
            back.next_message()
                .expect("our own message")
                .expect("whole"),
            message
        );
        assert!(back.end().is_ok());
        let start = payload.len();
        payload.extend_from_slice(&wire);
        let damage = input.u8();
        if damage & 0xc0 == 0xc0 {
            let at = start + usize::from(input.u16()) % wire.len();
            payload[at] ^= damage & 0x3f;
        }
    }
    payload
}

fn deframe(
    payload: &[u8],
    max_size: usize,
    gzip: Option<Arc<dyn Compressor>>,
    mut cuts: Input<'_>,
) {
    let expected = cut(payload, max_size, gzip.is_some());
    let mut deframer = Deframer::new(max_size, gzip.clone());
    let (mut rest, mut messages) = (payload, expected.messages.iter());
    loop {
        let mut failed = false;
        loop {
            match deframer.next_message() {
                Ok(Some(message)) => {
                    let (compressed, bytes) =
                        messages.next().expect("more messages than there are");
                    assert!(message.len() <= max_size);
                    assert_eq!(*compressed, deframer.last_was_compressed());
                    assert_eq!(
                        message,
                        plain(*compressed, bytes, max_size, gzip.as_deref())
                            .expect("it was accepted")
                    );
                }
                Ok(None) => break,
                Err(_) => {
                    failed = true;
                    break;
                }
            }
        }
        if failed {
            // It was refused by its prefix, or its compressed form is wrong; and it stays so.
            if let Some((compressed, bytes)) = messages.next() {
                assert!(plain(*compressed, bytes, max_size, gzip.as_deref()).is_none());
            } else {
                assert_eq!(expected.end, End::Refused);
            }
            assert!(deframer.next_message().is_err() && deframer.end().is_err());
            assert_eq!(deframer.missing(), 0);
            return;
        }
        if rest.is_empty() {
            break;
        }
        let len = match cuts.u8() {
            0 => rest.len(),
            len => usize::from(len).min(rest.len()),
        };
        let (piece, tail) = rest.split_at(len);
        deframer.push(Bytes::copy_from_slice(piece));
        rest = tail;
    }
    assert!(messages.next().is_none(), "a message was lost");
    match expected.end {
        End::Whole => assert!(deframer.end().is_ok() && deframer.missing() == 0),
        End::Inside(missing) => assert!(deframer.end().is_err() && deframer.missing() == missing),
        End::Refused => panic!("a message was accepted that must not be"),
    }
}

/// The message behind the bytes, by a decompressor that is asked by itself.
fn plain(
    compressed: bool,
    bytes: &[u8],
    limit: usize,
    gzip: Option<&dyn Compressor>,
) -> Option<Vec<u8>> {
    if !compressed || bytes.is_empty() {
        return Some(bytes.to_vec());
    }
    let mut output = b"before".to_vec();
    gzip?.decompress(bytes, limit, &mut output).ok()?;
    assert!(output.starts_with(b"before") && output.len() <= limit + 6);
    Some(output.split_off(6))
}
