//! `google.rpc.Status` on the wire, by hand: three fields, needed whether or not prost is built in.

use super::Any;
use bytes::Bytes;

/// The message as it is read.
pub(super) struct RpcStatus {
    pub(super) code: i32,
    pub(super) message: String,
    pub(super) details: Vec<Any>,
}

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED32: u8 = 5;

pub(super) fn encode(code: i32, message: &str, details: &[Any]) -> Vec<u8> {
    let mut out = Vec::new();
    if code != 0 {
        put_tag(&mut out, 1, VARINT);
        put_varint(&mut out, code as i64 as u64);
    }
    put_bytes(&mut out, 2, message.as_bytes());
    for detail in details {
        let mut any = Vec::with_capacity(detail.type_url.len() + detail.value.len() + 12);
        put_bytes(&mut any, 1, detail.type_url.as_bytes());
        put_bytes(&mut any, 2, &detail.value);
        put_tag(&mut out, 3, LENGTH);
        put_varint(&mut out, any.len() as u64);
        out.extend_from_slice(&any);
    }
    out
}

/// `None` if the bytes are no such message. Values of details share memory with `wire`.
pub(super) fn decode(wire: &Bytes) -> Option<RpcStatus> {
    let mut status = RpcStatus {
        code: 0,
        message: String::new(),
        details: Vec::new(),
    };
    let mut rest = &wire[..];
    while !rest.is_empty() {
        match take_field(&mut rest)? {
            (1, Value::Varint(code)) => status.code = code as i32,
            (2, Value::Bytes(text)) => status.message = String::from_utf8(text.to_vec()).ok()?,
            (3, Value::Bytes(any)) => status.details.push(decode_any(wire, any)?),
            (1..=3, _) => return None,
            _ => {}
        }
    }
    Some(status)
}

fn decode_any(wire: &Bytes, mut rest: &[u8]) -> Option<Any> {
    let mut any = Any::new("", Bytes::new());
    while !rest.is_empty() {
        match take_field(&mut rest)? {
            (1, Value::Bytes(url)) => any.type_url = String::from_utf8(url.to_vec()).ok()?,
            (2, Value::Bytes(value)) => any.value = wire.slice_ref(value),
            (1 | 2, _) => return None,
            _ => {}
        }
    }
    Some(any)
}

enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let tag = take_varint(rest)?;
    let value = match (tag & 7) as u8 {
        VARINT => Value::Varint(take_varint(rest)?),
        LENGTH => {
            let length = usize::try_from(take_varint(rest)?).ok()?;
            Value::Bytes(take(rest, length)?)
        }
        FIXED64 => take(rest, 8).map(|_| Value::Fixed)?,
        FIXED32 => take(rest, 4).map(|_| Value::Fixed)?,
        _ => return None,
    };
    (tag >> 3 != 0).then_some((tag >> 3, value))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for index in 0..10 {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn put_tag(out: &mut Vec<u8>, field: u8, wire_type: u8) {
    out.push(field << 3 | wire_type);
}

/// Empty values are left out, as proto3 does.
fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_tag(out, field, LENGTH);
        put_varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_details() -> Vec<Any> {
        vec![
            Any::new("type.googleapis.com/a.B", Bytes::from(vec![1, 2, 3])),
            Any::new("type.googleapis.com/a.C", Bytes::new()),
            Any::new("", Bytes::from(vec![7; 300])),
        ]
    }

    #[test]
    fn what_is_written_reads_back() {
        for code in [0, 5, -1, i32::MAX] {
            let wire = encode(code, "text", &some_details()).into();
            let read = decode(&wire).unwrap();
            assert_eq!(
                (read.code, &*read.message, read.details),
                (code, "text", some_details())
            );
        }
    }

    #[cfg(feature = "prost")]
    #[test]
    fn prost_writes_and_reads_the_same_bytes() {
        use prost::Message;
        let ours = encode(5, "text", &some_details());
        let theirs = crate::status::rpc::Status::decode(&ours[..]).unwrap();
        assert_eq!(
            (theirs.code, &*theirs.message, theirs.details.len()),
            (5, "text", 3)
        );
        assert_eq!(theirs.encode_to_vec(), ours);
    }

    #[test]
    fn unknown_fields_are_skipped_and_broken_ones_refused() {
        let mut wire = encode(5, "text", &[]);
        wire.extend_from_slice(b"\x20\x05\x2a\x01x\x31\0\0\0\0\0\0\0\0\x3d\0\0\0\0");
        assert_eq!(decode(&wire.clone().into()).unwrap().code, 5);
        for broken in [
            &b"\x08"[..],
            b"\x12\x05ab",
            b"\x12\x01\xff",
            b"\x0a\x01a",
            b"\x0b",
            b"\x00\x00",
            b"\x1a\x02\x0a\x05",
        ] {
            assert!(
                decode(&Bytes::copy_from_slice(broken)).is_none(),
                "{broken:?}"
            );
        }
    }

    #[test]
    fn random_input_never_panics() {
        let mut random = crate::random::XorShift::new(3);
        for _ in 0..50_000 {
            let mut wire = encode(5, "text", &some_details()[..2]);
            for _ in 0..random.below(4) {
                let at = random.below(wire.len());
                wire[at] = random.next_u64() as u8;
            }
            wire.truncate(random.below(wire.len() + 1));
            decode(&wire.into());
        }
    }
}
