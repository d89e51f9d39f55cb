//! A status can carry typed details: the messages of google.rpc, and any of one's own.

use crate::Outcome;
use farcall::{
    Request, Response, Status,
    status::rpc::{BadRequest, ErrorInfo, RetryInfo},
};
use farcall_examples::{
    greeter::MyGreeter,
    hello::{Greeter, HelloReply, HelloRequest},
    local,
};
use std::time::Duration;

struct Busy;

impl Greeter for Busy {
    async fn say_hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let why = ErrorInfo {
            reason: "TOO_MANY_GUESTS".into(),
            domain: "hello.example".into(),
            ..ErrorInfo::default()
        };
        let when = RetryInfo::after(Duration::from_secs(30));
        Err(Status::resource_exhausted("later").with_detail(why).with_detail(when))
    }
}

pub(crate) async fn run() -> Outcome {
    let client = local::serve(Busy).await?;
    let status = client.say_hello(HelloRequest::default()).await.unwrap_err();
    if let Some(why) = status.details::<ErrorInfo>() {
        println!("{}: {} of {}", status.code(), why.reason, why.domain);
    }
    let delay = status.details::<RetryInfo>().and_then(|info| info.delay());
    println!("again after {delay:?}");

    // Which field is wrong, from the greeter of `hello`.
    let client = local::serve(MyGreeter).await?;
    let status = client.say_hello(HelloRequest::default()).await.unwrap_err();
    for wrong in status.details::<BadRequest>().unwrap_or_default().field_violations {
        println!("{}: {} {}", status.code(), wrong.field, wrong.description);
    }
    Ok(())
}
