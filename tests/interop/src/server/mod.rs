//! The service under test.

mod answer;
mod compression;
mod echo;

use crate::pb::{
    Empty, SimpleRequest, SimpleResponse, StreamingInputCallRequest, StreamingInputCallResponse,
    StreamingOutputCallRequest, StreamingOutputCallResponse, TestService,
};
use bytes::Bytes;
use farcall::{Encoding, Request, Response, Sender, Status, Streaming};
use std::hash::{BuildHasher, RandomState};

/// `grpc.testing.TestService`, all of it but `UnimplementedCall`, which is meant to be missing.
#[derive(Debug)]
pub struct TestServer {
    id: String,
}

impl TestServer {
    /// A server with an id of its own.
    pub fn new() -> TestServer {
        TestServer {
            id: format!(
                "farcall-{}-{:016x}",
                std::process::id(),
                RandomState::new().hash_one(0)
            ),
        }
    }
}

impl Default for TestServer {
    fn default() -> TestServer {
        TestServer::new()
    }
}

impl TestService for TestServer {
    async fn empty_call(&self, request: Request<Empty>) -> Result<Response<Empty>, Status> {
        let mut response = Response::new(Empty {});
        echo::into_response(request.metadata(), &mut response);
        Ok(response)
    }

    async fn unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        compression::expect(request.expect_compressed, request.message_was_compressed())?;
        answer::requested_status(&request.response_status)
            .map_err(|status| echo::into_status(request.metadata(), status))?;
        let mut response = Response::new(SimpleResponse {
            payload: Some(answer::payload(
                request.response_type,
                request.response_size,
            )?),
            server_id: if request.fill_server_id {
                self.id.clone()
            } else {
                String::new()
            },
            ..SimpleResponse::default()
        });
        if let Some(wanted) = request.response_compressed {
            response.set_compression(if wanted.value {
                Encoding::Gzip
            } else {
                Encoding::Identity
            });
        }
        echo::into_response(request.metadata(), &mut response);
        Ok(response)
    }

    /// A cache may answer for us, so the response depends on nothing but the request: it gives the payload back.
    async fn cacheable_unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        let mut response = Response::new(SimpleResponse {
            payload: request.payload.clone(),
            ..SimpleResponse::default()
        });
        response
            .metadata_mut()
            .insert("cache-control", "max-age=60, public");
        echo::into_response(request.metadata(), &mut response);
        Ok(response)
    }

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        echo::into_sender(request.metadata(), replies);
        compression::offer(replies);
        answer::stream(&request, replies).await
    }

    async fn streaming_input_call(
        &self,
        mut request: Request<Streaming<StreamingInputCallRequest>>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        let mut total = 0;
        while let Some(message) = request.message().await? {
            compression::expect(message.expect_compressed, request.last_was_compressed())?;
            total += message.payload.map_or(0, |payload| payload.body.len());
        }
        let aggregated_payload_size = i32::try_from(total)
            .map_err(|_| Status::out_of_range("the sum of the sizes does not fit an int32"))?;
        let mut response = Response::new(StreamingInputCallResponse {
            aggregated_payload_size,
        });
        echo::into_response(request.metadata(), &mut response);
        Ok(response)
    }

    async fn full_duplex_call(
        &self,
        mut requests: Request<Streaming<StreamingOutputCallRequest>>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        echo::into_sender(requests.metadata(), replies);
        compression::offer(replies);
        while let Some(request) = requests.message().await? {
            answer::stream(&request, replies).await?;
        }
        Ok(())
    }

    async fn half_duplex_call(
        &self,
        mut requests: Request<Streaming<StreamingOutputCallRequest>>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        echo::into_sender(requests.metadata(), replies);
        compression::offer(replies);
        let mut waiting = Vec::new();
        while let Some(mut request) = requests.message().await? {
            request.payload = None;
            waiting.push(request);
        }
        for request in &waiting {
            answer::stream(request, replies).await?;
        }
        Ok(())
    }
}

/// So many zeros.
pub(crate) fn zeros(len: usize) -> Bytes {
    Bytes::from(vec![0; len])
}
