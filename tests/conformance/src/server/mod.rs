//! The server under test: the runner's service, and the server that it asks for.

mod definition;
mod seen;
mod streams;

use crate::pb::{
    self, BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse,
    ConformanceService, ConformanceServiceServer, IdempotentUnaryRequest, IdempotentUnaryResponse,
    ServerCompatRequest, ServerCompatResponse, ServerStreamRequest, ServerStreamResponse,
    UnaryRequest, UnaryResponse,
};
use farcall::{Request, Response, Sender, Server, ServerTls, Status, Streaming, server::Bound};
use seen::Seen;
use std::error::Error;

/// Binds a server as the runner describes it, and says where it is.
///
/// # Errors
/// The description makes no sense, its certificates are unusable, or there is no free port.
pub async fn bind(
    wanted: &ServerCompatRequest,
) -> Result<(Bound, ServerCompatResponse), Box<dyn Error>> {
    if !matches!(
        wanted.protocol(),
        pb::Protocol::Grpc | pb::Protocol::Unspecified
    ) {
        return Err(format!(
            "this server speaks gRPC only, not {}",
            wanted.protocol().as_str_name()
        )
        .into());
    }
    let mut server = Server::builder().add_service(ConformanceServiceServer::new(Conformance));
    if wanted.message_receive_limit > 0 {
        server = server.max_receive_message_size(wanted.message_receive_limit as usize);
    }
    let mut pem_cert = bytes::Bytes::new();
    if wanted.use_tls {
        let credentials = wanted
            .server_creds
            .as_ref()
            .ok_or("a server with TLS needs a certificate")?;
        pem_cert = credentials.cert.clone();
        let mut tls = ServerTls::from_pem(&credentials.cert, &credentials.key)?;
        if !wanted.client_tls_cert.is_empty() {
            tls = tls.client_ca_pem(&wanted.client_tls_cert)?;
        }
        server = server.tls(tls);
    }
    let bound = server.bind("127.0.0.1:0").await?;
    let address = bound.local_addr()?;
    let response = ServerCompatResponse {
        host: address.ip().to_string(),
        port: address.port().into(),
        pem_cert,
    };
    Ok((bound, response))
}

/// The runner's service, all of it but `Unimplemented`, which is meant to be missing.
#[derive(Debug)]
pub struct Conformance;

impl ConformanceService for Conformance {
    async fn unary(
        &self,
        request: Request<UnaryRequest>,
    ) -> Result<Response<UnaryResponse>, Status> {
        let mut seen = Seen::of(&request);
        seen.add(&*request);
        let response = definition::one_response(request.response_definition.as_ref(), seen).await?;
        Ok(response.map(|payload| UnaryResponse {
            payload: Some(payload),
        }))
    }

    async fn idempotent_unary(
        &self,
        request: Request<IdempotentUnaryRequest>,
    ) -> Result<Response<IdempotentUnaryResponse>, Status> {
        let mut seen = Seen::of(&request);
        seen.add(&*request);
        let response = definition::one_response(request.response_definition.as_ref(), seen).await?;
        Ok(response.map(|payload| IdempotentUnaryResponse {
            payload: Some(payload),
        }))
    }

    async fn client_stream(
        &self,
        mut requests: Request<Streaming<ClientStreamRequest>>,
    ) -> Result<Response<ClientStreamResponse>, Status> {
        let mut seen = Seen::of(&requests);
        let mut definition = None;
        while let Some(request) = requests.message().await? {
            if seen.is_empty() {
                definition.clone_from(&request.response_definition);
            }
            seen.add(&request);
        }
        let response = definition::one_response(definition.as_ref(), seen).await?;
        Ok(response.map(|payload| ClientStreamResponse {
            payload: Some(payload),
        }))
    }

    async fn server_stream(
        &self,
        request: Request<ServerStreamRequest>,
        replies: &mut Sender<ServerStreamResponse>,
    ) -> Result<(), Status> {
        streams::server_stream(&request, replies).await
    }

    async fn bidi_stream(
        &self,
        requests: Request<Streaming<BidiStreamRequest>>,
        replies: &mut Sender<BidiStreamResponse>,
    ) -> Result<(), Status> {
        streams::bidi_stream(requests, replies).await
    }
}
