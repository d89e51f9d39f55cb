//! The messages of the benchmark programs.

use bytes::Bytes;
use load::zeros;

farcall::include_protos!();

pub use grpc::testing as pb;

use pb::{Payload, PayloadType, SimpleRequest, SimpleResponse};

fn payload(body: Bytes) -> Option<Payload> {
    Some(Payload {
        r#type: PayloadType::Compressable.into(),
        body,
    })
}

/// A request with this body for a response of so many bytes.
pub fn request(body: Bytes, response_size: usize) -> SimpleRequest {
    SimpleRequest {
        response_type: PayloadType::Compressable.into(),
        response_size: response_size as i32,
        payload: payload(body),
    }
}

/// The response that a request asks for.
pub fn reply(request: &SimpleRequest) -> SimpleResponse {
    SimpleResponse {
        payload: payload(zeros(request.response_size as usize)),
    }
}

/// The length of a response's body.
pub fn body_len(response: SimpleResponse) -> usize {
    response.payload.map_or(0, |payload| payload.body.len())
}
