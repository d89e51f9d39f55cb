//! The client under test against the server under test, without the runner.

use bytes::Bytes;
use farcall::{Code, prost_types::Any};
use farcall_conformance::{
    client::{self, Channels},
    pb::{
        self, BidiStreamRequest, ClientCompatRequest, ClientResponseResult, ClientStreamRequest,
        Codec, Compression, Header, HttpVersion, Protocol, ServerCompatRequest,
        ServerStreamRequest, StreamResponseDefinition, StreamType, UnaryRequest,
        UnaryResponseDefinition, client_compat_request::Cancel,
        client_compat_request::cancel::CancelTiming, client_compat_response::Result,
        conformance_payload::RequestInfo, unary_response_definition::Response,
    },
    server,
};
use prost::{Message, Name};

/// What the client says after a call to a server that was started for it.
async fn call<T: Message + Name>(
    method: &str,
    requests: &[T],
    adjust: impl FnOnce(&mut ClientCompatRequest),
) -> ClientResponseResult {
    let (bound, at) = server::bind(&ServerCompatRequest::default()).await.unwrap();
    tokio::spawn(bound.serve());
    let any = |request: &T| Any {
        type_url: T::type_url(),
        value: request.encode_to_vec(),
    };
    let mut request = ClientCompatRequest {
        test_name: "a case".to_owned(),
        host: at.host,
        port: at.port,
        service: Some("connectrpc.conformance.v1.ConformanceService".to_owned()),
        method: Some(method.to_owned()),
        request_headers: vec![header("x-sent", "up")],
        request_messages: requests.iter().map(any).collect(),
        ..ClientCompatRequest::default()
    };
    request.set_protocol(Protocol::Grpc);
    request.set_http_version(HttpVersion::HttpVersion2);
    request.set_codec(Codec::Proto);
    request.set_compression(Compression::Gzip);
    adjust(&mut request);
    let response = client::call(&Channels::default(), request).await;
    assert_eq!(response.test_name, "a case");
    match response.result {
        Some(Result::Response(result)) => result,
        other => panic!("the call was not made: {other:?}"),
    }
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: vec![value.to_owned()],
    }
}

fn one(response: Response, delay: u32) -> Option<UnaryResponseDefinition> {
    Some(UnaryResponseDefinition {
        response_headers: vec![header("x-head", "down")],
        response: Some(response),
        response_trailers: vec![header("x-tail", "end")],
        response_delay_ms: delay,
        raw_response: None,
    })
}

fn many(
    data: &[&'static str],
    error: Option<pb::Error>,
    delay: u32,
) -> Option<StreamResponseDefinition> {
    Some(StreamResponseDefinition {
        response_headers: vec![header("x-head", "down")],
        response_data: data
            .iter()
            .map(|data| Bytes::from_static(data.as_bytes()))
            .collect(),
        response_delay_ms: delay,
        error,
        response_trailers: vec![header("x-tail", "end")],
        raw_response: None,
    })
}

fn failure() -> pb::Error {
    pb::Error {
        code: Code::Aborted.into(),
        message: Some("so it was asked".to_owned()),
        details: Vec::new(),
    }
}

fn data(result: &ClientResponseResult) -> Vec<&[u8]> {
    result
        .payloads
        .iter()
        .map(|payload| &payload.data[..])
        .collect()
}

fn code(result: &ClientResponseResult) -> Option<Code> {
    result
        .error
        .as_ref()
        .map(|error| Code::from_i32(error.code))
}

/// How many requests the server had seen at each response.
fn told(result: &ClientResponseResult) -> Vec<usize> {
    let infos = result
        .payloads
        .iter()
        .map(|payload| payload.request_info.clone().unwrap_or_default());
    infos.map(|info| info.requests.len()).collect()
}

#[tokio::test]
async fn a_unary_call_brings_data_headers_trailers_and_what_the_server_saw() {
    let request = UnaryRequest {
        response_definition: one(Response::ResponseData(Bytes::from_static(b"abc")), 0),
        request_data: Bytes::from_static(b"def"),
    };
    let result = call("Unary", std::slice::from_ref(&request), |case| {
        case.timeout_ms = Some(60_000)
    })
    .await;
    assert_eq!(code(&result), None);
    assert_eq!(data(&result), [b"abc"]);
    assert_eq!(result.response_headers, [header("x-head", "down")]);
    assert_eq!(result.response_trailers, [header("x-tail", "end")]);
    let seen = result.payloads[0].request_info.as_ref().unwrap();
    assert_eq!(
        seen.request_headers
            .iter()
            .find(|header| header.name == "x-sent")
            .unwrap()
            .value,
        ["up"]
    );
    assert!((1..=60_000).contains(&seen.timeout_ms.unwrap()));
    assert_eq!(
        UnaryRequest::decode(seen.requests[0].value.as_slice()).unwrap(),
        request
    );
}

#[tokio::test]
async fn a_failed_call_brings_metadata_and_what_the_server_saw_in_its_details() {
    let requests = [
        ClientStreamRequest {
            response_definition: one(Response::Error(failure()), 0),
            ..Default::default()
        },
        ClientStreamRequest::default(),
    ];
    let result = call("ClientStream", &requests, |_| {}).await;
    let error = result.error.as_ref().unwrap();
    assert_eq!(
        (error.code, error.message.as_deref()),
        (Code::Aborted.into(), Some("so it was asked"))
    );
    let seen = RequestInfo::decode(error.details[0].value.as_slice()).unwrap();
    assert_eq!(error.details[0].type_url, RequestInfo::type_url());
    assert_eq!(seen.requests.len(), 2);
    assert_eq!(
        result.response_trailers,
        [header("x-head", "down"), header("x-tail", "end")]
    );
}

#[tokio::test]
async fn a_method_that_is_missing_is_unimplemented() {
    let result = call("Unimplemented", &[pb::UnimplementedRequest {}], |_| {}).await;
    assert_eq!(code(&result), Some(Code::Unimplemented));
}

#[tokio::test]
async fn a_stream_of_responses_may_end_badly() {
    let request = ServerStreamRequest {
        response_definition: many(&["1", "2"], Some(failure()), 0),
        ..Default::default()
    };
    let result = call("ServerStream", &[request], |_| {}).await;
    assert_eq!(data(&result), [b"1", b"2"]);
    assert_eq!(code(&result), Some(Code::Aborted));
    assert!(result.error.as_ref().unwrap().details.is_empty());
    assert_eq!(result.response_headers, [header("x-head", "down")]);
    assert_eq!(result.response_trailers, [header("x-tail", "end")]);
}

#[tokio::test]
async fn full_duplex_takes_turns_and_half_duplex_does_not() {
    for (stream_type, counts) in [
        (StreamType::FullDuplexBidiStream, [1, 1, 0]),
        (StreamType::HalfDuplexBidiStream, [2, 0, 0]),
    ] {
        let full_duplex = stream_type == StreamType::FullDuplexBidiStream;
        let requests = [
            BidiStreamRequest {
                response_definition: many(&["1", "2", "3"], None, 0),
                full_duplex,
                ..Default::default()
            },
            BidiStreamRequest::default(),
        ];
        let result = call("BidiStream", &requests, |case| {
            case.set_stream_type(stream_type)
        })
        .await;
        assert_eq!(code(&result), None);
        assert_eq!(data(&result), [b"1", b"2", b"3"]);
        assert_eq!(told(&result), counts, "{stream_type:?}");
    }
}

/// The server would answer in an hour.
#[tokio::test]
async fn cancelled_calls_end_at_once() {
    const HOUR: u32 = 3_600_000;
    let cancel = |timing| {
        move |case: &mut ClientCompatRequest| {
            case.cancel = Some(Cancel {
                cancel_timing: Some(timing),
            })
        }
    };
    let after = || cancel(CancelTiming::AfterCloseSendMs(1));

    let definition = one(Response::ResponseData(Bytes::new()), HOUR);
    let unary = UnaryRequest {
        response_definition: definition.clone(),
        ..Default::default()
    };
    assert_eq!(
        code(&call("Unary", &[unary], after()).await),
        Some(Code::Cancelled)
    );
    let client = [ClientStreamRequest {
        response_definition: definition,
        ..Default::default()
    }];
    assert_eq!(
        code(&call("ClientStream", &client, after()).await),
        Some(Code::Cancelled)
    );
    assert_eq!(
        code(
            &call(
                "ClientStream",
                &client,
                cancel(CancelTiming::BeforeCloseSend(()))
            )
            .await
        ),
        Some(Code::Cancelled)
    );
    let definition = many(&["never"], None, HOUR);
    let stream = ServerStreamRequest {
        response_definition: definition.clone(),
        ..Default::default()
    };
    assert_eq!(
        code(&call("ServerStream", &[stream], after()).await),
        Some(Code::Cancelled)
    );
    let bidi = BidiStreamRequest {
        response_definition: definition,
        ..Default::default()
    };
    assert_eq!(
        code(&call("BidiStream", &[bidi], after()).await),
        Some(Code::Cancelled)
    );
}

#[tokio::test]
async fn a_response_over_the_limit_is_refused() {
    let response = Response::ResponseData(Bytes::from(vec![0; 1000]));
    let request = UnaryRequest {
        response_definition: one(response, 0),
        ..Default::default()
    };
    let result = call("Unary", &[request], |case| case.message_receive_limit = 500).await;
    assert_eq!(code(&result), Some(Code::ResourceExhausted));
    assert!(data(&result).is_empty());
}
