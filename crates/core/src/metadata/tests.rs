use super::*;
use crate::random::XorShift;
use farcall_http2::{KnownName, Name};

fn field(key: &str, value: &[u8]) -> Field {
    Field::new(
        Name::from_bytes(Bytes::copy_from_slice(key.as_bytes())),
        Bytes::copy_from_slice(value),
    )
}

fn received(pairs: &[(&str, &str)]) -> Result<Metadata, InvalidMetadata> {
    let fields: Vec<_> = pairs
        .iter()
        .map(|(key, value)| field(key, value.as_bytes()))
        .collect();
    Metadata::from_fields(&fields)
}

fn sent(metadata: &Metadata) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    metadata
        .to_fields()
        .iter()
        .map(|field| (text(field.name.as_bytes()), text(&field.value)))
        .collect()
}

fn pairs(metadata: &Metadata) -> Vec<(&str, &[u8])> {
    metadata
        .iter()
        .map(|(key, value)| (key, value.as_bytes()))
        .collect()
}

#[test]
fn order_is_kept_and_insert_replaces_while_append_adds() {
    let mut metadata = Metadata::new();
    metadata.append("a", "1");
    metadata.append("b", "2");
    metadata.append("a", "3");
    assert_eq!(
        pairs(&metadata),
        [("a", &b"1"[..]), ("b", b"2"), ("a", b"3")]
    );
    metadata.insert("a", "4");
    assert_eq!(pairs(&metadata), [("b", &b"2"[..]), ("a", b"4")]);
    assert!(metadata.remove("b") && !metadata.remove("b"));
    assert_eq!(metadata.len(), 1);
}

#[test]
fn keys_are_lower_cased_and_found_in_any_case() {
    let mut metadata = Metadata::new();
    metadata.insert("X-Tenant", "a");
    assert_eq!(sent(&metadata), [("x-tenant".into(), "a".into())]);
    assert_eq!(metadata.get("x-TENANT"), Some("a"));
    assert!(metadata.contains_key("X-tenant"));
}

#[test]
fn keys_and_values_of_many_types_are_taken() {
    let mut metadata = Metadata::new();
    metadata.insert(String::from("a"), String::from("1"));
    let (key, value, bytes) = (String::from("b"), String::from("2"), &[1u8, 2]);
    metadata.insert(&key, &value);
    metadata.insert(Bytes::from_static(b"c"), Bytes::from_static(b"3"));
    metadata.insert(KnownName::Authorization, std::borrow::Cow::Borrowed("4"));
    metadata.insert("e-bin", vec![0, 255]);
    metadata.insert("f-bin", bytes);
    metadata.insert("g-bin", &[1u8, 2][..]);
    assert!(metadata.check().is_ok());
    assert_eq!(metadata.len(), 7);
    assert_eq!((key, value, bytes), ("b".into(), "2".into(), &[1, 2]));
}

#[test]
fn an_invalid_pair_is_remembered_and_named() {
    for (key, value) in [
        ("", "v"),
        ("a b", "v"),
        ("ä", "v"),
        ("a:b", "v"),
        ("key", "line\nbreak"),
        ("key", "ä"),
        ("key", "\x7f"),
    ] {
        let mut metadata = Metadata::new();
        metadata.insert("good", "1");
        metadata.insert(key, value);
        metadata.insert("another", "bad\n");
        let invalid = metadata.check().unwrap_err();
        assert_eq!(invalid.key(), key);
        assert!(
            invalid.to_string().contains(&format!("{key:?}")),
            "{invalid}"
        );
        assert_eq!(crate::Status::from(invalid).code(), crate::Code::Internal);
        assert_eq!(pairs(&metadata), [("good", &b"1"[..])]);
        assert!(metadata.try_insert(key, value).is_err());
    }
}

#[test]
fn try_insert_remembers_nothing() {
    let mut metadata = Metadata::new();
    assert!(metadata.try_insert("a b", "v").is_err());
    assert!(metadata.try_append("grpc-x", "v").is_err());
    assert!(metadata.check().is_ok() && metadata.is_empty());
    assert!(metadata.try_append("a", "v").is_ok());
}

#[test]
fn reserved_keys_have_no_effect_except_those_of_instrumentation_and_pushback() {
    let mut metadata = Metadata::new();
    for key in [
        "grpc-timeout",
        "grpc-status",
        "grpc-anything",
        "grpc-previous-rpc-attempts",
        "GRPC-Message",
        "content-type",
        "te",
        "user-agent",
        ":path",
        ":unknown",
        "host",
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "trailer",
    ] {
        metadata.insert(key, "x");
        assert!(metadata.is_empty() && metadata.check().is_ok(), "{key}");
        assert!(
            received(&[(&key.to_lowercase(), "x")]).unwrap().is_empty(),
            "{key}"
        );
    }
    metadata.insert("grpc-tags-bin", [1]);
    metadata.insert("grpc-trace-bin", [2]);
    metadata.insert("grpc-retry-pushback-ms", "40");
    assert_eq!(metadata.len(), 3);
    let all = [
        ("grpc-tags-bin", "AQ"),
        ("grpc-trace-bin", "Ag"),
        ("grpc-retry-pushback-ms", "40"),
    ];
    assert_eq!(received(&all).unwrap(), metadata);
}

#[test]
fn all_names_that_http2_knows_with_a_colon_or_of_grpc_are_reserved_but_those_of_applications() {
    for &known in KnownName::ALL {
        let own = known.is_pseudo()
            || known.is_connection_specific()
            || known.as_str().starts_with("grpc-");
        let exempt = matches!(
            known,
            KnownName::GrpcTagsBin | KnownName::GrpcTraceBin | KnownName::GrpcRetryPushbackMs
        );
        assert_eq!(
            is_reserved(&known.into()) && own,
            own && !exempt,
            "{known:?}"
        );
    }
}

#[test]
fn blanks_around_text_are_dropped_and_those_inside_stay() {
    let mut metadata = Metadata::new();
    metadata.insert("a", "  two words ");
    metadata.insert("b", "");
    metadata.insert("c", "   ");
    assert_eq!(
        pairs(&metadata),
        [("a", &b"two words"[..]), ("b", b""), ("c", b"")]
    );
}

#[test]
fn binary_values_are_sent_as_base64_without_padding() {
    let mut metadata = Metadata::new();
    metadata.append("x-bin", [0xff]);
    metadata.append("x-bin", [0xfb, 0xff]);
    metadata.append("x-bin", Bytes::new());
    assert_eq!(
        sent(&metadata)
            .iter()
            .map(|pair| &*pair.1)
            .collect::<Vec<_>>(),
        ["/w", "+/8", ""]
    );
    assert_eq!(metadata.get("x-bin"), None);
    assert_eq!(metadata.get_all_bin("X-Bin").count(), 3);
}

#[test]
fn binary_values_are_read_with_and_without_padding_and_split_at_commas() {
    let metadata = received(&[("x-bin", "/w==, +/8,AQID"), ("x-bin", "/w")]).unwrap();
    let values: Vec<_> = metadata
        .get_all_bin("x-bin")
        .map(|value| value.to_vec())
        .collect();
    assert_eq!(
        values,
        [vec![0xff], vec![0xfb, 0xff], vec![1, 2, 3], vec![0xff]]
    );
}

#[test]
fn binary_values_that_are_not_base64_are_refused_and_named() {
    for value in ["a", "!!!!", "AQ==x", "A Q", "-_8"] {
        let invalid = received(&[("ok", "1"), ("x-bin", value)]).unwrap_err();
        assert_eq!(invalid.key(), "x-bin", "{value}");
    }
}

#[test]
fn received_names_and_texts_share_memory_with_the_list() {
    let fields = vec![field("x-tenant", b"somebody")];
    let metadata = Metadata::from_fields(&fields).unwrap();
    assert_eq!(
        metadata.get("x-tenant").unwrap().as_ptr(),
        fields[0].value.as_ptr()
    );
}

#[test]
fn received_text_that_is_not_utf8_is_replaced_rather_than_lost() {
    let metadata = Metadata::from_fields(&[field("a", b"x\xffy")]).unwrap();
    assert_eq!(metadata.get("a"), Some("x\u{fffd}y"));
}

#[test]
fn secrets_are_marked_for_the_wire_and_hidden_in_debug_output() {
    let mut metadata = Metadata::new();
    metadata.insert("authorization", "Bearer s3cret");
    metadata.insert_sensitive("x-token", "s3cret");
    metadata.insert("x-plain", "visible");
    let marks: Vec<_> = metadata
        .to_fields()
        .iter()
        .map(|field| field.sensitive)
        .collect();
    assert_eq!(marks, [true, true, false]);
    let debug = format!("{metadata:?}");
    assert!(
        !debug.contains("s3cret") && debug.contains("visible"),
        "{debug}"
    );

    let plain = Field {
        sensitive: false,
        ..field("authorization", b"Bearer s3cret")
    };
    assert!(!format!("{:?}", Metadata::from_fields(&[plain]).unwrap()).contains("s3cret"));
}

#[test]
fn empty_metadata_owns_nothing_and_clones_do_not_change_each_other() {
    assert!(Metadata::new().inner.is_none());
    assert!(received(&[("content-type", "x")]).unwrap().inner.is_none());
    assert_eq!(Metadata::new().to_fields().capacity(), 0);

    let mut a = Metadata::from_iter([("k", "1")]);
    let b = a.clone();
    a.append("k", "2");
    assert_eq!((a.len(), b.len()), (2, 1));
    a.clear();
    assert!(a.is_empty());
}

#[test]
fn extend_adds_the_pairs_and_the_faults_of_another() {
    let mut metadata = Metadata::from_iter([("a", "1")]);
    metadata.extend(&Metadata::from_iter([("a", "2"), ("b b", "3")]));
    assert_eq!(metadata.get_all("a").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(metadata.check().unwrap_err().key(), "b b");
    let mut empty = Metadata::new();
    empty.extend(&metadata);
    assert_eq!(empty, metadata);
}

#[test]
fn random_pairs_never_panic_and_what_is_sent_is_received_unchanged() {
    for seed in 0..5_000 {
        let mut random = XorShift::new(seed);
        let mut metadata = Metadata::new();
        for _ in 0..random.below(5) {
            let mut key =
                String::from_utf8_lossy(&random.bytes_of(b"abcX-_.:\xff", 6)).into_owned();
            if random.below(2) == 0 {
                key.push_str("-bin");
            }
            let value = if random.below(2) == 0 {
                random.bytes(9)
            } else {
                random.bytes_of(b"a b~,", 9)
            };
            metadata.append(key, value);
        }
        let again = Metadata::from_fields(&metadata.to_fields()).unwrap();
        assert_eq!(again, metadata, "seed {seed}");
        let strange: Vec<_> = (0..random.below(4))
            .map(|_| field("x-bin", &random.bytes_of(b"aQ=,+/ \xff", 9)))
            .collect();
        let _ = Metadata::from_fields(&strange);
    }
}
