//! Responses and failures as requests define them.

use super::seen::{Seen, any};
use crate::{
    headers,
    pb::{ConformancePayload, Error, UnaryResponseDefinition, unary_response_definition as unary},
};
use bytes::Bytes;
use farcall::{Code, Response, Status, status::Any};
use std::time::Duration;

/// The answer of a call with one response; without a definition just what was seen.
pub(super) async fn one_response(
    definition: Option<&UnaryResponseDefinition>,
    mut seen: Seen,
) -> Result<Response<ConformancePayload>, Status> {
    let Some(definition) = definition else {
        return Ok(Response::new(payload(Bytes::new(), &mut seen)));
    };
    pause(definition.response_delay_ms).await;
    match &definition.response {
        Some(unary::Response::Error(error)) => {
            // A call that fails has no headers, so they travel among the trailers, as the runner allows.
            let mut status = failure(error, Some(&mut seen));
            headers::append(status.metadata_mut(), &definition.response_headers);
            headers::append(status.metadata_mut(), &definition.response_trailers);
            Err(status)
        }
        Some(unary::Response::ResponseData(data)) => {
            Ok(success(definition, payload(data.clone(), &mut seen)))
        }
        None => Ok(success(definition, payload(Bytes::new(), &mut seen))),
    }
}

fn success(
    definition: &UnaryResponseDefinition,
    payload: ConformancePayload,
) -> Response<ConformancePayload> {
    let mut response = Response::new(payload);
    headers::append(response.metadata_mut(), &definition.response_headers);
    headers::append(response.trailers_mut(), &definition.response_trailers);
    response
}

/// Data with what was seen since the last response.
pub(super) fn payload(data: Bytes, seen: &mut Seen) -> ConformancePayload {
    ConformancePayload {
        data,
        request_info: Some(seen.tell()),
    }
}

/// The failure that was asked for; with what was seen in its details if no response has told it.
pub(super) fn failure(error: &Error, seen: Option<&mut Seen>) -> Status {
    let mut status = Status::new(
        Code::from_i32(error.code),
        error.message.clone().unwrap_or_default(),
    );
    let seen = seen.map(|seen| any(&seen.tell()));
    for detail in error.details.iter().cloned().chain(seen) {
        status = status.with_any_detail(Any::new(detail.type_url, detail.value));
    }
    status
}

/// Waits before a response.
pub(super) async fn pause(millis: u32) {
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis.into())).await;
    }
}
