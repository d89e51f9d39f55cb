//! Generated messages on the wire.

use bytes::Bytes;
use farcall::prost::Message;
use farcall_codegen_tests::{editions_file::editions, shapes, two};

#[test]
fn bytes_fields_share_the_memory_that_they_were_decoded_from() {
    let tree = shapes::Tree {
        payload: Bytes::from(vec![7; 100]),
        ..Default::default()
    };
    let encoded = Bytes::from(tree.encode_to_vec());
    let decoded = shapes::Tree::decode(encoded.clone()).unwrap();
    let offset = decoded.payload.as_ptr() as usize - encoded.as_ptr() as usize;
    assert!(offset < encoded.len());
    assert_eq!(decoded, tree);
}

#[test]
#[allow(deprecated)]
fn recursive_messages_and_maps_come_back() {
    let leaf = shapes::tree::Leaf {
        trees: vec![shapes::Tree::default()],
        cell: None,
    };
    let tree = shapes::Tree {
        left: Some(Box::default()),
        leaf: Some(leaf),
        named: [(1, Bytes::from_static(b"x"))].into(),
        maybe: Some(0),
        numbers: vec![1, 2],
        ..Default::default()
    };
    assert_eq!(shapes::Tree::decode(&*tree.encode_to_vec()).unwrap(), tree);
    // In proto3 numbers are packed, also with an option: field 9, one value of two bytes.
    let numbers = shapes::Tree {
        numbers: vec![1, 2],
        ..Default::default()
    };
    assert_eq!(numbers.encode_to_vec(), [9 << 3 | 2, 2, 1, 2]);
}

#[test]
fn proto2_has_defaults_required_fields_and_groups() {
    let old = two::Old::default();
    assert_eq!(
        (old.count(), old.data(), old.color()),
        (7, &b"a\x01b"[..], two::old::Color::Green)
    );
    let group = two::Old {
        group: Some(two::old::Group {
            inner: Some("x".into()),
        }),
        packed: vec![1],
        loose: vec![1],
        ..Default::default()
    };
    // name (required, though empty), packed 5, loose 6, group 7.
    let expected = [0x0a, 0, 0x2a, 1, 1, 0x30, 1, 0x3b, 0x0a, 1, b'x', 0x3c];
    assert_eq!(group.encode_to_vec(), expected);
}

#[test]
fn features_of_an_edition_decide_about_the_wire() {
    use editions::message::Part;
    let part = || Part {
        number: Some(0),
        text: String::new(),
    };
    let fields = |message: editions::Message| message.encode_to_vec();
    let base = editions::Message::default;
    // Field 3 is required: always there.
    assert_eq!(fields(base()), [0x18, 0]);
    assert_eq!(
        fields(editions::Message {
            implicit: 1,
            ..base()
        }),
        [0x08, 1, 0x18, 0]
    );
    assert_eq!(
        fields(editions::Message {
            explicit: Some(0),
            ..base()
        }),
        [0x10, 0, 0x18, 0]
    );
    assert_eq!(
        fields(editions::Message {
            packed: vec![1, 2],
            ..base()
        }),
        [0x18, 0, 0x22, 2, 1, 2]
    );
    assert_eq!(
        fields(editions::Message {
            expanded: vec![1, 2],
            ..base()
        }),
        [0x18, 0, 0x28, 1, 0x28, 2]
    );
    // Part.number has explicit presence: it is sent though it is 0; Part.text has implicit presence.
    assert_eq!(
        fields(editions::Message {
            part: Some(part()),
            ..base()
        }),
        [0x18, 0, 0x32, 2, 0x08, 0]
    );
    assert_eq!(
        fields(editions::Message {
            delimited: Some(part()),
            ..base()
        }),
        [0x18, 0, 0x3b, 0x08, 0, 0x3c]
    );
    assert_eq!(
        fields(editions::Message {
            many: vec![part()],
            ..base()
        }),
        [0x18, 0, 0x43, 0x08, 0, 0x44]
    );
    assert_eq!(base().with_default(), 5);
}
