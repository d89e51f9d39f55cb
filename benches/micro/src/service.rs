//! The server's side of every scenario.

use crate::Error;
use farcall::{Request, Response, Sender, Server, Status, Streaming, server::Unbound};
use farcall_bench::{
    pb::{BenchmarkService, BenchmarkServiceServer, SimpleRequest, SimpleResponse},
    reply,
};

struct Service;

impl BenchmarkService for Service {
    async fn unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        Ok(reply(&request).into())
    }

    async fn streaming_call(
        &self,
        mut requests: Request<Streaming<SimpleRequest>>,
        replies: &mut Sender<SimpleResponse>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.message().await? {
            replies.send(reply(&request)).await?;
        }
        Ok(())
    }

    async fn streaming_from_server(
        &self,
        request: Request<SimpleRequest>,
        replies: &mut Sender<SimpleResponse>,
    ) -> Result<(), Status> {
        let body = request.payload.as_ref().map(|payload| &payload.body[..]);
        let Some(count) = body.and_then(|body| body.try_into().ok()) else {
            return Err(Status::invalid_argument("no count"));
        };
        let reply = reply(&request);
        for _ in 0..u64::from_le_bytes(count) {
            replies.send(reply.clone()).await?;
        }
        Ok(())
    }
}

/// A server with default settings that is handed its connection. Server streams end after as many messages as the
/// request's body says (`u64`, little-endian).
///
/// # Errors
/// As [`Server::unbound`].
pub fn server() -> Result<Unbound, Error> {
    let server = Server::builder().add_service(BenchmarkServiceServer::new(Service));
    Ok(server.unbound()?)
}
