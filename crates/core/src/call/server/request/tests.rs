use super::*;
use crate::{
    call::testing::{drain, flagged, message, random_data},
    random::XorShift,
};

fn machine(shape: Shape) -> RequestMachine {
    RequestMachine::new(shape, 100, None)
}

#[track_caller]
fn assert_fails(request: &mut RequestMachine, code: Code, text: &str) {
    let (messages, status) = drain(|| request.poll());
    let status = status.expect("an end");
    assert!(messages.is_empty());
    assert_eq!((status.code(), status.message()), (code, text));
}

#[test]
fn the_one_message_comes_when_the_client_has_half_closed() {
    let mut request = machine(Shape::One);
    request.on_data(message(b"hi"), false);
    assert_eq!(request.poll(), Progress::Pending { missing: 0 });
    request.on_end();
    assert_eq!(
        drain(|| request.poll()),
        (vec!["hi".into()], Some(Status::OK))
    );
}

#[test]
fn many_messages_come_as_they_arrive() {
    let mut request = machine(Shape::Many);
    request.on_data(message(b"a"), false);
    assert_eq!(request.poll(), Progress::Message("a".into()));
    request.on_data(message(b"b"), true);
    assert_eq!(
        drain(|| request.poll()),
        (vec!["b".into()], Some(Status::OK))
    );
}

#[test]
fn a_request_without_its_message_is_unimplemented() {
    let mut request = machine(Shape::One);
    request.on_end();
    assert_fails(&mut request, Code::Unimplemented, "no request message");
}

#[test]
fn no_messages_are_fine_where_there_may_be_many() {
    let mut request = machine(Shape::Many);
    request.on_end();
    assert_eq!(drain(|| request.poll()), (vec![], Some(Status::OK)));
}

#[test]
fn a_second_message_is_unimplemented_at_once() {
    let mut request = machine(Shape::One);
    request.on_data(message(b"a"), false);
    request.on_data(message(b"b"), false);
    assert_fails(
        &mut request,
        Code::Unimplemented,
        "more than one request message",
    );
}

#[test]
fn the_half_close_inside_a_message_is_internal() {
    let mut request = machine(Shape::Many);
    request.on_data(message(b"abc").slice(..7), true);
    assert_fails(
        &mut request,
        Code::Internal,
        "stream ended inside a message, after 2 of 3 bytes",
    );
    let mut request = machine(Shape::One);
    request.on_data(message(b"abc").slice(..2), true);
    assert_fails(
        &mut request,
        Code::Internal,
        "stream ended inside a message prefix, after 2 of 5 bytes",
    );
}

#[test]
fn a_compressed_message_without_encoding_is_internal() {
    let mut request = machine(Shape::One);
    request.on_data(flagged(1, b"x"), true);
    assert_fails(
        &mut request,
        Code::Internal,
        "compressed message, but grpc-encoding names no compression",
    );
}

#[test]
fn a_message_over_the_limit_is_resource_exhausted() {
    let mut request = machine(Shape::Many);
    request.on_data(Bytes::from_static(&[0, 0, 0, 0, 101]), false);
    let text = "message of 101 bytes is larger than max_receive_message_size (100)";
    assert_fails(&mut request, Code::ResourceExhausted, text);
}

#[test]
fn a_reset_is_cancelled_and_a_failure_is_what_it_is() {
    let mut request = machine(Shape::Many);
    request.on_reset(Reason::CANCEL);
    assert_fails(
        &mut request,
        Code::Cancelled,
        "the client cancelled the call",
    );
    let mut request = machine(Shape::Many);
    request.on_reset(Reason::INTERNAL_ERROR);
    assert_fails(
        &mut request,
        Code::Cancelled,
        "the client reset the stream with INTERNAL_ERROR",
    );
    let mut request = machine(Shape::One);
    request.on_data(message(b"a"), false);
    request.on_failure(Status::deadline_exceeded("too late"));
    assert_fails(&mut request, Code::DeadlineExceeded, "too late");
}

#[test]
fn a_cut_upload_never_looks_complete() {
    for cut in 0..message(b"abc").len() + 3 {
        let mut wire = message(b"abc").to_vec();
        wire.extend_from_slice(&message(b"d"));
        let mut request = machine(Shape::Many);
        request.on_data(Bytes::from(wire).slice(..cut), false);
        request.on_reset(Reason::CANCEL);
        let (_, status) = drain(|| request.poll());
        assert_eq!(status.unwrap().code(), Code::Cancelled);
    }
}

#[test]
fn random_input_never_panics_and_always_ends() {
    for seed in 0..4_000 {
        let mut random = XorShift::new(seed);
        let shape = if random.below(2) == 0 {
            Shape::One
        } else {
            Shape::Many
        };
        let mut request = machine(shape);
        for _ in 0..random.below(6) {
            request.on_data(random_data(&mut random), random.below(5) == 0);
            if random.below(2) == 0 {
                drain(|| request.poll());
            }
        }
        request.on_reset(Reason::CANCEL);
        let (_, status) = drain(|| request.poll());
        assert_eq!(
            drain(|| request.poll()),
            (vec![], Some(status.expect("a reset ends everything")))
        );
    }
}
