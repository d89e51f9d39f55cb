//! The client under test: makes the calls that the runner describes and says what became of them.

mod cancel;
mod channels;
mod plan;
mod streams;
mod unary;

pub use channels::Channels;

use crate::{
    headers,
    pb::{
        self, ClientCompatRequest, ClientCompatResponse, ClientErrorResult, ClientResponseResult,
        ConformanceServiceClient, client_compat_response,
    },
};
use farcall::{Status, prost_types::Any};
use plan::{Plan, Unusable};

/// Makes a call. Its outcome, good or bad, is in the response; so is the reason if it cannot be made.
pub async fn call(channels: &Channels, request: ClientCompatRequest) -> ClientCompatResponse {
    let result = match outcome(channels, &request).await {
        Ok(response) => client_compat_response::Result::Response(response),
        Err(Unusable(message)) => {
            client_compat_response::Result::Error(ClientErrorResult { message })
        }
    };
    ClientCompatResponse {
        test_name: request.test_name,
        result: Some(result),
    }
}

async fn outcome(
    channels: &Channels,
    request: &ClientCompatRequest,
) -> Result<ClientResponseResult, Unusable> {
    let plan = Plan::of(request)?;
    let client = ConformanceServiceClient::new(channels.to(request)?);
    match plan.method {
        "Unary" => unary::one_request(&plan, |message| client.unary(message)).await,
        "IdempotentUnary" => {
            unary::one_request(&plan, |message| client.idempotent_unary(message)).await
        }
        "Unimplemented" => unary::one_request(&plan, |message| client.unimplemented(message)).await,
        "ClientStream" => unary::many_requests(&plan, client.client_stream()).await,
        "ServerStream" => {
            streams::server_stream(&plan, |message| client.server_stream(message)).await
        }
        "BidiStream" => streams::bidi_stream(&plan, client.bidi_stream()).await,
        other => Err(Unusable(format!("the service has no method {other:?}"))),
    }
}

/// Why a call failed, as the runner writes it.
fn error(status: &Status) -> pb::Error {
    let details = status.any_details().iter();
    pb::Error {
        code: status.code().into(),
        message: Some(status.message().to_owned()),
        details: details
            .map(|any| Any {
                type_url: any.type_url.clone(),
                value: any.value.clone().into(),
            })
            .collect(),
    }
}

/// The outcome of a call that failed before there was a response.
fn failed(status: &Status) -> ClientResponseResult {
    ClientResponseResult {
        response_headers: headers::of_metadata(status.initial_metadata()),
        error: Some(error(status)),
        response_trailers: headers::of_metadata(status.metadata()),
        ..ClientResponseResult::default()
    }
}
