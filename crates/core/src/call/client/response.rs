//! What a client makes of a response.

use super::http_error::HttpError;
use crate::{
    call::{
        Progress, ReceiveOptions, Shape, content_type,
        inbox::{Inbox, Outcome},
    },
    message::Compressors,
    metadata::Metadata,
    quoted::quoted,
    status::{Code, Status, status_of_trailers},
};
use bytes::Bytes;
use farcall_http2::{Headers, KnownName, Reason};
use std::{mem, ops::Range};

/// The response of one attempt: `Headers Message* Trailers`, or `Trailers` alone.
///
/// Inputs: [`on_headers`](Self::on_headers), [`on_data`](Self::on_data), [`on_trailers`](Self::on_trailers),
/// [`on_reset`](Self::on_reset), [`on_failure`](Self::on_failure), in the order of the wire. Outputs, to be looked at
/// after each input: [`poll`](Self::poll) until it is `Pending` or `Done`, then [`must_reset`](Self::must_reset).
/// The first outcome counts: input after it has no effect.
///
/// ```
/// use bytes::Bytes;
/// use farcall_core::call::{Progress, ReceiveOptions, Shape, client::ResponseMachine};
/// use farcall_http2::{Field, Headers, KnownName};
///
/// let mut response = ResponseMachine::new(Shape::One, &ReceiveOptions::default());
/// let headers = Headers {
///     status: Some(200),
///     fields: vec![Field::new(KnownName::ContentType, "application/grpc")],
///     ..Headers::default()
/// };
/// response.on_headers(&headers, false);
/// response.on_data(Bytes::from_static(b"\0\0\0\0\x02hi"), false);
/// assert_eq!(response.poll(), Progress::Pending { missing: 0 }); // another message would be an error
///
/// let trailers = Headers { fields: vec![Field::new(KnownName::GrpcStatus, "0")], ..Headers::default() };
/// response.on_trailers(&trailers);
/// assert_eq!(response.poll(), Progress::Message(Bytes::from_static(b"hi")));
/// assert!(matches!(response.poll(), Progress::Done { status, .. } if status.is_ok()));
/// ```
#[derive(Debug)]
pub struct ResponseMachine {
    phase: Phase,
    inbox: Inbox,
    compressors: Compressors,
    metadata: Option<Metadata>,
    /// Of the response headers.
    http_status: Option<u16>,
    /// Nothing more can come from the peer on the stream.
    peer_ended: bool,
    must_reset: Option<Reason>,
}

#[derive(Debug)]
enum Phase {
    AwaitingHeaders,
    Messages,
    /// Not a gRPC response; its body explains.
    HttpError(HttpError),
}

impl ResponseMachine {
    /// For one attempt of a method whose responses have this shape.
    pub fn new(shape: Shape, options: &ReceiveOptions) -> ResponseMachine {
        ResponseMachine {
            phase: Phase::AwaitingHeaders,
            inbox: Inbox::new(shape, "response", options.max_message_size, None),
            compressors: options.compressors.clone(),
            metadata: None,
            http_status: None,
            peer_ended: false,
            must_reset: None,
        }
    }

    /// Lowers the limit of messages to `bytes` if it is higher: the service config has come after the call's start. Counts
    /// for messages whose prefix has not been read.
    pub fn lower_max_message_size(&mut self, bytes: usize) {
        self.inbox.lower_max_size(bytes);
    }

    /// The first header list; with `end_stream` it holds the trailers too.
    pub fn on_headers(&mut self, headers: &Headers, end_stream: bool) {
        if self.inbox.has_ended() {
            return;
        }
        if !matches!(self.phase, Phase::AwaitingHeaders) {
            return self.on_more_headers(headers, end_stream);
        }
        self.peer_ended |= end_stream;
        self.http_status = headers.status;
        let value = headers.find(KnownName::ContentType);
        if value.is_none_or(|value| content_type::subtype(value).is_none()) {
            return self.on_foreign_headers(headers, value.cloned(), end_stream);
        }
        if end_stream {
            return self.end_with(headers);
        }
        if let Err((status, reason)) = self.accept_headers(headers) {
            self.fail(status, reason);
        }
    }

    /// Payload; `end_stream` without trailers is the server's error.
    pub fn on_data(&mut self, data: Bytes, end_stream: bool) {
        if self.inbox.has_ended() {
            return;
        }
        self.peer_ended |= end_stream;
        match &mut self.phase {
            Phase::AwaitingHeaders => {
                self.fail(
                    Status::from_static(Code::Internal, "DATA before response headers"),
                    Reason::PROTOCOL_ERROR,
                );
            }
            Phase::Messages => {
                self.inbox.push(data);
                if end_stream {
                    self.inbox
                        .end(failure("the server ended the stream without trailers"));
                }
            }
            Phase::HttpError(error) => {
                if error.push(&data) || end_stream {
                    self.end_http_error();
                }
            }
        }
    }

    /// The trailers, which end the stream.
    pub fn on_trailers(&mut self, trailers: &Headers) {
        if self.inbox.has_ended() {
            return;
        }
        self.peer_ended = true;
        match self.phase {
            Phase::AwaitingHeaders => self.on_headers(trailers, true),
            Phase::Messages => self.end_with(trailers),
            Phase::HttpError(_) => self.end_http_error(),
        }
    }

    /// The stream was reset, by the peer or by this side's HTTP/2 because the peer broke a rule. Whole messages that
    /// came before are still handed out. `deadline_passed`: the call's deadline is over, so that CANCEL means that.
    pub fn on_reset(&mut self, reason: Reason, deadline_passed: bool) {
        if self.inbox.has_ended() {
            return;
        }
        self.on_failure(match Code::from_reset(reason) {
            Code::Cancelled if deadline_passed => Status::from_static(
                Code::DeadlineExceeded,
                "the deadline passed and the stream was cancelled",
            ),
            code => Status::new(code, format!("stream was reset with {reason}")),
        });
    }

    /// The attempt failed in another way: connection lost, deadline passed, cancelled here. Whole messages that came
    /// before are still handed out; of a response that is not gRPC's, its own error is reported.
    pub fn on_failure(&mut self, status: Status) {
        if self.inbox.has_ended() {
            return;
        }
        self.peer_ended = true;
        match self.phase {
            Phase::HttpError(_) => self.end_http_error(),
            Phase::AwaitingHeaders | Phase::Messages => self.inbox.end(status),
        }
    }

    /// A short cut past [`poll`](Self::poll) for streams of messages: shows `look` the next message in the buffer that it
    /// arrived in, if that is all there is to it. `None`: nothing has happened, ask `poll`.
    #[inline]
    pub fn next_in_place<R>(&mut self, look: impl FnOnce(&Bytes, Range<usize>) -> R) -> Option<R> {
        if !matches!(self.phase, Phase::Messages) {
            return None;
        }
        self.inbox.next_in_place(look)
    }

    /// What there is to hand out.
    pub fn poll(&mut self) -> Progress {
        if !self.inbox.has_ended() && !matches!(self.phase, Phase::Messages) {
            return Progress::Pending { missing: 0 };
        }
        let was_known = self.inbox.has_ended();
        match self.inbox.poll() {
            Progress::Done { status, trailers } => {
                if !was_known {
                    // The inbox itself found something wrong.
                    self.ask_for_reset(Reason::CANCEL);
                }
                Progress::Done {
                    status: status.mark_received(),
                    trailers,
                }
            }
            progress => progress,
        }
    }

    /// The initial metadata, once the headers have come; `None` before that and if there are none because the
    /// response consists of trailers or failed.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }

    /// Whether the message that [`poll`](Self::poll) handed out last came compressed. Of responses with one message
    /// it tells about that.
    pub fn last_was_compressed(&self) -> bool {
        self.inbox.last_was_compressed()
    }

    /// The code to reset the stream with, because nothing more that comes on it counts. Said once.
    pub fn must_reset(&mut self) -> Option<Reason> {
        self.must_reset.take()
    }

    fn on_more_headers(&mut self, headers: &Headers, end_stream: bool) {
        if end_stream {
            return self.on_trailers(headers);
        }
        self.fail(
            Status::from_static(Code::Internal, "second response headers"),
            Reason::PROTOCOL_ERROR,
        );
    }

    /// gRPC headers that messages follow. `grpc-status` among them does not count.
    fn accept_headers(&mut self, headers: &Headers) -> Result<(), (Status, Reason)> {
        if let Some(encoding) = headers
            .find(KnownName::GrpcEncoding)
            .filter(|name| name[..] != *b"identity")
        {
            let Some(decompressor) = self.compressors.find_bytes(encoding) else {
                let text = format!(
                    "the server uses grpc-encoding \"{}\", which is not known here",
                    quoted(encoding)
                );
                return Err((Status::internal(text), Reason::CANCEL));
            };
            self.inbox.set_decompressor(decompressor.clone());
        }
        let metadata = Metadata::from_fields(&headers.fields).map_err(|invalid| {
            (
                Status::internal(format!("response headers: {invalid}")),
                Reason::PROTOCOL_ERROR,
            )
        })?;
        self.metadata = Some(metadata);
        self.phase = Phase::Messages;
        Ok(())
    }

    /// Headers without gRPC's content-type. A `grpc-status` that is given must be used all the same
    /// (http-grpc-status-mapping), but nothing of this kind is ever a success.
    fn on_foreign_headers(
        &mut self,
        headers: &Headers,
        content_type: Option<Bytes>,
        end_stream: bool,
    ) {
        if let Ok(Some(status)) = status_of_trailers(&headers.fields)
            && !status.is_ok()
        {
            return self.fail(status, Reason::CANCEL);
        }
        self.phase = Phase::HttpError(HttpError::new(headers.status, content_type));
        if end_stream {
            self.end_http_error();
        }
    }

    fn end_http_error(&mut self) {
        if let Phase::HttpError(error) = mem::replace(&mut self.phase, Phase::Messages) {
            self.fail(error.into_status(), Reason::CANCEL);
        }
    }

    /// The status and metadata of trailers.
    fn end_with(&mut self, trailers: &Headers) {
        let status = match status_of_trailers(&trailers.fields) {
            Ok(Some(status)) => status,
            Ok(None) => return self.inbox.end(self.missing_status()),
            Err(malformed) => return self.fail(malformed, Reason::PROTOCOL_ERROR),
        };
        match Metadata::from_fields(&trailers.fields) {
            Ok(metadata) if metadata.is_empty() => self.inbox.end(status),
            Ok(metadata) => {
                let status = if status.is_ok() {
                    status
                } else {
                    status.with_metadata(metadata.clone())
                };
                self.inbox.end(Outcome {
                    status,
                    trailers: metadata,
                });
            }
            Err(invalid) => self.fail(
                Status::internal(format!("trailers: {invalid}")),
                Reason::PROTOCOL_ERROR,
            ),
        }
    }

    fn missing_status(&self) -> Status {
        match self.http_status {
            Some(200) | None => failure_with(Code::Unknown, "the server sent no grpc-status"),
            Some(status) => Status::new(
                Code::from_http_status(status),
                format!("HTTP status {status} and no grpc-status"),
            ),
        }
    }

    /// Ends at once: messages that have not been handed out are not worth it.
    fn fail(&mut self, status: Status, reason: Reason) {
        self.inbox.fail(status);
        self.ask_for_reset(reason);
    }

    fn ask_for_reset(&mut self, reason: Reason) {
        if !self.peer_ended {
            self.must_reset.get_or_insert(reason);
        }
    }
}

fn failure(text: &'static str) -> Status {
    failure_with(Code::Internal, text)
}

fn failure_with(code: Code, text: &'static str) -> Status {
    Status::from_static(code, text)
}

#[cfg(test)]
mod tests;
