//! Responses that are not gRPC's: from proxies, from web servers, from a wrong port.

use crate::status::{Code, Status};
use bytes::Bytes;
use std::fmt::Write;

/// How much of the body is quoted.
const MAX_QUOTED: usize = 1024;

/// A response without gRPC's content-type, whose body is being read for the message.
#[derive(Debug)]
pub(super) struct HttpError {
    status: Option<u16>,
    content_type: Option<Bytes>,
    body: Vec<u8>,
}

impl HttpError {
    pub(super) fn new(status: Option<u16>, content_type: Option<Bytes>) -> HttpError {
        HttpError {
            status,
            content_type,
            body: Vec::new(),
        }
    }

    /// Takes what will be quoted of the body; whether that is enough.
    pub(super) fn push(&mut self, data: &[u8]) -> bool {
        let room = MAX_QUOTED - self.body.len();
        self.body.extend_from_slice(&data[..data.len().min(room)]);
        self.body.len() == MAX_QUOTED
    }

    pub(super) fn into_status(self) -> Status {
        let mut message = match self.status {
            Some(status) => format!("HTTP status {status}"),
            None => "no HTTP status".to_string(),
        };
        // Writing to a string cannot fail.
        let _ = match &self.content_type {
            Some(value) => write!(
                message,
                ", content-type \"{}\"",
                value[..value.len().min(128)].escape_ascii()
            ),
            None => write!(message, ", no content-type"),
        };
        if !self.body.is_empty() {
            let _ = write!(message, ", body {:?}", String::from_utf8_lossy(&self.body));
        }
        Status::new(
            self.status.map_or(Code::Internal, Code::from_http_status),
            message,
        )
    }
}
