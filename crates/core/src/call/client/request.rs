//! Request headers: two lists that repeat from call to call, and what belongs to one call.

use crate::{
    call::content_type,
    message::Compressors,
    metadata::Metadata,
    method::MethodDescriptor,
    status::{Code, Status},
    timeout,
};
use bytes::Bytes;
use farcall_http2::{Field, Fields, KnownName, Part, TimeoutValue};
use std::{sync::Arc, time::Duration};

/// What `user-agent` says of this library (PROTOCOL-HTTP2, "User Agents").
pub const USER_AGENT: &str = concat!("grpc-rust-farcall/", env!("CARGO_PKG_VERSION"));

/// The value of `user-agent`: the application's own word, if any, and the library's.
pub fn user_agent(application: Option<&str>) -> Bytes {
    match application {
        None | Some("") => Bytes::from_static(USER_AGENT.as_bytes()),
        Some(application) => format!("{application} {USER_AGENT}").into(),
    }
}

/// The pseudo-headers of all calls of one method to one authority.
pub fn pseudo_headers(
    method: &MethodDescriptor,
    authority: impl Into<Bytes>,
    secure: bool,
) -> Arc<Fields> {
    let scheme = if secure { "https" } else { "http" };
    Arc::new(vec![
        constant(KnownName::Method, "POST"),
        constant(KnownName::Scheme, scheme),
        Field::new(KnownName::Path, method.path_bytes()),
        Field::new(KnownName::Authority, authority),
    ])
}

/// The headers of all calls of a channel that use the same codec and send the same compression:
/// `te`, `content-type`, `user-agent`, `grpc-encoding`, `grpc-accept-encoding`.
pub fn common_headers(
    content_subtype: &str,
    user_agent: Bytes,
    encoding: Option<&'static str>,
    accepted: &Compressors,
) -> Arc<Fields> {
    let mut fields = vec![
        constant(KnownName::Te, "trailers"),
        Field::new(KnownName::ContentType, content_type(content_subtype)),
        Field::new(KnownName::UserAgent, user_agent),
    ];
    if let Some(encoding) = encoding {
        fields.push(constant(KnownName::GrpcEncoding, encoding));
    }
    if let Some(accepted) = accepted.accept_encoding() {
        fields.push(Field::new(KnownName::GrpcAcceptEncoding, accepted.clone()));
    }
    fields.shrink_to_fit(); // the channel keeps it
    Arc::new(fields)
}

/// The lists that calls share: HTTP/2 encodes each once per connection and knows it again by its address, so
/// keep and clone them rather than build equal ones.
#[derive(Clone, Debug)]
pub struct RequestTemplate {
    /// From [`pseudo_headers`].
    pub pseudo: Arc<Fields>,
    /// From [`common_headers`].
    pub common: Arc<Fields>,
}

impl RequestTemplate {
    /// The pieces of a request that has nothing of its own to say: neither timeout nor metadata.
    #[inline]
    pub fn parts(&self) -> [Part<'_>; 2] {
        [Part::Shared(&self.pseudo), Part::Shared(&self.common)]
    }

    /// The same lists with another `:authority`. HTTP/2 does not know the new one again unless it is kept.
    ///
    /// ```
    /// use farcall_core::{Compressors, MethodDescriptor, MethodKind};
    /// use farcall_core::call::client::{RequestTemplate, common_headers, pseudo_headers, user_agent};
    ///
    /// let method = MethodDescriptor::from_static("/p.S/M", MethodKind::Unary);
    /// let template = RequestTemplate {
    ///     pseudo: pseudo_headers(&method, "fleet.example", false),
    ///     common: common_headers("proto", user_agent(None), None, &Compressors::none()),
    /// };
    /// let shard = template.with_authority("shard-7.example");
    /// let values: Vec<_> = shard.pseudo.iter().map(|field| &field.value[..]).collect();
    /// assert_eq!(values, [&b"POST"[..], b"http", b"/p.S/M", b"shard-7.example"]);
    /// ```
    pub fn with_authority(&self, authority: impl Into<Bytes>) -> RequestTemplate {
        let old = KnownName::Authority.into();
        let others = self.pseudo.iter().filter(|field| field.name != old);
        let authority = Field::new(KnownName::Authority, authority);
        RequestTemplate {
            pseudo: Arc::new(others.cloned().chain([authority]).collect()),
            common: Arc::clone(&self.common),
        }
    }

    /// The same with a timeout, more than zero, behind the pseudo-headers, as PROTOCOL-HTTP2 asks for.
    #[inline]
    pub fn parts_within(&self, timeout: Duration) -> [Part<'_>; 3] {
        [
            Part::Shared(&self.pseudo),
            Part::Timeout(timeout::format(timeout)),
            Part::Shared(&self.common),
        ]
    }
}

/// The request headers of one attempt.
///
/// ```
/// use farcall_core::{
///     Compressors, Metadata, MethodDescriptor, MethodKind,
///     call::client::{RequestHead, RequestTemplate, common_headers, pseudo_headers, user_agent},
/// };
/// use std::time::Duration;
///
/// let method = MethodDescriptor::from_static("/p.S/M", MethodKind::Unary);
/// let template = RequestTemplate {
///     pseudo: pseudo_headers(&method, "localhost:50051", false),
///     common: common_headers("proto", user_agent(None), None, &Compressors::none()),
/// };
/// let mut metadata = Metadata::new();
/// metadata.insert("tenant", "a");
/// let head = RequestHead::new(&template, Some(Duration::from_millis(1)), &metadata).unwrap();
/// let names: Vec<_> = head.fields().map(|field| format!("{:?}", field.name)).collect();
/// assert_eq!(names.join(" "), r#"":method" ":scheme" ":path" ":authority" "grpc-timeout" "te" "content-type" "user-agent" "tenant""#);
/// ```
#[derive(Clone, Debug)]
pub struct RequestHead<'a> {
    template: &'a RequestTemplate,
    timeout: Option<TimeoutValue>,
    own: Fields,
}

impl<'a> RequestHead<'a> {
    /// The head of one attempt; `timeout` is what is left of the deadline. Allocates for the timeout and for
    /// metadata, each only if there is some.
    ///
    /// # Errors
    /// INTERNAL if the metadata holds a pair that cannot be sent; DEADLINE_EXCEEDED if nothing is left of the time.
    pub fn new(
        template: &'a RequestTemplate,
        timeout: Option<Duration>,
        metadata: &Metadata,
    ) -> Result<RequestHead<'a>, Status> {
        metadata.check()?;
        if timeout == Some(Duration::ZERO) {
            return Err(Status::from_static(
                Code::DeadlineExceeded,
                "the deadline passed before the call was sent",
            ));
        }
        let timeout = timeout.map(timeout::format);
        Ok(RequestHead {
            template,
            timeout,
            own: metadata.to_fields(),
        })
    }

    /// Adds metadata of this attempt alone, behind that of the call.
    ///
    /// # Errors
    /// INTERNAL if it holds a pair that cannot be sent.
    pub fn with_metadata(mut self, metadata: &Metadata) -> Result<RequestHead<'a>, Status> {
        metadata.check()?;
        self.own.extend(metadata.to_fields());
        Ok(self)
    }

    /// Tells the server how many attempts there were before this one (gRFC A6); 0 says nothing.
    pub fn with_previous_attempts(mut self, attempts: u32) -> RequestHead<'a> {
        if attempts > 0 {
            self.own.push(Field::new(
                KnownName::GrpcPreviousRpcAttempts,
                attempts.to_string(),
            ));
        }
        self
    }

    /// The pieces in order, as HTTP/2 takes them. The timeout follows the pseudo-headers, as PROTOCOL-HTTP2 asks for.
    pub fn parts(&self) -> [Part<'_>; 4] {
        [
            Part::Shared(&self.template.pseudo),
            self.timeout.map_or(Part::Fields(&[]), Part::Timeout),
            Part::Shared(&self.template.common),
            Part::Fields(&self.own),
        ]
    }

    /// All fields in order.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        let timeout = self
            .timeout
            .map(|value| Field::new(KnownName::GrpcTimeout, value.to_vec()));
        let pseudo = self.template.pseudo.iter().cloned();
        let others = self.template.common.iter().chain(&self.own);
        pseudo.chain(timeout).chain(others.cloned())
    }
}

fn constant(name: KnownName, value: &'static str) -> Field {
    Field::new(name, Bytes::from_static(value.as_bytes()))
}
