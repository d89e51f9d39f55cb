//! Calls with one response.

use super::{
    cancel::{self, Cancel},
    failed,
    plan::{Plan, Planned, Unusable},
};
use crate::{
    headers,
    pb::{
        ClientResponseResult, ClientStreamRequest, ClientStreamResponse, ConformancePayload,
        IdempotentUnaryResponse, UnaryResponse, UnimplementedResponse,
    },
};
use farcall::{
    Request, Response, Status,
    client::{ClientStreamingCall, UnaryCall},
};
use prost::{Message, Name};

/// A response that carries a payload or has none.
pub(super) trait Payload {
    fn payload(self) -> Option<ConformancePayload>;
}

macro_rules! payload {
    ($($response:ident),*) => {$(
        impl Payload for $response {
            fn payload(self) -> Option<ConformancePayload> {
                Some(self.payload.unwrap_or_default())
            }
        }
    )*};
}

payload!(UnaryResponse, IdempotentUnaryResponse, ClientStreamResponse);

impl Payload for UnimplementedResponse {
    fn payload(self) -> Option<ConformancePayload> {
        None
    }
}

pub(super) async fn one_request<Req, Res>(
    plan: &Plan<'_>,
    start: impl FnOnce(Request<Req>) -> UnaryCall<Req, Res>,
) -> Result<ClientResponseResult, Unusable>
where
    Req: Message + Name + Default + 'static,
    Res: Message + Default + Payload + 'static,
{
    let call = start(plan.only_message()?).planned(plan);
    let outcome = match plan.cancel {
        // The call is asked first, so that its request is on its way when it is dropped.
        Cancel::AfterClose(delay) => tokio::select! {
            biased;
            outcome = call => outcome,
            () = tokio::time::sleep(delay) => Err(cancel::dropped()),
        },
        Cancel::Never => call.await,
        Cancel::BeforeClose | Cancel::AfterResponses(_) => {
            return Err(Unusable(
                "a unary call can be cancelled after the half-close only".to_owned(),
            ));
        }
    };
    Ok(result(outcome))
}

pub(super) async fn many_requests(
    plan: &Plan<'_>,
    call: ClientStreamingCall<ClientStreamRequest, ClientStreamResponse>,
) -> Result<ClientResponseResult, Unusable> {
    let mut messages = plan.messages()?.into_iter();
    let (mut sender, mut response) = call.planned(plan).split();
    let mut unsent = 0;
    while let Some(message) = messages.next() {
        plan.pause().await;
        if sender.send(message).await.is_err() {
            // The call is over; the response says why.
            unsent = 1 + messages.len();
            break;
        }
    }
    match plan.cancel {
        Cancel::Never => sender.half_close(),
        Cancel::BeforeClose => sender.cancel(),
        Cancel::AfterClose(delay) => {
            sender.half_close();
            tokio::select! {
                biased;
                outcome = &mut response => return Ok(with_unsent(result(outcome), unsent)),
                () = tokio::time::sleep(delay) => sender.cancel(),
            }
        }
        Cancel::AfterResponses(_) => {
            return Err(Unusable(
                "a call with one response cannot be cancelled after its responses".to_owned(),
            ));
        }
    }
    Ok(with_unsent(result(response.await), unsent))
}

fn with_unsent(result: ClientResponseResult, unsent: usize) -> ClientResponseResult {
    ClientResponseResult {
        num_unsent_requests: i32::try_from(unsent).unwrap_or(i32::MAX),
        ..result
    }
}

fn result<Res: Payload>(outcome: Result<Response<Res>, Status>) -> ClientResponseResult {
    match outcome {
        Ok(response) => {
            let (message, metadata, trailers) = response.into_parts();
            ClientResponseResult {
                response_headers: headers::of_metadata(&metadata),
                payloads: message.payload().into_iter().collect(),
                response_trailers: headers::of_metadata(&trailers),
                ..ClientResponseResult::default()
            }
        }
        Err(status) => failed(&status),
    }
}
