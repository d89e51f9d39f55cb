//! What generated items are called, and which types they have.

use farcall::{Method, MethodKind, prost::Name, prost_types, server::Service};
use farcall_codegen_tests::{
    FILE_DESCRIPTOR_SET, Kind, Question, client_only, collisions, homeless, names::r#match as n,
    other, outer, question, server_only, shapes,
};

struct Anything;
impl collisions::GreeterService for Anything {}
impl collisions::GreeterServiceService for Anything {}
impl n::Type for Anything {}
impl n::S for Anything {}
impl n::Self_ for Anything {}
impl n::Empty for Anything {}
#[expect(deprecated)]
impl farcall_codegen_tests::Homeless for Anything {}
impl server_only::one_side::OneSide for Anything {}

fn name<S: Service>(_: &S) -> &'static str {
    S::NAME
}

#[test]
fn a_service_whose_types_would_be_called_like_messages_gets_other_names() {
    let _messages = (collisions::GreeterClient {}, collisions::GreeterServer {});
    assert_eq!(
        name(&collisions::GreeterServiceServer::new(Anything)),
        "collisions.Greeter"
    );
    assert_eq!(
        name(&collisions::GreeterServiceServiceServer::new(Anything)),
        "collisions.GreeterService"
    );
    assert_eq!(
        collisions::greeter::HELLO.path(),
        "/collisions.Greeter/Hello"
    );
    assert_eq!(
        collisions::greeter_service::HELLO.path(),
        "/collisions.GreeterService/Hello"
    );
}

#[test]
fn a_service_whose_module_would_be_that_of_a_package_gets_another_module() {
    let method: &Method<collisions::nested::Inner, collisions::Response> =
        &collisions::nested_service::HELLO;
    assert_eq!(method.path(), "/collisions.Nested/Hello");
}

#[test]
fn keywords_are_escaped_and_paths_keep_the_names_of_the_file() {
    assert_eq!(n::r#type::SELF.path(), "/names.match.Type/Self");
    assert_eq!(n::r#type::GEN.kind(), MethodKind::Bidi);
    assert_eq!(n::r#type::AWAIT.kind(), MethodKind::ClientStreaming);
    assert_eq!(n::r#type::LOOP.kind(), MethodKind::ServerStreaming);
    assert_eq!(
        n::self_::GET_HTTP_THING.path(),
        "/names.match.self/get_HTTPThing"
    );
    assert_eq!(name(&n::TypeServer::new(Anything)), "names.match.Type");
    assert_eq!(name(&n::SServer::new(Anything)), "names.match.S");
    assert_eq!(name(&n::SelfServer::new(Anything)), "names.match.self");
    assert_eq!(name(&n::EmptyServer::new(Anything)), "names.match.Empty");
    let r#in = n::In {
        r#type: "t".into(),
        self_: "s".into(),
        crate_: "c".into(),
        r#async: 1,
        ..Default::default()
    };
    assert_eq!(r#in.self_, "s");
    assert_eq!(n::r#in::Box::Self_ as i32, 1);
}

#[test]
fn packages_messages_and_their_inner_types_share_one_tree() {
    // `outer::inner` holds a package and the types inside of message `outer.Inner`.
    let method: &Method<outer::inner::deep::Deep, outer::inner::inner::Nested> = &outer::up::CALL;
    assert_eq!(method.path(), "/outer.Up/Call");
    assert_eq!(outer::inner::Kind::Zero as i32, 0);
    assert_eq!(outer::inner::down::CALL.path(), "/outer.inner.Down/Call");
    assert_eq!(outer::inner::Other::full_name(), "outer.inner.Other");
}

#[test]
fn what_has_no_package_stands_in_the_root() {
    let method: &Method<question::Hint, Question> = &homeless::TELL;
    assert_eq!(method.path(), "/Homeless/Tell");
    // As the file says, the service is deprecated.
    #[expect(deprecated)]
    let server = farcall_codegen_tests::HomelessServer::from_arc(std::sync::Arc::new(Anything));
    assert_eq!(name(&server), "Homeless");
    assert_eq!(Question::type_url(), "type.googleapis.com/Question");
    assert_eq!(Kind::A as i32, 0);
}

#[test]
fn external_types_are_used_where_they_are() {
    let method: &Method<other::elsewhere::Thing, other::elsewhere::thing::Part> =
        &shapes::shapes::FAR;
    assert_eq!(method.path(), "/shapes.Shapes/Far");
    // The attribute that build.rs asks for.
    assert!(shapes::Tagged { a: 1 } < shapes::Tagged { a: 2 });
}

#[test]
fn each_side_can_be_left_out() {
    let _: fn(farcall::Channel) -> client_only::one_side::OneSideClient =
        client_only::one_side::OneSideClient::new;
    assert_eq!(
        name(&server_only::one_side::OneSideServer::new(Anything)),
        "one_side.OneSide"
    );
}

#[test]
fn the_descriptor_set_holds_every_file_with_its_imports() {
    use farcall::prost::Message;
    let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let files: Vec<&str> = set.file.iter().map(|file| file.name()).collect();
    for file in [
        "names.proto",
        "packages/deep.proto",
        "elsewhere.proto",
        "google/protobuf/timestamp.proto",
    ] {
        assert!(files.contains(&file), "{file} in {files:?}");
    }
}

#[test]
fn deprecation_reaches_clients_and_fields() {
    // Each `expect` fails the build where nothing is deprecated.
    #[expect(deprecated)]
    fn client(client: &shapes::ShapesClient) {
        let _ = client;
    }
    #[expect(deprecated)]
    fn field(tree: &shapes::Tree) -> i32 {
        tree.old
    }
    let _ = (client, field);
}
