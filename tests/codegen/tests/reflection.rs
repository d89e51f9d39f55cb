//! Generated services describe themselves by reflection, with nothing registered by hand.
#![allow(deprecated)] // one of the services says that it is

use farcall::{
    Channel, Server,
    prost::Message,
    prost_types::FileDescriptorProto,
    reflection::{
        self,
        proto::{
            ServerReflectionClient, ServerReflectionRequest,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        },
    },
    server::{Methods, Service},
};
use farcall_codegen_tests::{
    HomelessServer, collisions as c, editions_file::editions as e, outer, well_known as w,
};

struct Nothing;

impl c::Future for Nothing {}
impl e::Modern for Nothing {}
impl outer::Up for Nothing {}
impl w::WellKnown for Nothing {}
impl farcall_codegen_tests::Homeless for Nothing {}

/// Not generated: nothing describes it.
struct ByHand;

impl Service for ByHand {
    const NAME: &'static str = "by.Hand";

    fn methods(&self, _: &mut Methods) {}
}

async fn client(server: Server) -> ServerReflectionClient {
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let target = server.local_addr().unwrap().to_string();
    tokio::spawn(server.serve());
    ServerReflectionClient::new(Channel::builder(target).insecure().build().unwrap())
}

fn everything() -> Server {
    Server::builder()
        .add_service(reflection::service()) // first or last makes no difference
        .add_service(c::FutureServer::new(Nothing))
        .add_service(e::ModernServer::new(Nothing))
        .add_service(outer::UpServer::new(Nothing))
        .add_service(w::WellKnownServer::new(Nothing))
        .add_service(HomelessServer::new(Nothing))
        .add_service(ByHand)
}

async fn ask(client: &ServerReflectionClient, question: MessageRequest) -> MessageResponse {
    let (mut questions, mut answers) = client.server_reflection_info().split();
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(question),
    };
    questions.send(request).await.unwrap();
    questions.half_close();
    let answer = answers.message().await.unwrap().unwrap();
    assert_eq!(answers.message().await.unwrap(), None);
    answer.message_response.unwrap()
}

async fn services(client: &ServerReflectionClient) -> Vec<String> {
    match ask(client, MessageRequest::ListServices(String::new())).await {
        MessageResponse::ListServicesResponse(list) => {
            list.service.into_iter().map(|one| one.name).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn exactly_the_services_of_the_server_are_listed() {
    let listed = services(&client(everything()).await).await;
    let expected = [
        "Homeless",
        "by.Hand",
        "collisions.Future",
        "editions.Modern",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "outer.Up",
        "well_known.WellKnown",
    ];
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn every_generated_service_is_described_with_all_that_its_file_imports() {
    let client = client(everything()).await;
    for name in services(&client).await {
        let question = MessageRequest::FileContainingSymbol(name.clone());
        let files = match ask(&client, question).await {
            MessageResponse::FileDescriptorResponse(files) => files.file_descriptor_proto,
            MessageResponse::ErrorResponse(error) if name == "by.Hand" => {
                assert_eq!(error.error_code, 5);
                continue;
            }
            other => panic!("{name}: {other:?}"),
        };
        let decode =
            |file: &farcall::prost::bytes::Bytes| FileDescriptorProto::decode(file.clone());
        let files: Vec<_> = files.iter().map(|file| decode(file).unwrap()).collect();
        let (package, service) = name.rsplit_once('.').unwrap_or(("", &name));
        assert_eq!(files[0].package(), package, "{name}");
        assert!(files[0].service.iter().any(|one| one.name() == service));
        let imports = files.iter().flat_map(|file| &file.dependency);
        for import in imports {
            assert!(
                files.iter().any(|file| file.name() == import),
                "{name}: {import}"
            );
        }
        if name == "well_known.WellKnown" {
            assert!(files.len() > 7, "{}", files.len());
        }
    }
}

#[tokio::test]
async fn the_standard_details_of_statuses_are_described() {
    let client = client(Server::builder().add_service(reflection::service())).await;
    for name in [
        "BadRequest.FieldViolation",
        "QuotaFailure",
        "Help.Link",
        "Status",
    ] {
        let question = MessageRequest::FileContainingSymbol(format!("google.rpc.{name}"));
        let answer = ask(&client, question).await;
        let MessageResponse::FileDescriptorResponse(files) = answer else {
            panic!("{name}: {answer:?}");
        };
        let file = FileDescriptorProto::decode(files.file_descriptor_proto[0].clone()).unwrap();
        assert!(file.name().starts_with("google/rpc/"), "{}", file.name());
        assert_eq!(files.file_descriptor_proto.len(), 2, "with its import");
    }
}

#[tokio::test]
async fn one_version_of_the_service_can_be_left_out() {
    let server = Server::builder().add_service(reflection::service().without_v1alpha());
    let listed = services(&client(server).await).await;
    assert_eq!(listed, ["grpc.reflection.v1.ServerReflection"]);
}
