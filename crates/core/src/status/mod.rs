//! How a call ends: a code, a message, details, metadata; and a local cause that never leaves the process.

mod any;
mod code;
mod convert;
#[cfg(feature = "prost")]
mod details;
mod percent;
mod proto;
#[cfg(feature = "prost")]
pub mod rpc;
mod shown;
mod wire;

pub use any::Any;
pub use code::Code;
#[cfg(feature = "prost")]
pub use details::Detail;
pub use shown::{Explained, with_causes};
pub(crate) use wire::{status_of_trailers, write_status};

#[doc(no_inline)]
pub use farcall_http2::Reason;

use crate::metadata::Metadata;
use std::{error::Error, fmt, sync::Arc, time};

/// The outcome of a call that did not end well (or, rarely needed, that did).
///
/// Code, message, details, metadata and [pushback](Status::with_retry_pushback) travel to the peer, as trailers. The
/// [cause](Status::with_cause) does not: it says to this process's logs what really happened.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Code, Status};
///
/// let status = Status::not_found("no such book").with_cause(std::io::Error::other("table missing"));
/// assert_eq!(status.code(), Code::NotFound);
/// assert_eq!(status.message(), "no such book");
/// assert_eq!(status.to_string(), "NOT_FOUND: no such book: table missing");
/// ```
#[derive(Clone)]
pub struct Status {
    code: Code,
    /// It ended a call that this process made.
    received: bool,
    message: Text,
    /// What most statuses do not have.
    extra: Option<Arc<Extra>>,
}

#[derive(Clone, Default)]
struct Extra {
    details: Vec<Any>,
    metadata: Metadata,
    initial_metadata: Metadata,
    cause: Option<Arc<dyn Error + Send + Sync>>,
    /// What the attempts of the call before the last one ended with.
    previous: Vec<Status>,
}

/// Constants cost no allocation, other texts one.
#[derive(Clone)]
enum Text {
    Static(&'static str),
    Shared(Arc<str>),
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident = $code:ident,)*) => {
        impl Status {
            $(
                #[doc = concat!("A status with [`Code::", stringify!($code), "`].")]
                pub fn $name(message: impl Into<String>) -> Status {
                    Status::new(Code::$code, message)
                }
            )*
        }
    };
}

constructors! {
    cancelled = Cancelled,
    unknown = Unknown,
    invalid_argument = InvalidArgument,
    deadline_exceeded = DeadlineExceeded,
    not_found = NotFound,
    already_exists = AlreadyExists,
    permission_denied = PermissionDenied,
    resource_exhausted = ResourceExhausted,
    failed_precondition = FailedPrecondition,
    aborted = Aborted,
    out_of_range = OutOfRange,
    unimplemented = Unimplemented,
    internal = Internal,
    unavailable = Unavailable,
    data_loss = DataLoss,
    unauthenticated = Unauthenticated,
}

impl Status {
    /// Success, without a message.
    pub const OK: Status = Status::from_static(Code::Ok, "");

    /// A status with a code and a message for the developer who reads it.
    pub fn new(code: Code, message: impl Into<String>) -> Status {
        let message = message.into();
        let message = if message.is_empty() {
            Text::Static("")
        } else {
            Text::Shared(message.into())
        };
        Status {
            code,
            received: false,
            message,
            extra: None,
        }
    }

    /// A status whose message is a constant; does not allocate.
    pub const fn from_static(code: Code, message: &'static str) -> Status {
        Status {
            code,
            received: false,
            message: Text::Static(message),
            extra: None,
        }
    }

    /// What happened.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Whether the code is [`Code::Ok`].
    pub fn is_ok(&self) -> bool {
        self.code == Code::Ok
    }

    /// The text for a developer; may be empty.
    pub fn message(&self) -> &str {
        match &self.message {
            Text::Static(text) => text,
            Text::Shared(text) => text,
        }
    }

    /// The same status with another message.
    pub fn with_message(mut self, message: impl Into<String>) -> Status {
        self.message = Status::new(self.code, message).message;
        self
    }

    /// The same status with another code.
    pub fn with_code(mut self, code: Code) -> Status {
        self.code = code;
        self
    }

    /// The pairs that came, or go, in the trailers beside the status.
    pub fn metadata(&self) -> &Metadata {
        static NONE: Metadata = Metadata::new();
        self.extra.as_ref().map_or(&NONE, |extra| &extra.metadata)
    }

    /// To add pairs to the trailers.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.extra_mut().metadata
    }

    /// The same status with other metadata.
    pub fn with_metadata(mut self, metadata: Metadata) -> Status {
        if !metadata.is_empty() || self.extra.is_some() || metadata.check().is_err() {
            self.extra_mut().metadata = metadata;
        }
        self
    }

    /// (client, calls with one response) The pairs that the server sent before the call failed. Such a call has no
    /// response to carry them; a stream of responses hands them out itself. Never sent.
    pub fn initial_metadata(&self) -> &Metadata {
        static NONE: Metadata = Metadata::new();
        let extra = self.extra.as_ref();
        extra.map_or(&NONE, |extra| &extra.initial_metadata)
    }

    /// The same status with other [initial metadata](Self::initial_metadata).
    pub fn with_initial_metadata(mut self, metadata: Metadata) -> Status {
        if !metadata.is_empty() || self.extra.is_some() {
            self.extra_mut().initial_metadata = metadata;
        }
        self
    }

    /// (server) Tells the client when to retry: exactly so long after it reads this, or, with `None`, not at all (gRFC A6,
    /// `grpc-retry-pushback-ms` in the metadata). Whole milliseconds, at most 2^31 − 1 of them. Clients
    /// with a retry or hedging policy for the method follow it, if no response has begun before this status.
    ///
    /// ```
    /// # use farcall_core as farcall;
    /// use farcall::Status;
    /// use std::time::Duration;
    ///
    /// let busy = Status::unavailable("busy").with_retry_pushback(Some(Duration::from_millis(250)));
    /// assert_eq!(busy.metadata().get("grpc-retry-pushback-ms"), Some("250"));
    /// ```
    pub fn with_retry_pushback(mut self, pause: Option<time::Duration>) -> Status {
        let millis = pause.map_or(-1, |pause| {
            i32::try_from(pause.as_millis()).unwrap_or(i32::MAX)
        });
        let metadata = self.metadata_mut();
        metadata.insert("grpc-retry-pushback-ms", millis.to_string());
        self
    }

    /// All details, in order, each with its type's name and its encoded message.
    pub fn any_details(&self) -> &[Any] {
        self.extra.as_ref().map_or(&[], |extra| &extra.details)
    }

    /// The same status with one more detail, already encoded.
    pub fn with_any_detail(mut self, detail: Any) -> Status {
        self.extra_mut().details.push(detail);
        self
    }

    /// The same status with a local cause: shown by `Display` and [`Error::source`], never sent.
    pub fn with_cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Status {
        self.extra_mut().cause = Some(cause.into().into());
        self
    }

    /// The local cause.
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.extra.as_ref()?.cause.as_deref()
    }

    /// (client) How many attempts the call made: more than one if it was retried by a policy (gRFC A6). Retries of calls that
    /// no server has looked at are not among them.
    pub fn attempts(&self) -> usize {
        self.previous_attempts().len() + 1
    }

    /// (client) What the attempts before the last one ended with, in order. Shown by `Display`, never sent.
    pub fn previous_attempts(&self) -> &[Status] {
        self.extra.as_ref().map_or(&[], |extra| &extra.previous)
    }

    /// The same status with other [previous attempts](Self::previous_attempts).
    pub fn with_previous_attempts(mut self, previous: Vec<Status>) -> Status {
        if !previous.is_empty() || self.extra.is_some() {
            self.extra_mut().previous = previous;
        }
        self
    }

    /// Marks the status as the end of a call that this process made, as clients do.
    ///
    /// A handler that returns such a status reveals only its code: see [`for_wire`](Self::for_wire).
    pub fn mark_received(mut self) -> Status {
        self.received = true;
        self
    }

    /// Whether it ended a call that this process made.
    pub fn is_received(&self) -> bool {
        self.received
    }

    /// Lets a handler pass the status of its own outgoing call on to its caller: message, details and metadata.
    /// Without this only the code is passed on, since the rest was written for somebody else.
    ///
    /// ```
    /// # use farcall_core as farcall;
    /// use farcall::Status;
    ///
    /// let received = Status::not_found("row 7 of table secrets").mark_received();
    /// assert_eq!(received.clone().for_wire().message(), "a call made while handling this one failed");
    /// assert_eq!(received.forward().for_wire().message(), "row 7 of table secrets");
    /// ```
    pub fn forward(mut self) -> Status {
        self.received = false;
        self
    }

    /// What a server sends when a handler returns this status: itself, or, if it was received and not
    /// [forwarded](Self::forward), its code with a neutral message.
    pub fn for_wire(self) -> Status {
        if self.received && self.code != Code::Ok {
            return Status::from_static(self.code, "a call made while handling this one failed");
        }
        self
    }

    fn extra_mut(&mut self) -> &mut Extra {
        Arc::make_mut(self.extra.get_or_insert_default())
    }
}

/// Code, message and details; neither metadata nor cause.
impl PartialEq for Status {
    fn eq(&self, other: &Status) -> bool {
        self.code == other.code
            && self.message() == other.message()
            && self.any_details() == other.any_details()
    }
}

/// `CODE: message: cause: cause of the cause … (attempt 3; 1: CODE: message; 2: CODE: message)`, without the parts that are
/// empty. A cause whose words the one before it ends with is left out, and attempts in a row that ended alike share one text:
/// `CODE: message (attempt 4; 1 to 3: the same)`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.name())?;
        if !self.message().is_empty() {
            write!(f, ": {}", self.message())?;
        }
        shown::write_causes(f, self.message(), self.source())?;
        match self.previous_attempts() {
            [] => Ok(()),
            previous => shown::write_attempts(f, self, previous),
        }
    }
}

impl Status {
    fn fmt_fields(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Status");
        debug
            .field("code", &self.code)
            .field("message", &self.message());
        if let Some(extra) = &self.extra {
            if !extra.details.is_empty() {
                debug.field("details", &extra.details);
            }
            if !extra.metadata.is_empty() {
                debug.field("metadata", &extra.metadata);
            }
            if !extra.initial_metadata.is_empty() {
                debug.field("initial_metadata", &extra.initial_metadata);
            }
            if let Some(cause) = &extra.cause {
                debug.field("cause", cause);
            }
            if !extra.previous.is_empty() {
                debug.field("previous_attempts", &extra.previous);
            }
        }
        if self.received {
            debug.field("received", &true);
        }
        debug.finish()
    }
}

/// What [`Display`](fmt::Display) says, and what the status carries besides: `fn main() -> Result<(), Status>` shows it to
/// people. `{:#?}` gives the fields.
impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return self.fmt_fields(f);
        }
        write!(f, "{self}")?;
        let Some(extra) = &self.extra else {
            return Ok(());
        };
        if !extra.details.is_empty() {
            write!(f, " (details: {:?})", extra.details)?;
        }
        if !extra.metadata.is_empty() {
            write!(f, " (metadata: {:?})", extra.metadata)?;
        }
        if !extra.initial_metadata.is_empty() {
            write!(f, " (initial metadata: {:?})", extra.initial_metadata)?;
        }
        Ok(())
    }
}

impl Error for Status {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause().map(|cause| cause as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests;
