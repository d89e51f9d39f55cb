//! Pairs beside the messages: with the request, before the response, after it; text, or bytes under names in `-bin`.

use crate::Outcome;
use farcall::{Request, Response, Sender, Status};
use farcall_examples::{
    hello::{Greeter, HelloReply, HelloRequest},
    local,
};

struct Polite;

impl Greeter for Polite {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        let tenant = request.metadata().get("tenant").unwrap_or("nobody");
        let message = format!("Hello, {tenant}!");
        let mut response = Response::new(HelloReply { message });
        response.metadata_mut().insert("served-by", "polite");
        response.trailers_mut().insert("cost", "3");
        Ok(response)
    }

    async fn say_hello_in_every_language(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloReply>,
    ) -> Result<(), Status> {
        if let Some(id) = request.metadata().get_bin("id-bin") {
            replies.metadata_mut().insert("id-bin", id);
        }
        replies.send_metadata()?; // at once, before the first message
        replies.trailers_mut().insert("languages", "0");
        Ok(())
    }
}

pub(crate) async fn run() -> Outcome {
    let client = local::serve(Polite).await?;
    let call = client.say_hello(HelloRequest::default());
    let reply = call.metadata("tenant", "blue").await?;
    println!("{}", reply.message);
    println!("served-by: {:?}", reply.metadata().get("served-by"));
    println!("cost: {:?}", reply.trailers().get("cost"));

    let mut request = Request::new(HelloRequest::default());
    request.metadata_mut().insert("id-bin", vec![0, 255]);
    let mut replies = client.say_hello_in_every_language(request).await?;
    let id = replies.metadata().await?.get_bin("id-bin");
    println!("id-bin: {id:?}");
    while replies.message().await?.is_some() {}
    let languages = replies.trailers().and_then(|trailers| trailers.get("languages"));
    println!("languages: {languages:?}");
    Ok(())
}
