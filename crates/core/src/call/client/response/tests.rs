use super::*;
use crate::{
    call::testing::{drain, flagged, headers, message, random_data, random_headers},
    random::XorShift,
};

mod foreign;

const GRPC: (&str, &str) = ("content-type", "application/grpc");

fn machine(shape: Shape) -> ResponseMachine {
    ResponseMachine::new(shape, &ReceiveOptions::default())
}

/// A machine that has had proper headers.
fn open(shape: Shape) -> ResponseMachine {
    let mut response = machine(shape);
    response.on_headers(&headers(&[(":status", "200"), GRPC]), false);
    response
}

fn trailers(pairs: &[(&str, &str)]) -> Headers {
    headers(pairs)
}

/// The status, when no message is expected before it.
fn done(response: &mut ResponseMachine) -> Status {
    match drain(|| response.poll()) {
        (messages, Some(status)) if messages.is_empty() => status,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_ends(response: &mut ResponseMachine, code: Code, reset: Option<Reason>) -> Status {
    let status = done(response);
    assert_eq!(status.code(), code, "{status}");
    assert_eq!(response.must_reset(), reset, "{status}");
    assert_eq!(response.must_reset(), None, "said twice");
    status
}

#[test]
fn a_unary_response_is_headers_one_message_and_trailers() {
    let mut response = open(Shape::One);
    response.on_data(message(b"hi"), false);
    assert_eq!(response.poll(), Progress::Pending { missing: 0 });
    response.on_trailers(&trailers(&[("grpc-status", "0")]));
    assert_eq!(
        drain(|| response.poll()),
        (vec!["hi".into()], Some(Status::OK))
    );
    assert_eq!(response.must_reset(), None);
    // Asked again it says the same, without the message.
    assert_eq!(drain(|| response.poll()), (vec![], Some(Status::OK)));
}

#[test]
fn an_empty_message_is_a_message() {
    let mut response = open(Shape::One);
    response.on_data(message(b""), false);
    response.on_trailers(&trailers(&[("grpc-status", "0")]));
    assert_eq!(
        drain(|| response.poll()),
        (vec![Bytes::new()], Some(Status::OK))
    );
}

#[test]
fn streamed_messages_come_out_as_they_arrive_and_say_how_much_is_missing() {
    let mut response = open(Shape::Many);
    let mut wire = message(b"one").to_vec();
    wire.extend(&message(b"second")[..7]);
    response.on_data(wire.into(), false);
    assert_eq!(response.poll(), Progress::Message("one".into()));
    assert_eq!(response.poll(), Progress::Pending { missing: 4 });
    response.on_data("cond".into(), false);
    response.on_trailers(&trailers(&[("grpc-status", "0")]));
    assert_eq!(
        drain(|| response.poll()),
        (vec!["second".into()], Some(Status::OK))
    );
}

#[test]
fn a_stream_without_messages_may_be_ok() {
    let mut response = open(Shape::Many);
    response.on_trailers(&trailers(&[("grpc-status", "0")]));
    assert_ends(&mut response, Code::Ok, None);
}

#[test]
fn initial_metadata_and_trailers_are_told_apart() {
    let mut response = machine(Shape::Many);
    assert!(response.metadata().is_none());
    response.on_headers(
        &headers(&[(":status", "200"), GRPC, ("x-a", "1"), ("x-a", "2")]),
        false,
    );
    assert_eq!(
        response
            .metadata()
            .unwrap()
            .get_all("x-a")
            .collect::<Vec<_>>(),
        ["1", "2"]
    );
    response.on_trailers(&trailers(&[("grpc-status", "5"), ("x-b-bin", "AQI")]));
    let Progress::Done { status, trailers } = response.poll() else {
        panic!()
    };
    assert_eq!(trailers.get_bin("x-b-bin").unwrap(), &[1, 2][..]);
    assert_eq!(status.metadata(), &trailers);
    assert_eq!(response.metadata().unwrap().len(), 2);
}

#[test]
fn trailers_only_carry_status_message_and_metadata_and_there_is_no_initial_metadata() {
    let mut response = machine(Shape::One);
    let list = headers(&[
        (":status", "200"),
        GRPC,
        ("grpc-status", "9"),
        ("grpc-message", "no%21"),
        ("x-t", "b"),
    ]);
    response.on_headers(&list, true);
    let Progress::Done { status, trailers } = response.poll() else {
        panic!()
    };
    assert_eq!(
        (status.code(), status.message()),
        (Code::FailedPrecondition, "no!")
    );
    assert_eq!(trailers.get("x-t"), Some("b"));
    assert!(response.metadata().is_none());
    assert_eq!(response.must_reset(), None);
}

#[test]
fn trailers_only_with_ok_is_a_unary_response_without_message() {
    let mut response = machine(Shape::One);
    response.on_headers(
        &headers(&[(":status", "200"), GRPC, ("grpc-status", "0")]),
        true,
    );
    assert_ends(&mut response, Code::Unimplemented, None);
    let mut response = machine(Shape::Many);
    response.on_headers(
        &headers(&[(":status", "200"), GRPC, ("grpc-status", "0")]),
        true,
    );
    assert_ends(&mut response, Code::Ok, None);
}

#[test]
fn ok_without_the_one_message_is_unimplemented() {
    let mut response = open(Shape::One);
    response.on_trailers(&trailers(&[("grpc-status", "0")]));
    let status = assert_ends(&mut response, Code::Unimplemented, None);
    assert_eq!(status.message(), "no response message");
}

#[test]
fn a_second_message_of_one_is_unimplemented_and_resets_the_stream() {
    let mut response = open(Shape::One);
    response.on_data(message(b"a"), false);
    response.on_data(message(b"b"), false);
    let status = assert_ends(&mut response, Code::Unimplemented, Some(Reason::CANCEL));
    assert_eq!(status.message(), "more than one response message");
}

#[test]
fn a_second_message_of_one_is_unimplemented_also_when_the_trailers_say_ok() {
    let mut response = open(Shape::One);
    response.on_data(message(b"a"), false);
    response.on_data(message(b"b"), false);
    response.on_trailers(&trailers(&[("grpc-status", "0")]));
    assert_ends(&mut response, Code::Unimplemented, None);
}

#[test]
fn the_message_of_a_unary_call_that_failed_is_dropped() {
    let mut response = open(Shape::One);
    response.on_data(message(b"a"), false);
    response.on_trailers(&trailers(&[("grpc-status", "7")]));
    assert_ends(&mut response, Code::PermissionDenied, None);
}

#[test]
fn messages_of_a_stream_that_failed_come_before_its_status() {
    let mut response = open(Shape::Many);
    response.on_data(message(b"a"), false);
    response.on_trailers(&trailers(&[("grpc-status", "7")]));
    let (messages, status) = drain(|| response.poll());
    assert_eq!(
        (messages, status.unwrap().code()),
        (vec!["a".into()], Code::PermissionDenied)
    );
}

#[test]
fn trailers_without_grpc_status_are_unknown() {
    let mut response = open(Shape::Many);
    response.on_trailers(&trailers(&[("grpc-message", "error")]));
    assert_ends(&mut response, Code::Unknown, None);
}

#[test]
fn without_grpc_status_an_http_status_that_is_not_200_is_mapped() {
    let mut response = machine(Shape::One);
    response.on_headers(&headers(&[(":status", "503"), GRPC]), true);
    let status = assert_ends(&mut response, Code::Unavailable, None);
    assert_eq!(status.message(), "HTTP status 503 and no grpc-status");
}

#[test]
fn with_grpc_content_type_and_grpc_status_the_http_status_is_ignored() {
    let mut response = machine(Shape::One);
    response.on_headers(
        &headers(&[(":status", "503"), GRPC, ("grpc-status", "5")]),
        true,
    );
    assert_ends(&mut response, Code::NotFound, None);
}

#[test]
fn a_malformed_grpc_status_is_unknown() {
    for value in ["", "x", "1x", "-1", "99999999999", " 1"] {
        let mut response = open(Shape::Many);
        response.on_trailers(&trailers(&[("grpc-status", value)]));
        let status = assert_ends(&mut response, Code::Unknown, None);
        assert!(
            status.message().starts_with("malformed grpc-status"),
            "{status}"
        );
    }
}

#[test]
fn a_number_without_a_code_is_unknown_and_keeps_the_message() {
    let mut response = open(Shape::Many);
    response.on_trailers(&trailers(&[("grpc-status", "42"), ("grpc-message", "m")]));
    assert_eq!(
        assert_ends(&mut response, Code::Unknown, None).message(),
        "m"
    );
}

#[test]
fn the_end_of_the_stream_on_data_without_trailers_is_internal() {
    let mut response = open(Shape::One);
    response.on_data(message(b"a"), true);
    assert_ends(&mut response, Code::Internal, None);
}

#[test]
fn grpc_status_in_headers_does_not_count_when_more_follows() {
    let list = headers(&[(":status", "200"), GRPC, ("grpc-status", "8")]);
    let mut response = machine(Shape::One);
    response.on_headers(&list, false);
    response.on_trailers(&trailers(&[("grpc-status", "9")]));
    assert_ends(&mut response, Code::FailedPrecondition, None);

    let mut response = machine(Shape::One);
    response.on_headers(&list, false);
    response.on_data(message(b"a"), true);
    assert_ends(&mut response, Code::Internal, None);
}

#[test]
fn content_type_may_have_a_subtype_and_parameters() {
    for value in [
        "application/grpc+proto",
        "application/grpc+json; a=b",
        "application/grpc;charset=utf-8",
    ] {
        let mut response = machine(Shape::One);
        response.on_headers(
            &headers(&[(":status", "200"), ("content-type", value)]),
            false,
        );
        assert!(response.metadata().is_some(), "{value}");
    }
    let mut response = machine(Shape::One);
    response.on_headers(
        &headers(&[(":status", "200"), ("content-type", "application/grpc-web")]),
        true,
    );
    assert_ends(&mut response, Code::Unknown, None);
}

#[test]
fn second_headers_that_are_no_trailers_are_internal() {
    let mut response = open(Shape::Many);
    response.on_headers(&headers(&[(":status", "200"), GRPC]), false);
    assert_ends(&mut response, Code::Internal, Some(Reason::PROTOCOL_ERROR));
}

#[test]
fn data_before_headers_is_internal() {
    let mut response = machine(Shape::Many);
    response.on_data(message(b"a"), false);
    assert_ends(&mut response, Code::Internal, Some(Reason::PROTOCOL_ERROR));
}

#[test]
fn binary_metadata_that_is_not_base64_is_internal() {
    let mut response = machine(Shape::Many);
    response.on_headers(
        &headers(&[(":status", "200"), GRPC, ("x-bin", "!!")]),
        false,
    );
    let status = assert_ends(&mut response, Code::Internal, Some(Reason::PROTOCOL_ERROR));
    assert!(status.message().contains("\"x-bin\""), "{status}");

    let mut response = open(Shape::Many);
    response.on_trailers(&trailers(&[("grpc-status", "0"), ("x-bin", "!!")]));
    assert_ends(&mut response, Code::Internal, None);
}

#[test]
fn an_unknown_encoding_is_internal_whether_or_not_a_message_uses_it() {
    let mut response = machine(Shape::Many);
    response.on_headers(
        &headers(&[(":status", "200"), GRPC, ("grpc-encoding", "zstd\x01")]),
        false,
    );
    let status = assert_ends(&mut response, Code::Internal, Some(Reason::CANCEL));
    assert!(status.message().contains(r"zstd\x01"), "{status}");
}

#[test]
fn a_compressed_message_without_encoding_or_with_identity_is_internal() {
    for extra in [&[][..], &[("grpc-encoding", "identity")]] {
        let mut response = machine(Shape::One);
        response.on_headers(
            &headers(&[&[(":status", "200"), GRPC], extra].concat()),
            false,
        );
        response.on_data(flagged(1, b"abc"), false);
        assert_ends(&mut response, Code::Internal, Some(Reason::CANCEL));
    }
}

#[cfg(feature = "gzip")]
#[test]
fn compressed_messages_are_inflated_and_the_flag_is_told() {
    use crate::message::{Compressor, Gzip};
    let mut response = machine(Shape::Many);
    response.on_headers(
        &headers(&[(":status", "200"), GRPC, ("grpc-encoding", "gzip")]),
        false,
    );
    let mut packed = Vec::new();
    Gzip::default()
        .compress(b"hello hello hello", &mut packed)
        .unwrap();
    response.on_data(flagged(1, &packed), false);
    response.on_data(message(b"plain"), false);
    assert_eq!(
        response.poll(),
        Progress::Message("hello hello hello".into())
    );
    assert!(response.last_was_compressed());
    assert_eq!(response.poll(), Progress::Message("plain".into()));
    assert!(!response.last_was_compressed());
    response.on_data(flagged(1, b"no gzip"), false);
    assert_ends(&mut response, Code::Internal, Some(Reason::CANCEL));
}

#[test]
fn a_message_over_the_limit_is_refused_when_its_prefix_arrives() {
    let options = ReceiveOptions {
        max_message_size: 10,
        ..ReceiveOptions::default()
    };
    let mut response = ResponseMachine::new(Shape::One, &options);
    response.on_headers(&headers(&[(":status", "200"), GRPC]), false);
    response.on_data(Bytes::from_static(&[0, 0, 0, 0, 11]), false);
    let status = assert_ends(&mut response, Code::ResourceExhausted, Some(Reason::CANCEL));
    assert_eq!(
        status.message(),
        "message of 11 bytes is larger than max_receive_message_size (10)"
    );
}

#[test]
fn trailers_inside_a_message_are_internal_unless_they_report_an_error() {
    let mut response = open(Shape::Many);
    response.on_data(message(b"abc").slice(..6), false);
    response.on_trailers(&trailers(&[("grpc-status", "0")]));
    assert_ends(&mut response, Code::Internal, None);

    let mut response = open(Shape::Many);
    response.on_data(message(b"abc").slice(..6), false);
    response.on_trailers(&trailers(&[("grpc-status", "14")]));
    assert_ends(&mut response, Code::Unavailable, None);
}

#[test]
fn a_reset_is_mapped_and_whole_messages_come_before_it() {
    let mut response = open(Shape::Many);
    response.on_data(message(b"a"), false);
    response.on_data(message(b"b").slice(..5), false);
    response.on_reset(Reason::ENHANCE_YOUR_CALM, false);
    let (messages, status) = drain(|| response.poll());
    let status = status.unwrap();
    assert_eq!(
        (messages, status.code()),
        (vec!["a".into()], Code::ResourceExhausted)
    );
    assert_eq!(status.message(), "stream was reset with ENHANCE_YOUR_CALM");

    let mut response = machine(Shape::One);
    response.on_reset(Reason::FLOW_CONTROL_ERROR, false);
    assert_ends(&mut response, Code::Internal, None);
    let mut response = machine(Shape::One);
    response.on_reset(Reason::REFUSED_STREAM, false);
    assert_ends(&mut response, Code::Unavailable, None);
}

#[test]
fn cancel_means_the_deadline_when_that_has_passed() {
    let mut response = open(Shape::One);
    response.on_reset(Reason::CANCEL, false);
    assert_ends(&mut response, Code::Cancelled, None);
    let mut response = open(Shape::One);
    response.on_reset(Reason::CANCEL, true);
    assert_ends(&mut response, Code::DeadlineExceeded, None);
}

#[test]
fn a_reset_behind_the_trailers_changes_nothing() {
    let mut response = open(Shape::One);
    response.on_data(message(b"a"), false);
    response.on_trailers(&trailers(&[("grpc-status", "0")]));
    response.on_reset(Reason::NO_ERROR, false);
    response.on_failure(Status::unavailable("connection lost"));
    assert_eq!(
        drain(|| response.poll()),
        (vec!["a".into()], Some(Status::OK))
    );
}

#[test]
fn a_failure_is_reported_as_it_is_and_marked_as_the_end_of_an_own_call() {
    let mut response = open(Shape::One);
    response.on_data(message(b"a"), false);
    response.on_failure(Status::unavailable("connection lost").with_cause("the other end hung up"));
    let status = assert_ends(&mut response, Code::Unavailable, None);
    assert!(status.is_received());
    assert_eq!(
        status.to_string(),
        "UNAVAILABLE: connection lost: the other end hung up"
    );
}

#[test]
fn details_travel_and_must_agree_with_the_status() {
    use crate::status::Any;
    let sent =
        Status::not_found("m").with_any_detail(Any::new("type.googleapis.com/a.B", &b"xyz"[..]));
    let mut list = crate::call::server::trailers(&sent, &Metadata::new())
        .own()
        .to_vec();
    let mut response = open(Shape::One);
    response.on_trailers(&Headers {
        fields: list.clone(),
        ..Headers::default()
    });
    assert_eq!(assert_ends(&mut response, Code::NotFound, None), sent);

    list[0].value = "7".into();
    let mut response = open(Shape::One);
    response.on_trailers(&Headers {
        fields: list,
        ..Headers::default()
    });
    let status = assert_ends(&mut response, Code::Internal, None);
    assert!(
        status.message().contains("code 5") && status.message().contains("says 7"),
        "{status}"
    );
}

#[test]
fn random_input_in_any_order_never_panics_and_always_ends() {
    for seed in 0..4_000 {
        let mut random = XorShift::new(seed);
        let shape = if random.below(2) == 0 {
            Shape::One
        } else {
            Shape::Many
        };
        let mut response = machine(shape);
        for _ in 0..random.below(8) {
            let last = random.below(4) == 0;
            match random.below(8) {
                0..3 => response.on_headers(&random_headers(&mut random), last),
                3..6 => response.on_data(random_data(&mut random), last),
                6 => response.on_trailers(&random_headers(&mut random)),
                _ => response.on_reset(Reason(random.below(16) as u32), last),
            }
            if random.below(2) == 0 {
                drain(|| response.poll());
            }
        }
        response.on_failure(Status::unavailable("end of the test"));
        let (messages, status) = drain(|| response.poll());
        let status = status.expect("a failure ends everything");
        assert!(shape == Shape::Many || messages.len() <= 1);
        assert_eq!(
            drain(|| response.poll()),
            (vec![], Some(status)),
            "seed {seed}"
        );
    }
}

#[test]
fn an_ok_never_comes_without_a_peer_that_said_so() {
    for seed in 0..4_000 {
        let mut random = XorShift::new(seed);
        let mut response = open(Shape::Many);
        let mut said_ok = false;
        for _ in 0..random.below(6) {
            if random.below(3) == 0 {
                let list = random_headers(&mut random);
                said_ok |= list
                    .find(KnownName::GrpcStatus)
                    .is_some_and(|value| value == "0");
                response.on_trailers(&list);
            } else {
                response.on_data(random_data(&mut random), random.below(3) == 0);
            }
        }
        let (_, status) = drain(|| response.poll());
        assert!(
            said_ok || !status.is_some_and(|status| status.is_ok()),
            "seed {seed}"
        );
    }
}
