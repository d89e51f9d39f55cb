use futures_util::{StreamExt, stream};
use peer_tonic::{
    pb::{
        SimpleRequest, SimpleResponse,
        benchmark_service_server::{BenchmarkService, BenchmarkServiceServer},
    },
    reply,
};
use tonic::{
    Request, Response, Status, Streaming,
    codegen::BoxStream,
    transport::{Identity, Server, ServerTlsConfig, server::TcpIncoming},
};

struct Service;

#[tonic::async_trait]
impl BenchmarkService for Service {
    async fn unary_call(
        &self,
        req: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        Ok(Response::new(reply(req.into_inner())))
    }

    type StreamingCallStream = BoxStream<SimpleResponse>;

    async fn streaming_call(
        &self,
        req: Request<Streaming<SimpleRequest>>,
    ) -> Result<Response<Self::StreamingCallStream>, Status> {
        let replies = req.into_inner().map(|r| r.map(reply));
        Ok(Response::new(Box::pin(replies)))
    }

    type StreamingFromServerStream = BoxStream<SimpleResponse>;

    async fn streaming_from_server(
        &self,
        req: Request<SimpleRequest>,
    ) -> Result<Response<Self::StreamingFromServerStream>, Status> {
        let reply = reply(req.into_inner());
        Ok(Response::new(Box::pin(stream::repeat_with(move || {
            Ok(reply.clone())
        }))))
    }
}

fn main() -> anyhow::Result<()> {
    load::serve(|addr| async move {
        let incoming = TcpIncoming::bind(addr)?.with_nodelay(Some(true));
        let mut builder = Server::builder();
        if load::tls() {
            let identity =
                Identity::from_pem(load::certificate::SERVER, load::certificate::SERVER_KEY);
            builder = builder.tls_config(ServerTlsConfig::new().identity(identity))?;
        }
        let server = builder.add_service(BenchmarkServiceServer::new(Service));
        Ok(server.serve_with_incoming(incoming).await?)
    })
}
