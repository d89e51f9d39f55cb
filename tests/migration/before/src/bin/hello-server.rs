use tonic::{Request, Response, Status, transport::Server};

pub mod helloworld {
    tonic::include_proto!("helloworld");
}
use helloworld::greeter_server::{Greeter, GreeterServer};
use helloworld::{HelloReply, HelloRequest};

#[derive(Default)]
struct MyGreeter;

#[tonic::async_trait]
impl Greeter for MyGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        println!("a call from {:?}", request.remote_addr());
        let name = request.into_inner().name;
        if name.is_empty() {
            return Err(Status::invalid_argument("a name is needed"));
        }
        Ok(Response::new(HelloReply { message: format!("Hello {name}!") }))
    }
}

fn authenticate(request: Request<()>) -> Result<Request<()>, Status> {
    match request.metadata().get("authorization") {
        Some(token) if token == "Bearer open sesame" => Ok(request),
        _ => Err(Status::unauthenticated("who are you?")),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:50051".into()).parse()?;
    println!("serving on {addr}");
    Server::builder()
        .add_service(GreeterServer::with_interceptor(MyGreeter, authenticate))
        .serve(addr)
        .await?;
    Ok(())
}
