//! Errors point at the place in the `.proto` file, and nothing panics.

use farcall_build::{Config, Error};
use prost::Message;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A directory of its own for a test, emptied.
fn directory(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("errors")
        .join(test);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn write(directory: &Path, name: &str, source: &str) -> PathBuf {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, source).unwrap();
    path
}

/// The error of a single file, without the directory.
fn error(test: &str, source: &str) -> String {
    let directory = directory(test);
    let path = write(&directory, "a.proto", source);
    let error = Config::new().proto(path).generate().unwrap_err();
    error
        .to_string()
        .replace(&format!("{}/", directory.display()), "")
}

#[test]
fn syntax_errors_name_line_and_column() {
    let text = error(
        "syntax",
        "syntax = \"proto3\";\nmessage A {\n  int32 x y = 1;\n}\n",
    );
    assert!(text.starts_with("a.proto:3:11: expected"), "{text}");
}

#[test]
fn a_file_that_ends_too_early_is_reported_at_its_end() {
    let text = error("end", "syntax = \"proto3\";\nmessage A {\n  int32 x = 1;");
    assert!(text.starts_with("a.proto:3:15: expected"), "{text}");
}

#[test]
fn an_unknown_type_is_reported_where_it_is_used() {
    let text = error(
        "type",
        "syntax = \"proto3\";\nservice S {\n  rpc Call(Nothing) returns (Nothing);\n}\n",
    );
    assert!(text.starts_with("a.proto:3:12: "), "{text}");
}

#[test]
fn a_missing_import_is_reported_where_it_is_named() {
    let text = error("import", "syntax = \"proto3\";\n\nimport \"b/c.proto\";\n");
    assert!(text.starts_with("a.proto:3:"), "{text}");
    assert!(text.contains("b/c.proto"), "{text}");
}

#[test]
fn an_error_in_an_imported_file_is_reported_there() {
    let directory = directory("imported");
    write(&directory, "b.proto", "syntax = \"proto3\";\nmessage {}\n");
    let path = write(
        &directory,
        "a.proto",
        "syntax = \"proto3\";\nimport \"b.proto\";\n",
    );
    let error = Config::new().proto(path).generate().unwrap_err();
    let location = error.diagnostics()[0].location.as_ref().unwrap();
    assert_eq!(
        location.file,
        directory.join("b.proto").display().to_string()
    );
    assert_eq!((location.line, location.column), (2, 9));
}

#[test]
fn names_that_would_be_one_in_rust_show_both_places() {
    let source = "syntax = \"proto3\";\nmessage A {\n  int32 fooBar = 1;\n  oneof foo_bar { int32 x = 2; }\n}\nenum a { X = 0; }\n\
                  service S {\n  rpc Do(A) returns (A);\n  rpc do(A) returns (A);\n}\n\
                  enum Kind {\n  KIND_ONE = 0;\n  ONE = 1;\n}\nservice __ {}\n";
    let text = error("names", source);
    for expected in [
        "`foo_bar` would be `foo_bar` in Rust, as `fooBar` (a.proto:3:3) is",
        "a.proto:6:1: `a` would be `A` in Rust, as `A` (a.proto:2:1) is",
        "a.proto:9:3: `do` would be `r#do` in Rust, as `Do` (a.proto:8:3) is",
        "a.proto:13:3: `ONE` would be `One` in Rust, as `KIND_ONE` (a.proto:12:3) is",
        "a.proto:15:1: `__` has no letter or digit",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
}

#[test]
fn a_file_of_an_edition_says_what_is_needed() {
    let directory = directory("edition");
    write(
        &directory,
        "a.proto",
        "// comment\nedition = \"2023\";\npackage a;\n",
    );
    let output = Command::new(env!("CARGO_BIN_EXE_farcall-build"))
        .args(["gen", "a.proto"])
        .current_dir(&directory)
        .env_remove("PROTOC")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("a.proto:2:1: "), "{text}");
    assert!(
        text.contains("PROTOC") && text.contains("edition"),
        "{text}"
    );
}

#[test]
fn a_missing_file_and_a_missing_protoc_are_named() {
    let text = Config::new()
        .proto("no/such.proto")
        .generate()
        .unwrap_err()
        .to_string();
    assert!(text.contains("no/such.proto"), "{text}");
    let config = Config::new()
        .proto("tests/proto/echo.proto")
        .protoc("/no/protoc");
    let text = config.generate().unwrap_err().to_string();
    assert!(text.contains("/no/protoc"), "{text}");
    assert!(
        Config::new()
            .generate()
            .unwrap_err()
            .to_string()
            .contains("no input")
    );
}

fn set(file: FileDescriptorProto) -> Result<farcall_build::Generated, Error> {
    Config::new()
        .descriptor_set(FileDescriptorSet { file: vec![file] }.encode_to_vec())
        .generate()
}

fn file() -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some("x.proto".into()),
        syntax: Some("proto3".into()),
        ..Default::default()
    }
}

#[test]
fn an_incomplete_descriptor_set_is_an_error_that_says_how_to_complete_it() {
    let text = set(FileDescriptorProto {
        dependency: vec!["y.proto".into()],
        ..file()
    })
    .unwrap_err()
    .to_string();
    assert!(text.starts_with("x.proto: y.proto is imported"), "{text}");
    assert!(text.contains("--include_imports"), "{text}");

    let field = FieldDescriptorProto {
        name: Some("f".into()),
        number: Some(1),
        label: Some(Label::Optional as i32),
        r#type: Some(Type::Message as i32),
        type_name: Some(".y.M".into()),
        ..Default::default()
    };
    let message = DescriptorProto {
        name: Some("M".into()),
        field: vec![field],
        ..Default::default()
    };
    let text = set(FileDescriptorProto {
        message_type: vec![message],
        ..file()
    })
    .unwrap_err()
    .to_string();
    assert!(text.contains("\".y.M\""), "{text}");
}

#[test]
fn descriptors_that_no_compiler_makes_are_errors() {
    let text = Config::new()
        .descriptor_set(*b"\x0a\xff\xff")
        .generate()
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("not an encoded google.protobuf.FileDescriptorSet"),
        "{text}"
    );
    let text = set(FileDescriptorProto {
        syntax: Some("proto9".into()),
        ..file()
    })
    .unwrap_err()
    .to_string();
    assert!(text.contains("proto9"), "{text}");
    let text = set(FileDescriptorProto {
        syntax: Some("editions".into()),
        ..file()
    })
    .unwrap_err()
    .to_string();
    assert!(text.contains("edition 0"), "{text}");
    // A map entry without fields makes prost-build panic.
    let options = prost_types::MessageOptions {
        map_entry: Some(true),
        ..Default::default()
    };
    let entry = DescriptorProto {
        name: Some("E".into()),
        options: Some(options),
        ..Default::default()
    };
    let message = DescriptorProto {
        name: Some("M".into()),
        nested_type: vec![entry],
        ..Default::default()
    };
    let text = set(FileDescriptorProto {
        message_type: vec![message],
        ..file()
    })
    .unwrap_err()
    .to_string();
    assert!(text.contains("cannot handle these descriptors"), "{text}");
}

#[test]
fn mistakes_in_the_configuration_are_errors() {
    let config = || Config::new().proto("tests/proto/echo.proto");
    let text = config()
        .extern_path("no.dot", "::x")
        .generate()
        .unwrap_err()
        .to_string();
    assert!(text.contains("no.dot"), "{text}");
    let text = config()
        .descriptor_set(vec![])
        .generate()
        .unwrap_err()
        .to_string();
    assert!(text.contains("name one of them"), "{text}");
}
