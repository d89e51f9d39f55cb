//! Code around calls, on both sides: what is logged, added and checked, and what the handler learns of it.

use crate::Outcome as Done;
use farcall::{
    Channel, Code, Request, Response, Server, Status,
    interceptor::{Call, Interceptor, Next, Outcome},
};
use farcall_examples::hello::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};

/// Says how calls go, on either side.
struct Logging(&'static str);

impl Interceptor for Logging {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        let outcome = next.run(call).await;
        let code = outcome.as_ref().map_or_else(|status| status.code(), |_| Code::Ok);
        println!("{}: {} {code}", self.0, call.method().name());
        outcome
    }
}

/// Adds the tenant to every call of a client.
struct Tenant(&'static str);

impl Interceptor for Tenant {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        call.metadata_mut().insert("tenant", self.0);
        next.run(call).await
    }
}

struct Known(String);

/// Lets tenants in, and tells the handler which.
struct Doorman;

impl Interceptor for Doorman {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        let Some(tenant) = call.metadata().get("tenant").map(str::to_owned) else {
            return Err(Status::permission_denied("tenants only"));
        };
        call.extensions_mut().insert(Known(tenant));
        next.run(call).await
    }
}

struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let name = request.extensions().find::<Known>().map_or("", |known| &known.0);
        Ok(HelloReply { message: format!("Hello, {name}!") }.into())
    }
}

pub(crate) async fn run() -> Done {
    let server = Server::builder()
        .interceptor(Logging("server"))
        .interceptor(Doorman)
        .add_service(GreeterServer::new(MyGreeter))
        .bind("127.0.0.1:0")
        .await?;
    let target = server.local_addr()?.to_string();
    tokio::spawn(server.serve());
    let channel = Channel::builder(target).insecure();
    let channel = channel.interceptor(Logging("client")).build()?;

    let refused = GreeterClient::new(channel.clone()).say_hello(HelloRequest::default());
    println!("{}", refused.await.unwrap_err().message());

    let tenant = GreeterClient::new(channel.with_interceptor(Tenant("blue")));
    println!("{}", tenant.say_hello(HelloRequest::default()).await?.message);
    Ok(())
}
