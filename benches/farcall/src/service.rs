//! The service of `peers/README.md` on Farcall.

use crate::{
    pb::{BenchmarkService, SimpleRequest, SimpleResponse},
    reply,
};
use farcall::{Request, Response, Sender, Status, Streaming};

/// The benchmark service; how long its server streams are is the only choice.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    counted: bool,
}

impl Service {
    /// Server streams go on until the caller cancels them, as the kit wants it.
    pub fn endless() -> Service {
        Service { counted: false }
    }

    /// Server streams end after as many messages as the body of their request says (`u64`, little-endian).
    pub fn counted() -> Service {
        Service { counted: true }
    }

    fn messages(self, request: &SimpleRequest) -> Result<u64, Status> {
        if !self.counted {
            return Ok(u64::MAX);
        }
        let body = request.payload.as_ref().map(|payload| &payload.body[..]);
        body.and_then(|body| body.try_into().ok())
            .map(u64::from_le_bytes)
            .ok_or_else(|| Status::invalid_argument("no count"))
    }
}

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
        let reply = reply(&request);
        for _ in 0..self.messages(&request)? {
            replies.send(reply.clone()).await?;
        }
        Ok(())
    }
}
