//! What protoc and buf say to the plugin, and what it answers.

use farcall_build::{Config, run_plugin};
use prost::Message;
use prost_types::{
    FileDescriptorSet,
    compiler::{CodeGeneratorRequest, CodeGeneratorResponse},
};

/// A request as protoc makes it: all imports, and the files that were named.
fn request(proto: &str, parameter: &str) -> Vec<u8> {
    let set = Config::new()
        .include("../../tests/codegen/proto")
        .proto(format!("../../tests/codegen/proto/{proto}"));
    let set = FileDescriptorSet::decode(&*set.generate().unwrap().descriptor_set).unwrap();
    let request = CodeGeneratorRequest {
        file_to_generate: vec![proto.into()],
        parameter: Some(parameter.into()),
        proto_file: set.file,
        compiler_version: None,
    };
    request.encode_to_vec()
}

fn answer(proto: &str, parameter: &str) -> CodeGeneratorResponse {
    CodeGeneratorResponse::decode(&*run_plugin(&request(proto, parameter))).unwrap()
}

#[test]
fn only_the_named_files_are_generated() {
    let response = answer("packages.proto", "");
    assert_eq!(response.error, None);
    assert_eq!(response.file.len(), 1);
    assert_eq!(response.file[0].name(), "farcall.rs");
    let code = response.file[0].content();
    assert!(code.contains("pub trait Up"));
    assert!(!code.contains("pub trait Down") && !code.contains("pub struct Deep"));
    assert!(
        code.contains("inner::deep::Deep"),
        "imported types are named all the same"
    );
}

#[test]
fn parameters_work_as_documented() {
    let parameters = "server=false,name=x,runtime=::other::farcall,\
                      type_attribute=.outer.Inner=#[derive(A, B)],extern_path=.outer.inner=crate::inner";
    let response = answer("packages.proto", parameters);
    assert_eq!(response.file[0].name(), "x.rs");
    let code = response.file[0].content();
    for present in [
        "UpClient(::other::farcall::Channel)",
        "pub const FILE_DESCRIPTOR_SET: &[u8] = b\"",
        "#[derive(A, B)]",
        "crate::inner::deep::Deep",
        "::other::farcall::prost::Message",
    ] {
        assert!(code.contains(present), "{present}");
    }
    assert!(!code.contains("UpServer"));
}

#[test]
fn a_server_hands_on_its_descriptors_unless_they_are_left_out() {
    let code = |parameters| {
        answer("packages.proto", parameters).file[0]
            .content()
            .to_owned()
    };
    let constant = "const FILE_DESCRIPTOR_SET: &'static [u8] = super::FILE_DESCRIPTOR_SET;";
    assert!(code("").contains(constant));
    assert!(!code("embed_descriptors=false").contains("FILE_DESCRIPTOR_SET"));
}

#[test]
fn a_wrong_parameter_is_an_error_that_lists_the_right_ones() {
    for (parameter, complaint) in [
        ("nonsense=1", "there is no option nonsense"),
        ("server=maybe", "true or false"),
        ("extern_path=.a", "form .path=text"),
        ("name", "needs a value"),
    ] {
        let response = answer("packages.proto", parameter);
        assert!(response.error().contains(complaint), "{}", response.error());
        assert!(response.error().contains("extern_path=.proto=::rust"));
        assert!(response.file.is_empty());
    }
}

#[test]
fn optional_fields_of_proto3_and_editions_are_supported() {
    assert_eq!(answer("shapes.proto", "").supported_features(), 1 | 2);
    // A file of an edition, as protoc encodes it: the fields that prost-types lacks must survive.
    let set = include_bytes!("../../../tests/codegen/proto/editions.binpb");
    let mut request = Vec::new();
    prost::encoding::string::encode(1, &"editions.proto".to_owned(), &mut request);
    // The set has one file: its length-delimited field 1 becomes field 15.
    assert_eq!(set[0], 0x0a);
    request.push(15 << 3 | 2);
    request.extend_from_slice(&set[1..]);
    let response = CodeGeneratorResponse::decode(&*run_plugin(&request)).unwrap();
    assert_eq!(response.error, None);
    let code = response.file[0].content();
    assert!(code.contains("pub trait Modern"));
    assert!(code.contains("#[prost(int32, required, tag = \"3\")]"));
}
