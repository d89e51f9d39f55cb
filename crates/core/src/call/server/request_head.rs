//! What a server makes of request headers.

use super::Rejection;
use crate::{
    call::content_type,
    message::{Compressor, Compressors},
    metadata::Metadata,
    method::split_path,
    quoted::quoted,
    status::{Code, Status},
    timeout,
};
use bytes::Bytes;
use farcall_http2::{Field, Headers, KnownName, Name};
use std::{fmt, sync::Arc, time::Duration};

/// The head of a request that may be handled. It depends on the header list alone, so a caller may keep it for when
/// the same list comes again.
///
/// ```
/// use farcall_core::{Compressors, call::server::RequestHead};
/// use farcall_http2::{Field, Headers, KnownName};
///
/// let headers = Headers {
///     method: Some("POST".into()),
///     path: Some("/p.S/M".into()),
///     fields: vec![
///         Field::new(KnownName::ContentType, "application/grpc+proto"),
///         Field::new(KnownName::GrpcTimeout, "1S"),
///     ],
///     ..Headers::default()
/// };
/// let head = RequestHead::parse(&headers, &Compressors::default()).unwrap();
/// assert_eq!(head.service_and_method(), Some(("p.S", "M")));
/// assert_eq!(head.timeout, Some(std::time::Duration::from_secs(1)));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct RequestHead {
    /// `:path` as it came.
    pub path: Bytes,
    /// `:authority`, or else `host`.
    pub authority: Option<Bytes>,
    /// How long the client waits by the list, never zero. HTTP/2 reports a well-formed timeout
    /// [beside](farcall_http2::TimeoutValue) the list: see [`parse_timeout`].
    pub timeout: Option<Duration>,
    /// What compressed messages are compressed with.
    pub compressor: Option<Arc<dyn Compressor>>,
    /// `grpc-accept-encoding` as it came; see [`accepts`](Self::accepts).
    pub accept_encoding: Option<Bytes>,
    /// What follows the plus in `content-type`, empty if nothing does.
    pub content_subtype: Bytes,
    /// `user-agent` as it came.
    pub user_agent: Option<Bytes>,
    /// Attempts that the client made before this one (gRFC A6).
    pub previous_attempts: u32,
    /// The user's pairs.
    pub metadata: Metadata,
}

impl RequestHead {
    /// Checks a request's header list, in this order: method, content-type, authority, timeout, metadata, expiry,
    /// compression.
    ///
    /// # Errors
    /// The answer to send instead of handling the request:
    ///
    /// | what is wrong | HTTP status | gRPC status |
    /// |---|---|---|
    /// | not POST | 405, text | INTERNAL |
    /// | not `application/grpc` | 415, text | INVALID_ARGUMENT |
    /// | several `host`, malformed `grpc-timeout`, `-bin` value that is not base64 | 400 | INTERNAL |
    /// | nothing left of the timeout | 200 | DEADLINE_EXCEEDED |
    /// | unknown `grpc-encoding` | 200 | UNIMPLEMENTED, with `grpc-accept-encoding` |
    pub fn parse(headers: &Headers, compressors: &Compressors) -> Result<RequestHead, Rejection> {
        let method = headers.method.as_deref().unwrap_or_default();
        if method != b"POST" {
            let status = Status::internal(format!("method \"{}\" is not POST", quoted(method)));
            return Err(Rejection::text(405, status, method != b"HEAD"));
        }
        let known = KnownFields::of(&headers.fields);
        let content_subtype = content_subtype(known.content_type)?;
        if known.hosts > 1 {
            return Err(Rejection::bad_request(Status::from_static(
                Code::Internal,
                "more than one host header",
            )));
        }
        let timeout = match known.timeout {
            Some(value) => Some(timeout::parse(value).map_err(|_| bad_timeout(value))?),
            None => None,
        };
        let metadata = Metadata::from_fields(&headers.fields).map_err(|invalid| {
            Rejection::bad_request(Status::internal(format!("request headers: {invalid}")))
        })?;
        if timeout == Some(Duration::ZERO) {
            return Err(expired());
        }
        Ok(RequestHead {
            path: headers.path.clone().unwrap_or_default(),
            authority: headers.authority.as_ref().or(known.host).cloned(),
            timeout,
            compressor: compressor(known.encoding, compressors)?,
            accept_encoding: known.accept_encoding.cloned(),
            content_subtype,
            user_agent: known.user_agent.cloned(),
            previous_attempts: known.previous_attempts,
            metadata,
        })
    }

    /// The two parts of the path; `None` if it is malformed (answer UNIMPLEMENTED).
    pub fn service_and_method(&self) -> Option<(&str, &str)> {
        split_path(std::str::from_utf8(&self.path).ok()?)
    }

    /// Whether the client understands messages compressed this way. `identity` always.
    pub fn accepts(&self, encoding: &str) -> bool {
        let list = self.accept_encoding.as_deref().unwrap_or_default();
        encoding == "identity"
            || list
                .split(|&byte| byte == b',')
                .any(|name| name.trim_ascii() == encoding.as_bytes())
    }

    /// Whether messages are written as a codec with this subtype reads them. A codec without a subtype
    /// reads all; a request without one is `proto`.
    ///
    /// # Errors
    /// UNIMPLEMENTED.
    pub fn check_subtype(&self, codec: &str) -> Result<(), Status> {
        let theirs: &[u8] = if self.content_subtype.is_empty() {
            b"proto"
        } else {
            &self.content_subtype
        };
        if codec.is_empty() || theirs == codec.as_bytes() || self.content_subtype.is_empty() {
            return Ok(());
        }
        Err(Status::unimplemented(format!(
            "messages of type \"{}\" are not supported, only {codec}",
            quoted(theirs)
        )))
    }
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("path", &self.path)
            .field("authority", &self.authority)
            .field("timeout", &self.timeout)
            .field(
                "compressor",
                &self.compressor.as_ref().map(|compressor| compressor.name()),
            )
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

/// Reads the `grpc-timeout` that came beside a header list; never zero.
///
/// # Errors
/// As of [`RequestHead::parse`].
pub fn parse_timeout(value: &[u8]) -> Result<Duration, Rejection> {
    match timeout::parse(value) {
        Ok(Duration::ZERO) => Err(expired()),
        Ok(timeout) => Ok(timeout),
        Err(_) => Err(bad_timeout(value)),
    }
}

/// The fields that mean something here, found in one pass.
#[derive(Default)]
struct KnownFields<'a> {
    content_type: Option<&'a Bytes>,
    timeout: Option<&'a Bytes>,
    encoding: Option<&'a Bytes>,
    accept_encoding: Option<&'a Bytes>,
    user_agent: Option<&'a Bytes>,
    host: Option<&'a Bytes>,
    hosts: usize,
    previous_attempts: u32,
}

impl<'a> KnownFields<'a> {
    fn of(fields: &'a [Field]) -> KnownFields<'a> {
        let mut known = KnownFields::default();
        for Field { name, value, .. } in fields {
            let Name::Known(name) = name else { continue };
            match name {
                KnownName::ContentType => known.content_type = Some(value),
                KnownName::GrpcTimeout => known.timeout = Some(value),
                KnownName::GrpcEncoding => known.encoding = Some(value),
                KnownName::GrpcAcceptEncoding => known.accept_encoding = Some(value),
                KnownName::UserAgent => known.user_agent = Some(value),
                KnownName::Host => {
                    known.host = Some(value);
                    known.hosts += 1;
                }
                KnownName::GrpcPreviousRpcAttempts => {
                    let text = std::str::from_utf8(value).unwrap_or_default();
                    known.previous_attempts = text.parse().unwrap_or(0);
                }
                _ => {}
            }
        }
        known
    }
}

fn content_subtype(value: Option<&Bytes>) -> Result<Bytes, Rejection> {
    let Some(value) = value else {
        let status = Status::from_static(
            Code::InvalidArgument,
            "no content-type; gRPC is served here",
        );
        return Err(Rejection::text(415, status, true));
    };
    content_type::subtype(value).ok_or_else(|| {
        let text = format!("content-type \"{}\" is not application/grpc", quoted(value));
        Rejection::text(415, Status::invalid_argument(text), true)
    })
}

fn compressor(
    encoding: Option<&Bytes>,
    compressors: &Compressors,
) -> Result<Option<Arc<dyn Compressor>>, Rejection> {
    let Some(encoding) = encoding.filter(|name| name[..] != *b"identity") else {
        return Ok(None);
    };
    match compressors.find_bytes(encoding) {
        Some(compressor) => Ok(Some(compressor.clone())),
        None => {
            let text = format!("grpc-encoding \"{}\" is not supported", quoted(encoding));
            Err(Rejection::encoding(
                Status::unimplemented(text),
                compressors.clone(),
            ))
        }
    }
}

fn expired() -> Rejection {
    let status = Status::from_static(Code::DeadlineExceeded, "the timeout was over on arrival");
    Rejection::new(status)
}

fn bad_timeout(value: &[u8]) -> Rejection {
    Rejection::bad_request(Status::internal(format!(
        "malformed grpc-timeout \"{}\"",
        quoted(value)
    )))
}

#[cfg(test)]
mod tests;
