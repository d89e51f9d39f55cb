//! A server that answers everything but does nothing that is asked: cases that look must fail.

use crate::setup;
use farcall::{Request, Response, Sender, Status, Streaming};
use farcall_interop::{
    cases,
    pb::{
        Empty, SimpleRequest, SimpleResponse, StreamingInputCallRequest,
        StreamingInputCallResponse, StreamingOutputCallRequest, StreamingOutputCallResponse,
        TestService,
    },
};

/// OK, with default messages, no metadata, no compression, no id; streams end at once.
struct Sloppy;

impl TestService for Sloppy {
    async fn empty_call(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Ok(Empty {}.into())
    }

    async fn unary_call(
        &self,
        _: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        Ok(SimpleResponse::default().into())
    }

    async fn cacheable_unary_call(
        &self,
        _: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        Ok(SimpleResponse::default().into())
    }

    async fn streaming_output_call(
        &self,
        _: Request<StreamingOutputCallRequest>,
        _: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        Ok(())
    }

    async fn streaming_input_call(
        &self,
        _: Request<Streaming<StreamingInputCallRequest>>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        Ok(StreamingInputCallResponse::default().into())
    }

    async fn full_duplex_call(
        &self,
        _: Request<Streaming<StreamingOutputCallRequest>>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        replies.send(StreamingOutputCallResponse::default()).await
    }

    async fn half_duplex_call(
        &self,
        _: Request<Streaming<StreamingOutputCallRequest>>,
        _: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        Ok(())
    }

    async fn unimplemented_call(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Ok(Empty {}.into())
    }
}

#[tokio::test]
async fn every_case_fails_against_a_server_that_ignores_its_requests() {
    // A server without UnimplementedService, that accepts a call and lets it be cancelled, is right about these.
    const RIGHT: [&str; 3] = ["empty_unary", "unimplemented_service", "cancel_after_begin"];
    // The deadline of a millisecond may pass before even this server answers.
    const EITHER: &str = "timeout_on_sleeping_server";
    let address = setup::serve(Sloppy).await;
    for name in cases::NAMES.iter().filter(|&&name| name != EITHER) {
        let outcome = cases::run(name, &setup::env(address))
            .await
            .expect("every name in the list is a case");
        assert_eq!(outcome.is_ok(), RIGHT.contains(name), "{name}: {outcome:?}");
    }
}
