//! The service of `peers/README.md` on Farcall, with two flags more: `--per-core N` and `--poll-us N`.

use farcall::{Request, Response, Sender, Server, ServerTls, Status, Streaming};
use farcall_bench::{
    pb::{BenchmarkService, BenchmarkServiceServer, SimpleRequest, SimpleResponse},
    polling, reply, shards,
};
use load::certificate;

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
        let reply = reply(&request);
        loop {
            replies.send(reply.clone()).await?;
        }
    }
}

fn main() -> anyhow::Result<()> {
    load::serve(|addr| async move {
        let mut builder = Server::builder().poll_before_sleeping(polling());
        if let Some(shards) = shards() {
            builder = builder.shards(shards);
        }
        if load::tls() {
            builder = builder.tls(ServerTls::from_pem(
                certificate::SERVER,
                certificate::SERVER_KEY,
            )?);
        }
        builder
            .add_service(BenchmarkServiceServer::new(Service))
            .serve(&addr.to_string())
            .await?;
        Ok(())
    })
}
