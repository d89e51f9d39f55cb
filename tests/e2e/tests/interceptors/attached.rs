//! Values that travel beside a call.

use super::{before, simulated};
use bytes::Bytes;
use farcall_net::{Code, Request, Status, interceptor::Call};
use farcall_testkit::stub_server::{StubServer, calls};

#[derive(Clone, Debug, PartialEq)]
struct User(String);

#[tokio::test(start_paused = true)]
async fn what_an_interceptor_finds_out_reaches_the_handler() {
    let stub = StubServer::unary("/t.T/Who", |request: Request<Bytes>| async move {
        let user = request.extensions().find::<User>().cloned();
        Ok(Bytes::from(user.map_or(String::new(), |user| user.0)))
    });
    let stub = simulated(stub.configure(|server| {
        server.interceptor(before(|call| {
            let Some(user) = call.metadata().get("user").map(str::to_owned) else {
                return Err(Status::unauthenticated("who are you?"));
            };
            call.extensions_mut().insert(User(user));
            Ok(())
        }))
    }));
    let who = || calls::unary(stub.channel(), "/t.T/Who", Bytes::new());
    assert_eq!(who().await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(*who().metadata("user", "ada").await.unwrap(), "ada");
}

#[tokio::test(start_paused = true)]
async fn a_caller_can_tell_its_interceptors_something_that_is_not_sent() {
    let stub = StubServer::unary("/t.T/Names", |request: Request<Bytes>| async move {
        let value = request.metadata().get("user").unwrap_or("nobody");
        Ok(Bytes::copy_from_slice(value.as_bytes()))
    });
    let stub = simulated(stub);
    let channel = stub.channel().with_interceptor(before(|call: &mut Call| {
        if let Some(User(name)) = call.extensions().find().cloned() {
            call.metadata_mut().insert("user", name);
        }
        Ok(())
    }));
    let names = |request: Request<Bytes>| calls::unary(&channel, "/t.T/Names", request);
    let plain = names(Request::new(Bytes::new()));
    assert_eq!(*plain.await.unwrap(), "nobody");
    let told = names(Request::new(Bytes::new())).extension(User("ada".into()));
    assert_eq!(*told.await.unwrap(), "ada");
    let mut request = Request::new(Bytes::new());
    request.extensions_mut().insert(User("grace".into()));
    assert_eq!(*names(request).await.unwrap(), "grace");
}
