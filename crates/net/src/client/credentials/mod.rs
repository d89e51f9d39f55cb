//! Call credentials: what proves to a server on whose behalf a call is made.

mod authorize;
mod composite;
mod token;

pub(crate) use authorize::{authorize, check};
pub use composite::Composite;
pub use token::{AccessToken, Token};

use farcall_core::{Metadata, MethodDescriptor, Status};
use std::{fmt, future::Future, pin::Pin, sync::Arc};

/// What proves to a server on whose behalf a call is made: metadata that is made for each attempt.
///
/// Given to a [channel](crate::ChannelBuilder::call_credentials) or to a call (`credentials(…)`), which has them in addition to
/// those of its channel. They are asked for each attempt of a call, as soon as the channel has a connection for it, after all
/// interceptors, which do not see what they add: a token that has expired between two attempts is replaced. A call that waits for a
/// connection asks nobody. (grpc-go asks when the connection has been chosen; here nothing waits between that and the stream.)
///
/// What they give is a secret: it is sent so that no hop compresses it into a table (RFC 7541 §7.1.3), and does not appear in `Debug`.
///
/// # Errors
/// The attempt, which is not sent, has failed with their status: the retry policy of the method decides whether another one follows,
/// otherwise the call ends so. Codes that are the application's (`INVALID_ARGUMENT`, `NOT_FOUND`,
/// `ALREADY_EXISTS`, `FAILED_PRECONDITION`, `ABORTED`, `OUT_OF_RANGE`, `DATA_LOSS`) become `INTERNAL` (gRFC A54).
///
/// ```
/// use farcall::{Metadata, Status, credentials::{CallCredentials, CallInfo}};
///
/// /// A signature for each call.
/// struct Signed(String);
///
/// impl CallCredentials for Signed {
///     async fn metadata(&self, call: &CallInfo) -> Result<Metadata, Status> {
///         let mut metadata = Metadata::new();
///         metadata.insert("x-signature", format!("{}:{}", self.0, call.method().path()));
///         Ok(metadata)
///     }
/// }
/// ```
pub trait CallCredentials: Send + Sync + 'static {
    /// The metadata for one attempt of a call. What waits here counts against the call's deadline; it is polled where the call is
    /// dispatched until it has to wait, and in a task of its own then. A panic ends the call with `INTERNAL`.
    ///
    /// # Errors
    /// Fails the attempt with that status.
    ///
    /// # Cancel safety
    /// Dropped when the call is dropped or its deadline passes.
    fn metadata(&self, call: &CallInfo) -> impl Future<Output = Result<Metadata, Status>> + Send;

    /// How well the connection must be protected. A call over a lesser one fails with `UNAUTHENTICATED` before anything is sent;
    /// [`ChannelBuilder::build`](crate::ChannelBuilder::build) refuses such credentials of a channel. Default:
    /// [`SecurityLevel::PrivacyAndIntegrity`]. Less lets everybody on the way read and use what is sent.
    fn required_security(&self) -> SecurityLevel {
        SecurityLevel::PrivacyAndIntegrity
    }
}

/// How well a connection protects what is sent on it.
///
/// TLS gives [`PrivacyAndIntegrity`](SecurityLevel::PrivacyAndIntegrity), and so does the socket of a `unix:` or `unix-abstract:` target,
/// whose octets do not leave the machine (if no connector, resolver or registry of one's own stands behind it). Everything else in
/// plaintext gives [`None`](SecurityLevel::None), loopback addresses too.
///
/// ```
/// use farcall::credentials::SecurityLevel;
/// assert!(SecurityLevel::PrivacyAndIntegrity > SecurityLevel::None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SecurityLevel {
    /// Everybody on the way can read and change what is sent.
    None,
    /// Nobody on the way can change what is sent unnoticed.
    IntegrityOnly,
    /// Nor read it.
    PrivacyAndIntegrity,
}

impl fmt::Display for SecurityLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SecurityLevel::None => "no security",
            SecurityLevel::IntegrityOnly => "integrity",
            SecurityLevel::PrivacyAndIntegrity => "privacy and integrity",
        })
    }
}

/// What [`CallCredentials`] know of the call.
///
/// ```
/// use farcall::credentials::CallInfo;
///
/// /// The token for each service is its own.
/// fn cache_key(call: &CallInfo) -> String {
///     call.audience() // "https://greeter.example/hello.Greeter"
/// }
/// # let _ = cache_key;
/// ```
#[derive(Clone, Debug)]
pub struct CallInfo {
    method: MethodDescriptor,
    authority: String,
    security: SecurityLevel,
}

impl CallInfo {
    pub(crate) fn new(
        method: MethodDescriptor,
        authority: &str,
        security: SecurityLevel,
    ) -> CallInfo {
        let authority = authority.to_owned();
        CallInfo {
            method,
            authority,
            security,
        }
    }

    /// The method.
    pub fn method(&self) -> &MethodDescriptor {
        &self.method
    }

    /// The authority that the call is addressed to (`:authority`).
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The URI of the service, for tokens that name their audience: `https://authority/package.Service`, without `:443`.
    pub fn audience(&self) -> String {
        let authority = self.authority.as_str();
        let host = authority.strip_suffix(":443").unwrap_or(authority);
        format!("https://{host}/{}", self.method.service())
    }

    /// How well the connection protects what is sent.
    pub fn security(&self) -> SecurityLevel {
        self.security
    }
}

/// Credentials without their type.
pub(crate) trait Erased: Send + Sync {
    fn metadata<'a>(
        &'a self,
        call: &'a CallInfo,
    ) -> Pin<Box<dyn Future<Output = Result<Metadata, Status>> + Send + 'a>>;

    fn required_security(&self) -> SecurityLevel;
}

impl<C: CallCredentials> Erased for C {
    fn metadata<'a>(
        &'a self,
        call: &'a CallInfo,
    ) -> Pin<Box<dyn Future<Output = Result<Metadata, Status>> + Send + 'a>> {
        Box::pin(CallCredentials::metadata(self, call))
    }

    fn required_security(&self) -> SecurityLevel {
        CallCredentials::required_security(self)
    }
}

/// Some credentials, in the order in which they were given.
#[derive(Clone, Default)]
pub(crate) struct List(Vec<Arc<dyn Erased>>);

impl List {
    pub(crate) fn push(&mut self, credentials: impl CallCredentials) {
        self.0.push(Arc::new(credentials));
    }

    pub(crate) fn extend(&mut self, others: &List) {
        self.0.extend(others.0.iter().cloned());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<dyn Erased>> {
        self.0.iter()
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} call credentials", self.0.len())
    }
}
