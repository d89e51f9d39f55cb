//! Responses that are not gRPC's.

use super::*;

#[test]
fn a_foreign_content_type_maps_the_http_status_and_quotes_the_body() {
    let mut response = machine(Shape::One);
    response.on_headers(
        &headers(&[(":status", "404"), ("content-type", "text/html")]),
        false,
    );
    assert_eq!(response.poll(), Progress::Pending { missing: 0 });
    response.on_data("<h1>nothing ".into(), false);
    response.on_data("here</h1>\n".into(), true);
    let status = assert_ends(&mut response, Code::Unimplemented, None);
    let text = r#"HTTP status 404, content-type "text/html", body "<h1>nothing here</h1>\n""#;
    assert_eq!(status.message(), text);
}

#[test]
fn at_most_1024_bytes_of_a_foreign_body_are_quoted_and_the_rest_is_refused() {
    let mut response = machine(Shape::One);
    response.on_headers(&headers(&[(":status", "502")]), false);
    response.on_data(vec![b'x'; 1000].into(), false);
    assert_eq!(response.poll(), Progress::Pending { missing: 0 });
    response.on_data(vec![b'x'; 1000].into(), false);
    let status = assert_ends(&mut response, Code::Unavailable, Some(Reason::CANCEL));
    assert_eq!(status.message().matches('x').count(), 1024);
}

#[test]
fn foreign_responses_end_however_the_stream_ends() {
    let inputs: [fn(&mut ResponseMachine); 4] = [
        |response| response.on_data(Bytes::new(), true),
        |response| response.on_trailers(&Headers::default()),
        |response| response.on_reset(Reason::NO_ERROR, false),
        |response| response.on_failure(Status::unavailable("connection lost")),
    ];
    for input in inputs {
        let mut response = machine(Shape::One);
        response.on_headers(
            &headers(&[(":status", "403"), ("content-type", "text/plain")]),
            false,
        );
        response.on_data("go away".into(), false);
        input(&mut response);
        let status = assert_ends(&mut response, Code::PermissionDenied, None);
        assert!(status.message().ends_with(r#"body "go away""#), "{status}");
    }
}

#[test]
fn http_statuses_without_content_type_are_mapped() {
    for (http, code) in [
        ("200", Code::Unknown),
        ("400", Code::Internal),
        ("401", Code::Unauthenticated),
        ("404", Code::Unimplemented),
        ("418", Code::Unknown),
        ("429", Code::Unavailable),
        ("504", Code::Unavailable),
        ("800", Code::Unknown),
    ] {
        let mut response = machine(Shape::One);
        response.on_headers(&headers(&[(":status", http)]), true);
        assert_ends(&mut response, code, None);
    }
}

#[test]
fn a_foreign_response_without_status_is_internal() {
    let mut response = machine(Shape::One);
    response.on_headers(&headers(&[("content-type", "text/html")]), true);
    assert_ends(&mut response, Code::Internal, None);
}

#[test]
fn grpc_status_counts_in_a_foreign_response_unless_it_is_ok() {
    let mut response = machine(Shape::One);
    let pairs = [
        (":status", "415"),
        ("content-type", "text/plain"),
        ("grpc-status", "3"),
        ("grpc-message", "m"),
    ];
    response.on_headers(&headers(&pairs), false);
    let status = assert_ends(&mut response, Code::InvalidArgument, Some(Reason::CANCEL));
    assert_eq!(status.message(), "m");

    let mut response = machine(Shape::Many);
    response.on_headers(
        &headers(&[
            (":status", "200"),
            ("content-type", "text/plain"),
            ("grpc-status", "0"),
        ]),
        true,
    );
    assert_ends(&mut response, Code::Unknown, None);
}

#[test]
fn a_failure_after_the_outcome_of_a_foreign_response_changes_nothing() {
    let mut response = machine(Shape::One);
    let foreign = headers(&[(":status", "200"), ("content-type", "text/plain")]);
    response.on_headers(&foreign, false);
    response.on_headers(&foreign, false);
    let reset = Some(Reason::PROTOCOL_ERROR);
    let first = assert_ends(&mut response, Code::Internal, reset);
    response.on_failure(Status::unavailable("connection lost"));
    let again = assert_ends(&mut response, Code::Internal, None);
    assert_eq!(again.message(), first.message());
}
