//! The server that most tests of the wire talk to.

use bytes::Bytes;
use farcall_net::Request;
use farcall_testkit::stub_server::StubServer;

/// A method that echoes one message, and one that echoes a stream of them.
pub(crate) fn echo() -> StubServer {
    StubServer::unary("/t.T/Echo", |request: Request<Bytes>| async move {
        Ok(request.into_inner())
    })
    .and(StubServer::bidi("/t.T/Chat", |request, replies| {
        Box::pin(async move {
            let mut messages = request.into_inner();
            while let Some(message) = messages.message().await? {
                replies.send(message).await?;
            }
            Ok(())
        })
    }))
}
