//! Files, symbols, extensions, and which files are sent.

use super::{
    answers::{Answers, Knowledge},
    files::Files,
    proto::{
        ExtensionRequest, ServerReflectionRequest, server_reflection_request::MessageRequest,
        server_reflection_response::MessageResponse,
    },
};
use farcall_core::Code;
use prost::Message;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, OneofDescriptorProto,
    ServiceDescriptorProto,
};
use std::sync::Arc;

fn file(name: &str, imports: &[&str]) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some(name.into()),
        package: Some(name.trim_end_matches(".proto").into()),
        dependency: imports.iter().map(|import| import.to_string()).collect(),
        ..Default::default()
    }
}

fn extension(name: &str, of: &str, number: i32) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.into()),
        extendee: Some(of.into()),
        number: Some(number),
        ..Default::default()
    }
}

fn an_enum(name: &str, value: &str) -> EnumDescriptorProto {
    EnumDescriptorProto {
        name: Some(name.into()),
        value: vec![EnumValueDescriptorProto {
            name: Some(value.into()),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// a imports b and c, which both import d; d has a message with everything in it; e extends it.
fn set() -> FileDescriptorSet {
    let mut a = file("a.proto", &["b.proto", "c.proto"]);
    a.service = vec![ServiceDescriptorProto {
        name: Some("S".into()),
        method: vec![MethodDescriptorProto {
            name: Some("Do".into()),
            ..Default::default()
        }],
        ..Default::default()
    }];
    let mut d = file("d.proto", &[]);
    d.message_type = vec![DescriptorProto {
        name: Some("M".into()),
        field: vec![extension("field", "", 1)],
        oneof_decl: vec![OneofDescriptorProto {
            name: Some("either".into()),
            ..Default::default()
        }],
        enum_type: vec![an_enum("Inner", "IN")],
        nested_type: vec![DescriptorProto {
            name: Some("Nested".into()),
            ..Default::default()
        }],
        extension: vec![extension("inside", ".d.M", 100)],
        ..Default::default()
    }];
    d.enum_type = vec![an_enum("Outer", "OUT")];
    let mut e = file("e.proto", &["d.proto"]);
    e.extension = vec![extension("more", ".d.M", 7), extension("other", ".x.Y", 9)];
    FileDescriptorSet {
        file: vec![
            file("b.proto", &["d.proto"]),
            a,
            file("c.proto", &["d.proto", "not-there.proto"]),
            d,
            e,
        ],
    }
}

fn answers() -> Answers {
    let mut files = Files::default();
    files.add(set().encode_to_vec().leak()).unwrap();
    Answers::new(Arc::new(Knowledge {
        services: vec!["a.S"],
        files,
    }))
}

fn ask(answers: &mut Answers, question: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest {
        host: "h".into(),
        message_request: Some(question),
    };
    let response = answers.answer(request.clone()).unwrap();
    assert_eq!(response.valid_host, "h");
    assert_eq!(response.original_request, Some(request));
    response.message_response.unwrap()
}

/// The names of the files in an answer.
fn files(answers: &mut Answers, question: MessageRequest) -> Vec<String> {
    match ask(answers, question) {
        MessageResponse::FileDescriptorResponse(response) => response
            .file_descriptor_proto
            .iter()
            .map(|file| {
                FileDescriptorProto::decode(&**file)
                    .unwrap()
                    .name()
                    .to_owned()
            })
            .collect(),
        other => panic!("files, not {other:?}"),
    }
}

fn error(answers: &mut Answers, question: MessageRequest) -> (i32, String) {
    match ask(answers, question) {
        MessageResponse::ErrorResponse(error) => (error.error_code, error.error_message),
        other => panic!("an error, not {other:?}"),
    }
}

fn symbol(name: &str) -> MessageRequest {
    MessageRequest::FileContainingSymbol(name.into())
}

fn name(name: &str) -> MessageRequest {
    MessageRequest::FileByFilename(name.into())
}

fn number(of: &str, number: i32) -> MessageRequest {
    MessageRequest::FileContainingExtension(ExtensionRequest {
        containing_type: of.into(),
        extension_number: number,
    })
}

#[test]
fn a_file_comes_with_all_that_it_imports_each_once() {
    let found = files(&mut answers(), name("a.proto"));
    assert_eq!(found, ["a.proto", "b.proto", "c.proto", "d.proto"]);
}

#[test]
fn files_that_were_sent_on_the_stream_are_not_sent_again_but_for_the_one_asked_for() {
    let mut answers = answers();
    assert_eq!(files(&mut answers, name("b.proto")), ["b.proto", "d.proto"]);
    assert_eq!(files(&mut answers, name("a.proto")), ["a.proto", "c.proto"]);
    assert_eq!(files(&mut answers, name("a.proto")), ["a.proto"]);
    assert_eq!(files(&mut answers, symbol("d.M")), ["d.proto"]);
}

#[test]
fn every_kind_of_symbol_is_found() {
    for (kind, in_file) in [
        ("a.S", "a.proto"),
        ("a.S.Do", "a.proto"),
        ("d.M", "d.proto"),
        ("d.M.field", "d.proto"),
        ("d.M.either", "d.proto"),
        ("d.M.Nested", "d.proto"),
        ("d.M.Inner", "d.proto"),
        ("d.M.IN", "d.proto"),
        ("d.M.inside", "d.proto"),
        ("d.Outer", "d.proto"),
        ("d.OUT", "d.proto"),
        ("e.more", "e.proto"),
    ] {
        assert_eq!(files(&mut answers(), symbol(kind))[0], in_file, "{kind}");
    }
}

#[test]
fn what_is_not_known_is_not_found_and_the_stream_goes_on() {
    let mut answers = answers();
    for question in [
        symbol("a.T"),
        symbol("d"),
        symbol(".a.S"),
        symbol(""),
        symbol("d.Outer.OUT"),
        name("not-there.proto"),
        number("d.M", 8),
        number("d.N", 7),
        MessageRequest::AllExtensionNumbersOfType("d.N".into()),
    ] {
        let (code, message) = error(&mut answers, question.clone());
        assert_eq!(code, Code::NotFound as i32, "{question:?}");
        assert!(message.starts_with("unknown "), "{message}");
    }
    let (_, message) = error(&mut answers, symbol(&"é".repeat(100_000)));
    assert!(message.len() < 2000);
    assert_eq!(files(&mut answers, symbol("d.M")), ["d.proto"]);
}

#[test]
fn extensions_are_found_by_number_and_all_numbers_are_told_in_order() {
    let mut answers = answers();
    assert_eq!(
        files(&mut answers, number("d.M", 7)),
        ["e.proto", "d.proto"]
    );
    assert_eq!(files(&mut answers, number("d.M", 100)), ["d.proto"]);
    assert_eq!(files(&mut answers, number("x.Y", 9)), ["e.proto"]);
    for (of, numbers) in [("d.M", &[7, 100][..]), ("d.M.Nested", &[]), ("x.Y", &[9])] {
        let question = MessageRequest::AllExtensionNumbersOfType(of.into());
        let MessageResponse::AllExtensionNumbersResponse(response) = ask(&mut answers, question)
        else {
            panic!("{of}");
        };
        assert_eq!(response.base_type_name, of);
        assert_eq!(response.extension_number, numbers);
    }
}

#[test]
fn a_request_that_asks_for_nothing_is_an_invalid_argument() {
    let request = ServerReflectionRequest::default();
    let status = answers().answer(request).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[test]
fn files_stay_as_they_were_written_whatever_is_in_them() {
    // Field 999, which no descriptor has.
    let mut encoded = file("strange.proto", &[]).encode_to_vec();
    encoded.extend([0xb8, 0x3e, 5]);
    let mut set = vec![0x0a, encoded.len() as u8];
    set.extend(&encoded);
    let mut files = Files::default();
    files.add(set.leak()).unwrap();
    let index = files.by_name("strange.proto").unwrap();
    assert_eq!(
        files.with_imports(index, &mut Default::default()),
        [encoded]
    );
}

#[test]
fn sets_may_overlap_and_what_is_no_set_is_an_error() {
    let mut files = Files::default();
    files.add(set().encode_to_vec().leak()).unwrap();
    files.add(set().encode_to_vec().leak()).unwrap();
    assert_eq!(files.extensions("d.M"), Some(vec![7, 100]));
    assert!(files.add(b"\x0a\xff").is_err());
    assert!(files.add(b"\x0a\x01\xff").is_err());
    files.add(b"").unwrap();
}
