//! What the encoder puts on the wire.

use crate::headers::{Field, Fields, KnownName, Name, Part};
use crate::hpack::{DecodeLimits, Decoder, Encoder};
use bytes::Bytes;
use std::sync::Arc;

fn encode(encoder: &mut Encoder, fields: &[Field]) -> Vec<u8> {
    let mut block = Vec::new();
    encoder.encode(&[Part::Fields(fields)], &mut block);
    block
}

fn encode_shared(encoder: &mut Encoder, list: &Arc<Fields>) -> Vec<u8> {
    let mut block = Vec::new();
    encoder.encode(&[Part::Shared(list)], &mut block);
    block
}

fn known(name: KnownName, value: &'static str) -> Field {
    Field::new(name, value)
}

fn other(name: &'static str, value: &'static str) -> Field {
    Field::new(Name::from_static(name), value)
}

#[test]
fn static_fields_take_one_octet_and_touch_nothing() {
    let mut encoder = Encoder::new(4096);
    let fields = [
        known(KnownName::Method, "POST"),
        known(KnownName::Method, "GET"),
        known(KnownName::Scheme, "https"),
        known(KnownName::Path, "/"),
        known(KnownName::Status, "404"),
        known(KnownName::AcceptEncoding, "gzip, deflate"),
        other("via", ""),
    ];
    assert_eq!(
        encode(&mut encoder, &fields),
        [0x83, 0x82, 0x87, 0x84, 0x8d, 0x90, 0xbc]
    );
    assert_eq!(encoder.generation(), 0);
}

#[test]
fn well_known_fields_enter_the_table_at_once() {
    for field in [
        known(KnownName::Path, "/echo.Echo/Say"),
        known(KnownName::Authority, "example.com"),
        known(KnownName::ContentType, "application/grpc"),
        known(KnownName::Te, "trailers"),
        known(KnownName::UserAgent, "farcall"),
        known(KnownName::GrpcEncoding, "gzip"),
        known(KnownName::GrpcAcceptEncoding, "gzip"),
        known(KnownName::GrpcStatus, "14"),
    ] {
        let mut encoder = Encoder::new(4096);
        assert_eq!(
            encode(&mut encoder, std::slice::from_ref(&field))[0] & 0xc0,
            0x40,
            "{field:?}"
        );
        assert_eq!(encode(&mut encoder, &[field]), [0xbe]);
    }
}

#[test]
fn fields_whose_values_do_not_repeat_never_enter() {
    let mut encoder = Encoder::new(4096);
    for field in [
        known(KnownName::GrpcTimeout, "100m"),
        known(KnownName::ContentLength, "5"),
        known(KnownName::GrpcMessage, "oh no"),
        known(KnownName::GrpcStatusDetailsBin, "CAE"),
        known(KnownName::GrpcStatus, "12345"),
    ] {
        let first = encode(&mut encoder, std::slice::from_ref(&field));
        assert_eq!(first[0] & 0xf0, 0x00, "{field:?}");
        for _ in 0..3 {
            assert_eq!(encode(&mut encoder, std::slice::from_ref(&field)), first);
        }
    }
    assert_eq!(encoder.generation(), 0);
}

#[test]
fn user_metadata_enters_when_it_is_sent_again() {
    let mut encoder = Encoder::new(4096);
    let tenant = [other("x-tenant", "blue")];
    assert_eq!(encode(&mut encoder, &tenant)[0], 0x00);
    assert_eq!(encode(&mut encoder, &tenant)[0], 0x40);
    assert_eq!(encode(&mut encoder, &tenant), [0xbe]);
    // Another value of the same name refers to the name.
    assert_eq!(
        encode(&mut encoder, &[other("x-tenant", "##")]),
        [0x0f, 0x2f, 0x02, b'#', b'#']
    );
}

#[test]
fn one_off_values_do_not_push_out_what_is_useful() {
    let mut encoder = Encoder::new(4096);
    let path = [known(KnownName::Path, "/echo.Echo/Say")];
    encode(&mut encoder, &path);
    for id in 0..10_000 {
        let field = Field::new(
            Name::from_static("x-request-id"),
            Bytes::from(format!("{id:020}")),
        );
        encode(&mut encoder, &[field]);
    }
    assert_eq!(encode(&mut encoder, &path), [0xbe]);
    assert_eq!(encoder.generation(), 1);
}

#[test]
fn sensitive_fields_are_never_indexed_nor_remembered() {
    let mut encoder = Encoder::new(4096);
    let secrets = Arc::new(vec![
        known(KnownName::Authorization, "Bearer x"),
        other("x-key", "secret").sensitive(),
        known(KnownName::Path, "/secret").sensitive(),
    ]);
    for _ in 0..5 {
        let block = encode_shared(&mut encoder, &secrets);
        assert_eq!(block[..2], [0x1f, 0x08]); // the name by its static index, 23
        let mut sensitive = Vec::new();
        Decoder::new(4096)
            .decode(&block, DecodeLimits::default(), |_, _, never_indexed| {
                sensitive.push(never_indexed)
            })
            .unwrap();
        assert_eq!(sensitive, [true; 3]);
        assert_eq!(Arc::strong_count(&secrets), 1);
    }
    assert_eq!(encoder.generation(), 0);
}

#[test]
fn entries_of_more_than_half_of_the_table_are_not_indexed() {
    let mut encoder = Encoder::new(4096);
    let field = |len| [Field::new(KnownName::Path, vec![b'#'; len])]; // name and 32: 37
    assert_eq!(encode(&mut encoder, &field(2048 - 37))[0], 0x44);
    assert_eq!(encode(&mut encoder, &field(2049 - 37))[0], 0x04);
}

#[test]
fn huffman_is_used_when_it_is_shorter() {
    let mut encoder = Encoder::new(0);
    encode(&mut encoder, &[]); // the size update
    let path = |value| [known(KnownName::Path, value)];
    assert_eq!(
        encode(&mut encoder, &path("aaaa")),
        [0x04, 0x83, 0x18, 0xc6, 0x3f]
    );
    assert_eq!(encode(&mut encoder, &path("##")), [0x04, 0x02, b'#', b'#']);
    assert_eq!(encode(&mut encoder, &path("")), [0x04, 0x00]);
}

#[test]
fn size_updates_say_the_smallest_and_the_last_size() {
    let mut encoder = Encoder::new(8192);
    assert!(encode(&mut encoder, &[]).is_empty());
    encoder.set_peer_max_table_size(4096); // what it is anyway
    assert!(encode(&mut encoder, &[]).is_empty());
    encoder.set_peer_max_table_size(100);
    encoder.set_peer_max_table_size(0);
    encoder.set_peer_max_table_size(200);
    assert_eq!(encode(&mut encoder, &[]), [0x20, 0x3f, 0xa9, 0x01]);
    assert!(encode(&mut encoder, &[]).is_empty());
    encoder.set_peer_max_table_size(1 << 30);
    assert_eq!(encode(&mut encoder, &[]), [0x3f, 0xe1, 0x3f]); // 8,192: our own cap
    // A reduction to what we use already is said too: the peer may insist (RFC 9113 §4.3.1).
    encoder.set_peer_max_table_size(8192);
    assert_eq!(encode(&mut encoder, &[]), [0x3f, 0xe1, 0x3f]);
    // A cap below the initial size is announced by the first block.
    assert_eq!(encode(&mut Encoder::new(30), &[]), [0x3e]);
    assert_eq!(
        encode(&mut Encoder::new(0), &[known(KnownName::Te, "trailers")])[..2],
        [0x20, 0x00]
    );
}

#[test]
fn a_shrunk_table_forgets_and_a_piece_is_encoded_anew() {
    let mut encoder = Encoder::new(4096);
    let list = Arc::new(vec![
        known(KnownName::Path, "/echo.Echo/Say"),
        known(KnownName::Te, "trailers"),
    ]);
    for _ in 0..5 {
        encode_shared(&mut encoder, &list);
    }
    assert_eq!(encode_shared(&mut encoder, &list), [0xbf, 0xbe]);
    // An insertion moves the indices.
    encode(&mut encoder, &[known(KnownName::UserAgent, "farcall")]);
    for _ in 0..5 {
        assert_eq!(encode_shared(&mut encoder, &list), [0xc0, 0xbf]);
    }
    encoder.set_peer_max_table_size(0);
    let block = encode_shared(&mut encoder, &list);
    assert_eq!(block[..2], [0x20, 0x04]);
    for _ in 0..5 {
        assert_eq!(encode_shared(&mut encoder, &list), block[1..]);
    }
}

#[test]
fn pieces_are_held_only_up_to_a_bound() {
    let mut encoder = Encoder::new(4096);
    let lists: Vec<Arc<Fields>> = (0..500)
        .map(|i| {
            Arc::new(vec![Field::new(
                KnownName::GrpcMessage,
                Bytes::from(i.to_string()),
            )])
        })
        .collect();
    for list in &lists {
        let first = encode_shared(&mut encoder, list);
        for _ in 0..3 {
            assert_eq!(encode_shared(&mut encoder, list), first);
        }
    }
    let held = lists
        .iter()
        .filter(|list| Arc::strong_count(list) > 1)
        .count();
    assert!((1..=32).contains(&held), "{held}");
}
