use super::*;
use crate::{
    call::testing::{headers, random_headers, text},
    message::DecompressError,
    random::XorShift,
};

const BASE: [(&str, &str); 4] = [
    (":method", "POST"),
    (":path", "/p.S/M"),
    (":authority", "a.example"),
    ("content-type", "application/grpc"),
];

fn parse(extra: &[(&str, &str)]) -> Result<RequestHead, Rejection> {
    RequestHead::parse(
        &headers(&[&BASE[..], extra].concat()),
        &Compressors::none().with(Fake),
    )
}

/// With `key` set to `value`, or left out.
fn parse_with(key: &str, value: Option<&str>) -> Result<RequestHead, Rejection> {
    let mut pairs: Vec<_> = BASE.into_iter().filter(|pair| pair.0 != key).collect();
    pairs.extend(value.map(|value| (key, value)));
    RequestHead::parse(&headers(&pairs), &Compressors::none())
}

struct Fake;

impl Compressor for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }
    fn compress(&self, _: &[u8], _: &mut Vec<u8>) -> Result<(), std::io::Error> {
        Ok(())
    }
    fn decompress(&self, _: &[u8], _: usize, _: &mut Vec<u8>) -> Result<(), DecompressError> {
        Ok(())
    }
}

#[test]
fn everything_that_a_request_says_is_found() {
    let head = parse(&[
        ("te", "trailers"),
        ("grpc-timeout", "100m"),
        ("grpc-encoding", "fake"),
        ("grpc-accept-encoding", "gzip, fake"),
        ("grpc-previous-rpc-attempts", "2"),
        ("user-agent", "test/1"),
        ("x-a", "1"),
        ("x-bin", "AQI="),
        ("x-a", "2"),
    ])
    .unwrap();
    assert_eq!(head.path, "/p.S/M");
    assert_eq!(head.authority.as_ref().unwrap(), "a.example");
    assert_eq!(head.timeout, Some(Duration::from_millis(100)));
    assert_eq!(head.compressor.as_ref().unwrap().name(), "fake");
    assert_eq!(head.content_subtype, "");
    assert_eq!(head.user_agent.as_ref().unwrap(), "test/1");
    assert_eq!(head.previous_attempts, 2);
    assert!(
        head.accepts("gzip")
            && head.accepts("fake")
            && head.accepts("identity")
            && !head.accepts("zip")
    );
    assert_eq!(head.metadata.get_all("x-a").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(head.metadata.get_bin("x-bin").unwrap(), &[1, 2][..]);
    assert_eq!(head.metadata.len(), 3);
}

#[test]
fn a_method_that_is_not_post_gets_405_with_a_line_of_text() {
    let rejection = parse_with(":method", Some("GET")).unwrap_err();
    assert_eq!(
        text(&rejection.head()),
        ":status: 405\ncontent-type: text/plain; charset=utf-8\nallow: POST\n\
         grpc-status: 13\ngrpc-message: method \"GET\" is not POST"
    );
    assert_eq!(rejection.body().unwrap(), "method \"GET\" is not POST\n");
}

#[test]
fn the_answer_to_head_has_no_body() {
    let rejection = parse_with(":method", Some("HEAD")).unwrap_err();
    assert_eq!((rejection.http_status(), rejection.body()), (405, None));
}

#[test]
fn a_foreign_content_type_gets_415_with_a_line_of_text() {
    let rejection = parse_with("content-type", Some("application/json")).unwrap_err();
    assert_eq!(
        text(&rejection.head()),
        ":status: 415\ncontent-type: text/plain; charset=utf-8\n\
         grpc-status: 3\ngrpc-message: content-type \"application/json\" is not application/grpc"
    );
    assert_eq!(
        rejection.body().unwrap(),
        "content-type \"application/json\" is not application/grpc\n"
    );
    let rejection = parse_with("content-type", None).unwrap_err();
    assert_eq!(
        (rejection.http_status(), rejection.status().code()),
        (415, Code::InvalidArgument)
    );
}

#[test]
fn the_method_is_looked_at_before_the_content_type() {
    let list = headers(&[
        (":method", "GET"),
        (":path", "/"),
        ("content-type", "text/html"),
    ]);
    assert_eq!(
        RequestHead::parse(&list, &Compressors::none())
            .unwrap_err()
            .http_status(),
        405
    );
}

#[test]
fn a_subtype_and_parameters_are_accepted() {
    let head = parse_with("content-type", Some("application/grpc+json; charset=utf-8")).unwrap();
    assert_eq!(head.content_subtype, "json");
}

#[test]
fn host_stands_in_for_authority_and_several_hosts_get_400() {
    let mut pairs: Vec<_> = BASE
        .into_iter()
        .filter(|pair| pair.0 != ":authority")
        .collect();
    pairs.push(("host", "h.example"));
    let head = RequestHead::parse(&headers(&pairs), &Compressors::none()).unwrap();
    assert_eq!(head.authority.unwrap(), "h.example");
    assert_eq!(
        parse(&[("host", "h.example")]).unwrap().authority.unwrap(),
        "a.example"
    );
    let rejection = parse(&[("host", "a"), ("host", "b")]).unwrap_err();
    assert_eq!(
        (rejection.http_status(), rejection.status().code()),
        (400, Code::Internal)
    );
}

#[test]
fn a_malformed_timeout_gets_400_in_a_form_that_grpc_clients_read() {
    let rejection = parse(&[("grpc-timeout", "5x\n")]).unwrap_err();
    assert_eq!(
        text(&rejection.head()),
        ":status: 400\ncontent-type: application/grpc\ngrpc-status: 13\n\
         grpc-message: malformed grpc-timeout \"5x\\n\""
    );
    assert_eq!(rejection.body(), None);
}

#[test]
fn a_binary_value_that_is_not_base64_gets_400_and_names_the_key() {
    let rejection = parse(&[("x-bin", "a")]).unwrap_err();
    assert_eq!(
        (rejection.http_status(), rejection.status().code()),
        (400, Code::Internal)
    );
    assert!(rejection.status().message().contains("\"x-bin\""));
}

#[test]
fn a_timeout_of_zero_is_over_on_arrival() {
    let rejection = parse(&[("grpc-timeout", "0S")]).unwrap_err();
    assert_eq!(
        text(&rejection.head()),
        ":status: 200\ncontent-type: application/grpc\ngrpc-status: 4\ngrpc-message: the timeout was over on arrival"
    );
}

#[test]
fn an_unknown_encoding_is_unimplemented_and_the_answer_names_the_known_ones() {
    let rejection = parse(&[("grpc-encoding", "lzma")]).unwrap_err();
    assert_eq!(
        text(&rejection.head()),
        ":status: 200\ncontent-type: application/grpc\ngrpc-accept-encoding: fake\ngrpc-status: 12\n\
         grpc-message: grpc-encoding \"lzma\" is not supported"
    );
    let rejection = parse_with("grpc-encoding", Some("lzma")).unwrap_err();
    assert!(text(&rejection.head()).contains("grpc-accept-encoding: identity"));
    assert!(
        parse(&[("grpc-encoding", "identity")])
            .unwrap()
            .compressor
            .is_none()
    );
}

#[test]
fn a_grpc_client_reads_the_status_of_every_rejection() {
    use crate::call::{Progress, ReceiveOptions, Shape, client::ResponseMachine};
    let rejections = [
        parse_with(":method", Some("PUT")),
        parse_with("content-type", Some("text/html")),
        parse(&[("grpc-timeout", "x")]),
        parse(&[("x-bin", "a")]),
        parse(&[("grpc-timeout", "0n")]),
        parse(&[("grpc-encoding", "lzma")]),
    ];
    for rejection in rejections.map(|result| result.unwrap_err()) {
        let mut fields = rejection.head();
        let status = std::str::from_utf8(&fields.remove(0).value)
            .unwrap()
            .parse()
            .ok();
        let mut response = ResponseMachine::new(Shape::One, &ReceiveOptions::default());
        response.on_headers(
            &Headers {
                status,
                fields,
                ..Headers::default()
            },
            rejection.body().is_none(),
        );
        let Progress::Done { status, .. } = response.poll() else {
            panic!("{rejection:?}")
        };
        assert_eq!(&status, rejection.status());
    }
}

#[test]
fn a_codec_is_checked_against_the_subtype() {
    let plain = parse(&[]).unwrap();
    assert!(plain.check_subtype("proto").is_ok() && plain.check_subtype("").is_ok());
    let json = parse_with("content-type", Some("application/grpc+json")).unwrap();
    assert_eq!(
        json.check_subtype("proto").unwrap_err().code(),
        Code::Unimplemented
    );
    assert!(json.check_subtype("json").is_ok() && json.check_subtype("").is_ok());
    let proto = parse_with("content-type", Some("application/grpc+proto")).unwrap();
    assert!(proto.check_subtype("proto").is_ok());
}

#[test]
fn paths_are_split_or_found_malformed() {
    assert_eq!(parse(&[]).unwrap().service_and_method(), Some(("p.S", "M")));
    for path in ["/", "*", "/service", "no/slash"] {
        assert_eq!(
            parse_with(":path", Some(path))
                .unwrap()
                .service_and_method(),
            None,
            "{path}"
        );
    }
}

#[test]
fn long_and_strange_values_are_quoted_in_part_and_escaped() {
    let long = "x\u{0}".repeat(5000);
    let rejection = parse_with("content-type", Some(&long)).unwrap_err();
    assert!(rejection.status().message().len() < 400);
    assert_eq!(
        rejection
            .body()
            .unwrap()
            .iter()
            .filter(|byte| **byte < 0x20)
            .count(),
        1
    );
}

#[test]
fn random_header_lists_never_panic_and_rejections_are_whole() {
    for seed in 0..20_000 {
        let list = random_headers(&mut XorShift::new(seed));
        if let Err(rejection) = RequestHead::parse(&list, &Compressors::default()) {
            let head = rejection.head();
            assert!(
                head.iter()
                    .any(|field| field.name == Name::Known(KnownName::GrpcStatus))
            );
            assert_eq!(head[0].name, Name::Known(KnownName::Status));
        }
    }
}
