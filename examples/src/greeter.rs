//! The service of `hello` and `hello-server`.

use crate::hello::{Greeter, HelloReply, HelloRequest};
use farcall::{
    Request, Response, Sender, Status, Streaming,
    status::rpc::{BadRequest, FieldViolation},
};

/// Says hello, with one method for each kind of call. The unary one reads metadata, and says in detail what is
/// wrong with a request.
#[derive(Debug)]
pub struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        if request.name.is_empty() {
            let violation = FieldViolation {
                field: "name".to_owned(),
                description: "must not be empty".to_owned(),
                ..FieldViolation::default()
            };
            let detail = BadRequest {
                field_violations: vec![violation],
            };
            return Err(Status::invalid_argument("nobody to say hello to").with_detail(detail));
        }
        let hello = match request.metadata().get("accept-language") {
            Some("fr") => "Bonjour",
            _ => "Hello",
        };
        Ok(greeting(hello, &request.name).into())
    }

    async fn say_hello_in_every_language(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloReply>,
    ) -> Result<(), Status> {
        for hello in ["Hello", "Bonjour", "Hallo", "Ciao", "Привет", "こんにちは"] {
            replies.send(greeting(hello, &request.name)).await?;
        }
        Ok(())
    }

    async fn say_hello_to_all(
        &self,
        mut requests: Request<Streaming<HelloRequest>>,
    ) -> Result<Response<HelloReply>, Status> {
        let mut names = Vec::new();
        while let Some(request) = requests.message().await? {
            names.push(request.name);
        }
        Ok(greeting("Hello", &names.join(", ")).into())
    }

    async fn say_hello_to_each(
        &self,
        mut requests: Request<Streaming<HelloRequest>>,
        replies: &mut Sender<HelloReply>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.message().await? {
            replies.send(greeting("Hello", &request.name)).await?;
        }
        Ok(())
    }
}

fn greeting(hello: &str, name: &str) -> HelloReply {
    HelloReply {
        message: format!("{hello}, {name}!"),
    }
}
