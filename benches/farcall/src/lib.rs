//! The messages and the service of the benchmark programs.
#![forbid(unsafe_code)]

use bytes::Bytes;
use load::zeros;
use std::time::Duration;

mod service;

farcall::include_protos!();

pub use grpc::testing as pb;
pub use service::Service;

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

/// The number behind `--name` on the command line: a flag of our programs that the kit does not know.
fn flag(name: &str) -> Option<u64> {
    let mut args = std::env::args().skip_while(|arg| arg.strip_prefix("--") != Some(name));
    args.nth(1).map(|value| {
        value
            .parse()
            .unwrap_or_else(|_| panic!("--{name} needs a number"))
    })
}

/// `--poll-us N`: the latency option, for N µs.
pub fn polling() -> Duration {
    Duration::from_micros(flag("poll-us").unwrap_or(0))
}

/// `--per-core N`: a server with N threads of its own, one runtime each; 0: as many as there are cores.
pub fn shards() -> Option<usize> {
    flag("per-core").map(|shards| shards as usize)
}
