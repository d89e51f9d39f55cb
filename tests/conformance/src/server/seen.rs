//! What a server has seen of a call, to be told to the client.

use crate::{
    headers,
    pb::{Header, conformance_payload::RequestInfo},
};
use farcall::{Request, prost_types::Any};
use prost::{Message, Name};
use std::time::Instant;

/// Headers and timeout of a call, and the requests that have not been told yet.
#[derive(Debug)]
pub(super) struct Seen {
    headers: Vec<Header>,
    timeout_ms: Option<i64>,
    requests: Vec<Any>,
}

impl Seen {
    /// The call as it began.
    pub(super) fn of<T>(request: &Request<T>) -> Seen {
        let left = request
            .deadline()
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        Seen {
            headers: headers::of_metadata(request.metadata()),
            timeout_ms: left.map(|left| i64::try_from(left.as_millis()).unwrap_or(i64::MAX)),
            requests: Vec::new(),
        }
    }

    /// Remembers one more request.
    pub(super) fn add<T: Message + Name>(&mut self, request: &T) {
        self.requests.push(any(request));
    }

    /// Whether no request has been added yet, or all have been told.
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// All that is known, for the first response.
    pub(super) fn tell(&mut self) -> RequestInfo {
        RequestInfo {
            request_headers: std::mem::take(&mut self.headers),
            timeout_ms: self.timeout_ms.take(),
            requests: std::mem::take(&mut self.requests),
        }
    }
}

/// A message with its type.
pub(super) fn any<T: Message + Name>(message: &T) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{}", T::full_name()),
        value: message.encode_to_vec(),
    }
}
