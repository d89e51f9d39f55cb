use farcall::Channel;
use farcall::interceptor::{Call, Interceptor, Next, Outcome};

farcall::include_protos!();
use helloworld::{GreeterClient, HelloRequest};

struct Token(&'static str);

impl Interceptor for Token {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        call.metadata_mut().insert_sensitive("authorization", self.0);
        next.run(call).await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:50051".into());
    let channel = Channel::builder(addr).insecure().interceptor(Token("Bearer open sesame")).build()?;
    let client = GreeterClient::new(channel);

    let request = HelloRequest { name: "Farcall".into() };
    let response = client.say_hello(request).timeout(std::time::Duration::from_secs(5)).await?;
    println!("{}", response.into_inner().message);

    let status = client.say_hello(HelloRequest::default()).await.unwrap_err();
    println!("{:?}: {}", status.code(), status.message());
    Ok(())
}
