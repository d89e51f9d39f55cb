//! The greeter of `showcase-server`, for tools that know gRPC's first tutorial.

use crate::helloworld::{Greeter, HelloReply, HelloRequest};
use farcall::{
    Request, Response, Sender, Status, Streaming,
    status::rpc::{BadRequest, FieldViolation},
};

/// Says hello. Its answers have metadata and trailers, and its refusals details, so that tools have something to show.
#[derive(Debug)]
pub struct HelloWorld;

impl Greeter for HelloWorld {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let mut response = Response::new(hello("Hello", &name(&request)?));
        response.metadata_mut().insert("language", "en");
        response.trailers_mut().insert("greetings", "1");
        Ok(response)
    }

    async fn say_hello_stream_reply(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloReply>,
    ) -> Result<(), Status> {
        let name = name(&request)?;
        for word in ["Hello", "Bonjour", "Hallo", "Ciao"] {
            replies.send(hello(word, &name)).await?;
        }
        Ok(())
    }

    async fn say_hello_bidi_stream(
        &self,
        mut requests: Request<Streaming<HelloRequest>>,
        replies: &mut Sender<HelloReply>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.message().await? {
            replies.send(hello("Hello", &name(&request)?)).await?;
        }
        Ok(())
    }
}

fn name(request: &HelloRequest) -> Result<String, Status> {
    if !request.name.is_empty() {
        return Ok(request.name.clone());
    }
    let violation = FieldViolation {
        field: "name".to_owned(),
        description: "must not be empty".to_owned(),
        ..FieldViolation::default()
    };
    let detail = BadRequest {
        field_violations: vec![violation],
    };
    Err(Status::invalid_argument("nobody to say hello to").with_detail(detail))
}

fn hello(word: &str, name: &str) -> HelloReply {
    HelloReply {
        message: format!("{word} {name}"),
    }
}
