use farcall::interceptor::{Call, Interceptor, Next, Outcome};
use farcall::{Request, Response, Server, Status, server::Intercepted};

farcall::include_protos!();
use helloworld::{Greeter, GreeterServer, HelloReply, HelloRequest};

#[derive(Default)]
struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        println!("a call from {:?}", request.peer());
        let name = request.into_inner().name;
        if name.is_empty() {
            return Err(Status::invalid_argument("a name is needed"));
        }
        Ok(Response::new(HelloReply { message: format!("Hello {name}!") }))
    }
}

struct Authenticate;

impl Interceptor for Authenticate {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        match call.metadata().get("authorization") {
            Some("Bearer open sesame") => next.run(call).await,
            _ => Err(Status::unauthenticated("who are you?").into()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:50051".into());
    println!("serving on {addr}");
    Server::builder()
        .add_service(Intercepted::new(GreeterServer::new(MyGreeter), Authenticate))
        .serve(&addr)
        .await?;
    Ok(())
}
