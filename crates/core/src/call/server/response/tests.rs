use super::*;
use crate::{call::testing::text, status::Any};

fn pair(key: &str, value: &str) -> Metadata {
    Metadata::from_iter([(key, value)])
}

fn invalid() -> Metadata {
    pair("bad key", "x")
}

fn list(head: &HeaderList) -> String {
    text(head.fields())
}

#[cfg(feature = "gzip")]
#[test]
fn headers_repeat_the_content_type_and_name_the_encodings() {
    let gzip = crate::message::Gzip::default();
    let template = ResponseTemplate::new(&Compressors::none().with(gzip));
    let head = template
        .head(b"proto", Some("gzip"), &pair("x-a", "1"))
        .unwrap();
    assert_eq!(
        list(&head),
        ":status: 200\ncontent-type: application/grpc+proto\ngrpc-encoding: gzip\ngrpc-accept-encoding: gzip\nx-a: 1"
    );
}

#[test]
fn common_headers_are_the_same_list_each_time_and_others_are_complete() {
    let template = ResponseTemplate::new(&Compressors::none());
    let plain = |subtype| template.head(subtype, None, &Metadata::new()).unwrap();
    assert!(Arc::ptr_eq(
        plain(b"").shared().unwrap(),
        plain(b"").shared().unwrap()
    ));
    assert!(Arc::ptr_eq(
        plain(b"proto").shared().unwrap(),
        plain(b"proto").shared().unwrap()
    ));
    let json = template
        .head(b"json", Some("x-own"), &pair("a", "b"))
        .unwrap();
    assert!(json.shared().is_none());
    assert_eq!(
        list(&json),
        ":status: 200\ncontent-type: application/grpc+json\ngrpc-encoding: x-own\na: b"
    );
}

#[test]
fn headers_with_metadata_that_cannot_be_sent_are_internal() {
    let template = ResponseTemplate::new(&Compressors::none());
    let status = template.head(b"", None, &invalid()).unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("bad key"));
}

#[test]
fn plain_ok_trailers_are_one_shared_list() {
    let trailers = trailers(&Status::OK, &Metadata::new());
    assert_eq!(list(&trailers), "grpc-status: 0");
    assert!(trailers.own().is_empty());
}

#[test]
fn trailers_hold_status_message_details_and_both_metadata_in_order() {
    let mut status = Status::not_found("no ☺").with_any_detail(Any::new("t/a.B", &b"\x01"[..]));
    status.metadata_mut().insert("x-status", "1");
    let trailers = trailers(&status, &pair("x-call", "2"));
    assert_eq!(
        list(&trailers),
        "grpc-status: 5\ngrpc-message: no %E2%98%BA\ngrpc-status-details-bin: CAUSBm5vIOKYuhoKCgV0L2EuQhIBAQ\n\
         x-status: 1\nx-call: 2"
    );
}

#[test]
fn ok_trailers_may_have_metadata() {
    assert_eq!(
        list(&trailers(&Status::OK, &pair("a", "b"))),
        "grpc-status: 0\na: b"
    );
}

#[test]
fn trailers_with_metadata_that_cannot_be_sent_are_internal() {
    for (status, metadata) in [
        (Status::OK, invalid()),
        (Status::OK.with_metadata(invalid()), Metadata::new()),
    ] {
        let text = list(&trailers(&status, &metadata));
        assert!(
            text.starts_with("grpc-status: 13\ngrpc-message: invalid metadata key"),
            "{text}"
        );
    }
}

#[test]
fn the_cause_of_a_status_is_not_sent() {
    let status = Status::internal("m").with_cause("password");
    assert!(!list(&trailers(&status, &Metadata::new())).contains("password"));
}

#[test]
fn trailers_only_are_headers_and_trailers_in_one() {
    let head = trailers_only(
        b"",
        &Status::unimplemented("no such method"),
        &pair("a", "b"),
    );
    assert_eq!(
        list(&head),
        ":status: 200\ncontent-type: application/grpc\ngrpc-status: 12\ngrpc-message: no such method\na: b"
    );
}

#[test]
fn a_list_that_is_ready_is_made_to_fit_too() {
    let status = Status::not_found("x".repeat(300));
    let metadata = pair("x", &"y".repeat(300));
    let cut = shortened(&trailers(&status, &metadata), 500);
    assert_eq!(list(&cut), list(&trailers(&status, &Metadata::new())));
    let whole = trailers_only(b"proto", &status, &metadata);
    let cut = shortened(&whole, 250);
    assert!(cut.size() <= 250);
    let text = list(&cut);
    assert!(
        text.starts_with(
            ":status: 200\ncontent-type: application/grpc+proto\ngrpc-status: 5\ngrpc-message: xxx"
        ),
        "{text}"
    );
    // Success is no secret either.
    let cut = shortened(&trailers(&Status::OK, &metadata), 100);
    assert_eq!(list(&cut), "grpc-status: 0");
}

#[test]
fn trailers_for_a_small_peer_lose_metadata_first_then_details_then_the_end_of_the_message() {
    let status =
        Status::not_found("☺".repeat(300)).with_any_detail(Any::new("t/a.B", vec![0; 300]));
    let metadata = pair("x", &"y".repeat(300));
    let whole = trailers(&status, &metadata);
    assert_eq!(
        list(&trailers_within(whole.size(), &status, &metadata)),
        list(&whole)
    );

    let some = trailers_within(whole.size() - 1, &status, &metadata);
    assert_eq!(list(&some), list(&trailers(&status, &Metadata::new())));

    let bare = trailers(&Status::not_found(status.message()), &Metadata::new());
    assert_eq!(
        list(&trailers_within(some.size() - 1, &status, &metadata)),
        list(&bare)
    );

    for limit in [bare.size() - 1, 1000, 200, 100, 44] {
        let cut = trailers_within(limit, &status, &metadata);
        assert!(cut.size() <= limit, "{} > {limit}", cut.size());
        assert!(list(&bare).starts_with(&list(&cut)));
        assert!(
            limit < 100 || cut.size() + 60 > limit,
            "{} is much less than {limit}",
            cut.size()
        );
    }
    assert_eq!(
        list(&trailers_within(0, &status, &metadata)),
        "grpc-status: 5"
    );
}
