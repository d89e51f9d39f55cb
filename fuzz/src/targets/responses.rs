//! What a client makes of a response: any header lists and payload, in any order. It comes to one end, and what a server
//! would write for that status is read as the same one.

use crate::{input::Input, targets::lists};
use bytes::Bytes;
use farcall_core::{
    Code, Compressors, Metadata, Status,
    call::{
        Progress, ReceiveOptions, Shape,
        client::{ResponseMachine, is_plain_head, is_plain_ok},
        server,
    },
    status::Any,
};
use farcall_http2::{Headers, Reason};

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.u8() % 4 {
        0 => written_status(&mut input),
        _ => response(&mut input),
    }
}

fn response(input: &mut Input<'_>) {
    let shape = input.pick(&[Shape::One, Shape::Many]);
    let mut options = ReceiveOptions::default();
    options.max_message_size = usize::from(input.u16());
    if input.u8() & 1 == 1 {
        options.compressors = Compressors::none();
    }
    let mut machine = ResponseMachine::new(shape, &options);
    let mut outcome: Option<Status> = None;
    let (mut messages, mut resets) = (0, 0);
    while !input.is_empty() {
        one(&mut machine, input);
        loop {
            match machine.poll() {
                Progress::Message(message) => {
                    assert!(outcome.is_none(), "a message after the end");
                    assert!(message.len() <= options.max_message_size);
                    messages += 1;
                }
                Progress::Pending { missing } => {
                    assert!(outcome.is_none(), "pending after the end");
                    assert!(missing <= options.max_message_size);
                    break;
                }
                Progress::Done { status, .. } => {
                    let before = outcome.get_or_insert(status.clone());
                    assert_eq!(
                        (before.code(), before.message()),
                        (status.code(), status.message())
                    );
                    break;
                }
            }
        }
        resets += usize::from(machine.must_reset().is_some());
        assert!(resets <= 1, "a stream is reset once");
        if let Some(metadata) = machine.metadata() {
            let _ = metadata.to_fields();
        }
    }
    if shape == Shape::One {
        assert!(messages <= 1);
        // A single message is handed out only when all is well.
        assert!(messages == 0 || outcome.is_none_or(|status| status.is_ok()));
    }
}

/// One thing that a connection may tell. The machine copes with any order.
fn one(machine: &mut ResponseMachine, input: &mut Input<'_>) {
    match input.u8() % 8 {
        0 | 1 => {
            let headers = lists::response(input);
            plain(&headers);
            machine.on_headers(&headers, input.u8() & 3 == 3);
        }
        2..5 => {
            let data = Bytes::copy_from_slice(input.short());
            machine.on_data(data, input.u8() & 15 == 15);
        }
        5 => {
            let trailers = lists::trailers(input);
            plain(&trailers);
            machine.on_trailers(&trailers);
        }
        6 => machine.on_reset(Reason(u32::from(input.u8())), input.u8() & 1 == 1),
        _ => machine.on_failure(Status::unavailable("lost")),
    }
}

/// What the short cut takes for plain, the machine takes for well.
fn plain(headers: &Headers) {
    if is_plain_head(headers) {
        let mut machine = ResponseMachine::new(Shape::Many, &ReceiveOptions::default());
        machine.on_headers(headers, false);
        assert_eq!(machine.poll(), Progress::Pending { missing: 0 });
        assert!(machine.metadata().is_none_or(Metadata::is_empty));
    }
    if is_plain_ok(headers) {
        let mut machine = ResponseMachine::new(Shape::Many, &ReceiveOptions::default());
        let fields = vec![farcall_http2::Field::new(
            farcall_http2::KnownName::ContentType,
            "application/grpc",
        )];
        machine.on_headers(
            &Headers {
                status: Some(200),
                fields,
                ..Headers::default()
            },
            false,
        );
        machine.on_trailers(headers);
        let Progress::Done { status, trailers } = machine.poll() else {
            panic!("not done")
        };
        assert!(status.is_ok() && status.message().is_empty() && trailers.is_empty());
        assert!(status.any_details().is_empty());
    }
}

/// A status that a handler might return, written and read again.
fn written_status(input: &mut Input<'_>) {
    let code = Code::from_i32(i32::from(input.u8() % 17));
    let limit = usize::from(input.u16());
    let message = String::from_utf8_lossy(input.short()).into_owned();
    let mut status = Status::new(code, message);
    for _ in 0..input.u8() % 4 {
        let url = String::from_utf8_lossy(input.short()).into_owned();
        status = status.with_any_detail(Any::new(url, input.short().to_vec()));
    }
    let mut metadata = Metadata::new();
    for _ in 0..input.u8() % 4 {
        let _ = metadata.try_append("x-bin", input.short().to_vec());
    }
    let whole: Vec<_> = server::trailers(&status, &metadata)
        .fields()
        .cloned()
        .collect();
    lists::assert_sendable(&whole);
    let (read, trailers) = read(whole);
    assert_eq!(
        (read.code(), read.message()),
        (status.code(), status.message())
    );
    assert_eq!(read.any_details(), status.any_details());
    assert_eq!(trailers, metadata);

    let short = server::trailers_within(limit, &status, &metadata);
    lists::assert_sendable(&short.fields().cloned().collect::<Vec<_>>());
    let message_goes = self::read(short.fields().cloned().collect()).0;
    assert_eq!(message_goes.code(), status.code());
    assert!(status.message().starts_with(message_goes.message()));
    assert!(short.size() <= limit || message_goes.message().is_empty());
}

fn read(trailers: Vec<farcall_http2::Field>) -> (Status, Metadata) {
    let mut machine = ResponseMachine::new(Shape::Many, &ReceiveOptions::default());
    let fields = vec![farcall_http2::Field::new(
        farcall_http2::KnownName::ContentType,
        "application/grpc",
    )];
    machine.on_headers(
        &Headers {
            status: Some(200),
            fields,
            ..Headers::default()
        },
        false,
    );
    machine.on_trailers(&Headers {
        fields: trailers,
        ..Headers::default()
    });
    match machine.poll() {
        Progress::Done { status, trailers } => (status, trailers),
        other => panic!("{other:?}"),
    }
}
