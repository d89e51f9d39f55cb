use tonic::{Request, Status, metadata::MetadataValue, transport::Channel};

pub mod helloworld {
    tonic::include_proto!("helloworld");
}
use helloworld::HelloRequest;
use helloworld::greeter_client::GreeterClient;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:50051".into());
    let channel = Channel::from_shared(format!("http://{addr}"))?.connect().await?;
    let token: MetadataValue<_> = "Bearer open sesame".parse()?;
    let mut client = GreeterClient::with_interceptor(channel, move |mut request: Request<()>| {
        request.metadata_mut().insert("authorization", token.clone());
        Ok::<_, Status>(request)
    });

    let mut request = Request::new(HelloRequest { name: "Tonic".into() });
    request.set_timeout(std::time::Duration::from_secs(5));
    let response = client.say_hello(request).await?;
    println!("{}", response.into_inner().message);

    let status = client.say_hello(HelloRequest::default()).await.unwrap_err();
    println!("{:?}: {}", status.code(), status.message());
    Ok(())
}
