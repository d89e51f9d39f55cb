//! The messages of package `google.rpc`: `Status` and the ten standard details.

use super::{Any as RawAny, Code, Detail, Status as CallStatus};
use bytes::Bytes;
use std::{collections::BTreeMap, time::Duration as StdDuration};

macro_rules! details {
    ($($name:ident),* $(,)?) => {$(
        impl Detail for $name {
            const TYPE_URL: &'static str = concat!("type.googleapis.com/google.rpc.", stringify!($name));
        }
    )*};
}

details! {
    ErrorInfo, RetryInfo, DebugInfo, QuotaFailure, PreconditionFailure, BadRequest, RequestInfo, ResourceInfo,
    Help, LocalizedMessage,
}

/// `google.rpc.Status`: a status as a message, for protocols that carry statuses in messages.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Code, status::rpc};
///
/// let message = rpc::Status::from(&farcall::Status::not_found("no such book"));
/// assert_eq!(message.code, Code::NotFound as i32);
/// assert_eq!(farcall::Status::from(message).message(), "no such book");
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct Status {
    /// The number of a [`Code`].
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// For developers.
    #[prost(string, tag = "2")]
    pub message: String,
    /// Of any types.
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Any>,
}

/// `google.protobuf.Any`.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::status::rpc::Any;
///
/// let any = Any { type_url: "type.googleapis.com/google.protobuf.Empty".into(), ..Any::default() };
/// assert!(any.value.is_empty());
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct Any {
    /// `type.googleapis.com/` and the full name of the message type.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The encoded message.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

/// `google.protobuf.Duration`.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::status::rpc;
/// use std::time::Duration;
///
/// let delay = rpc::Duration::from(Duration::from_millis(1500));
/// assert_eq!((delay.seconds, delay.nanos), (1, 500_000_000));
/// assert_eq!(Duration::try_from(delay), Ok(Duration::from_millis(1500)));
/// ```
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Duration {
    /// Whole seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// 0 to 999,999,999, with the sign of the seconds.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// Why, for programs: a constant reason within a domain.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Status, status::rpc::ErrorInfo};
///
/// let status = Status::permission_denied("the account is locked").with_detail(ErrorInfo {
///     reason: "ACCOUNT_LOCKED".into(),
///     domain: "accounts.example".into(),
///     ..ErrorInfo::default()
/// });
/// let info = status.details::<ErrorInfo>().expect("just attached");
/// assert_eq!(info.reason, "ACCOUNT_LOCKED");
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct ErrorInfo {
    /// In capitals with underscores, constant for the cause.
    #[prost(string, tag = "1")]
    pub reason: String,
    /// Who defines the reason, as a host name.
    #[prost(string, tag = "2")]
    pub domain: String,
    /// More about this one error.
    #[prost(btree_map = "string, string", tag = "3")]
    pub metadata: BTreeMap<String, String>,
}

/// When to try again.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Status, status::rpc::RetryInfo};
/// use std::time::Duration;
///
/// let status = Status::unavailable("restarting").with_detail(RetryInfo::after(Duration::from_secs(5)));
/// let delay = status.details::<RetryInfo>().and_then(|info| info.delay());
/// assert_eq!(delay, Some(Duration::from_secs(5)));
/// ```
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct RetryInfo {
    /// At least this long.
    #[prost(message, optional, tag = "1")]
    pub retry_delay: Option<Duration>,
}

/// For the service's developers.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Status, status::rpc::DebugInfo};
///
/// // What is attached reaches the caller: only where callers are developers of the service.
/// let info = DebugInfo { detail: "shard 7 is read-only".into(), ..DebugInfo::default() };
/// let status = Status::internal("cannot write").with_detail(info);
/// assert_eq!(status.details::<DebugInfo>().unwrap().detail, "shard 7 is read-only");
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct DebugInfo {
    /// Where it happened.
    #[prost(string, repeated, tag = "1")]
    pub stack_entries: Vec<String>,
    /// Anything else.
    #[prost(string, tag = "2")]
    pub detail: String,
}

/// Which quotas are exhausted.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Status, status::rpc::{QuotaFailure, QuotaViolation}};
///
/// let violation = QuotaViolation {
///     subject: "project:7".into(),
///     description: "1,000 reads a minute".into(),
///     ..QuotaViolation::default()
/// };
/// let status = Status::resource_exhausted("too many reads")
///     .with_detail(QuotaFailure { violations: vec![violation] });
/// assert_eq!(status.details::<QuotaFailure>().unwrap().violations.len(), 1);
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct QuotaFailure {
    /// All of them.
    #[prost(message, repeated, tag = "1")]
    pub violations: Vec<QuotaViolation>,
}

/// `google.rpc.QuotaFailure.Violation`.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::status::rpc::QuotaViolation;
///
/// let violation = QuotaViolation { subject: "clientip:192.0.2.1".into(), ..QuotaViolation::default() };
/// assert_eq!(violation.future_quota_value, None);
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct QuotaViolation {
    /// Whose quota, for example `project:7`.
    #[prost(string, tag = "1")]
    pub subject: String,
    /// How it was exceeded.
    #[prost(string, tag = "2")]
    pub description: String,
    /// The service whose quota it is.
    #[prost(string, tag = "3")]
    pub api_service: String,
    /// What is measured.
    #[prost(string, tag = "4")]
    pub quota_metric: String,
    /// The quota.
    #[prost(string, tag = "5")]
    pub quota_id: String,
    /// What the quota is counted by.
    #[prost(btree_map = "string, string", tag = "6")]
    pub quota_dimensions: BTreeMap<String, String>,
    /// The limit.
    #[prost(int64, tag = "7")]
    pub quota_value: i64,
    /// The limit that will hold soon.
    #[prost(int64, optional, tag = "8")]
    pub future_quota_value: Option<i64>,
}

/// What has to be true first.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Status, status::rpc::{PreconditionFailure, PreconditionViolation}};
///
/// let violation = PreconditionViolation {
///     r#type: "TOS".into(),
///     subject: "example.com/cloud".into(),
///     description: "the terms of service are not accepted".into(),
/// };
/// let status = Status::failed_precondition("not yet")
///     .with_detail(PreconditionFailure { violations: vec![violation] });
/// assert_eq!(status.details::<PreconditionFailure>().unwrap().violations[0].r#type, "TOS");
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct PreconditionFailure {
    /// All of them.
    #[prost(message, repeated, tag = "1")]
    pub violations: Vec<PreconditionViolation>,
}

/// `google.rpc.PreconditionFailure.Violation`.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::status::rpc::PreconditionViolation;
///
/// let violation = PreconditionViolation { r#type: "STATE".into(), ..PreconditionViolation::default() };
/// assert!(violation.subject.is_empty());
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct PreconditionViolation {
    /// Which kind of precondition.
    #[prost(string, tag = "1")]
    pub r#type: String,
    /// What it is about.
    #[prost(string, tag = "2")]
    pub subject: String,
    /// What to do about it.
    #[prost(string, tag = "3")]
    pub description: String,
}

/// Which fields of the request are wrong.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Status, status::rpc::{BadRequest, FieldViolation}};
///
/// let violation = FieldViolation {
///     field: "book.pages".into(),
///     description: "must be positive".into(),
///     ..FieldViolation::default()
/// };
/// let status = Status::invalid_argument("no such book can be")
///     .with_detail(BadRequest { field_violations: vec![violation] });
/// for violation in status.details::<BadRequest>().unwrap().field_violations {
///     println!("{}: {}", violation.field, violation.description);
/// }
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct BadRequest {
    /// All of them.
    #[prost(message, repeated, tag = "1")]
    pub field_violations: Vec<FieldViolation>,
}

/// `google.rpc.BadRequest.FieldViolation`.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::status::rpc::FieldViolation;
///
/// let violation = FieldViolation { field: "name".into(), reason: "EMPTY".into(), ..FieldViolation::default() };
/// assert_eq!(violation.localized_message, None);
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct FieldViolation {
    /// The path of the field.
    #[prost(string, tag = "1")]
    pub field: String,
    /// Why it is wrong.
    #[prost(string, tag = "2")]
    pub description: String,
    /// The same for programs, in capitals with underscores.
    #[prost(string, tag = "3")]
    pub reason: String,
    /// The same for users.
    #[prost(message, optional, tag = "4")]
    pub localized_message: Option<LocalizedMessage>,
}

/// What helps to find the request in logs.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Status, status::rpc::RequestInfo};
///
/// let info = RequestInfo { request_id: "a1b2".into(), ..RequestInfo::default() };
/// let status = Status::internal("please report the request's id").with_detail(info);
/// assert_eq!(status.details::<RequestInfo>().unwrap().request_id, "a1b2");
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct RequestInfo {
    /// An opaque name that the service understands.
    #[prost(string, tag = "1")]
    pub request_id: String,
    /// Anything else.
    #[prost(string, tag = "2")]
    pub serving_data: String,
}

/// The resource that was accessed.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Status, status::rpc::ResourceInfo};
///
/// let info = ResourceInfo {
///     resource_type: "library.Book".into(),
///     resource_name: "books/7".into(),
///     ..ResourceInfo::default()
/// };
/// let status = Status::not_found("no such book").with_detail(info);
/// assert_eq!(status.details::<ResourceInfo>().unwrap().resource_name, "books/7");
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct ResourceInfo {
    /// Its type.
    #[prost(string, tag = "1")]
    pub resource_type: String,
    /// Its name.
    #[prost(string, tag = "2")]
    pub resource_name: String,
    /// Whose it is.
    #[prost(string, tag = "3")]
    pub owner: String,
    /// What went wrong with it.
    #[prost(string, tag = "4")]
    pub description: String,
}

/// Where to read more.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Status, status::rpc::{Help, HelpLink}};
///
/// let link = HelpLink { description: "how to ask for more".into(), url: "https://example.com/quota".into() };
/// let status = Status::resource_exhausted("quota").with_detail(Help { links: vec![link] });
/// assert_eq!(status.details::<Help>().unwrap().links[0].url, "https://example.com/quota");
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct Help {
    /// All of them.
    #[prost(message, repeated, tag = "1")]
    pub links: Vec<HelpLink>,
}

/// `google.rpc.Help.Link`.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::status::rpc::HelpLink;
///
/// let link = HelpLink { description: "the limits".into(), url: "https://example.com/limits".into() };
/// assert!(link.url.starts_with("https://"));
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct HelpLink {
    /// What the page is about.
    #[prost(string, tag = "1")]
    pub description: String,
    /// Where it is.
    #[prost(string, tag = "2")]
    pub url: String,
}

/// The message for the user, in the user's language.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::{Status, status::rpc::LocalizedMessage};
///
/// let message = LocalizedMessage { locale: "de-CH".into(), message: "Das Buch fehlt.".into() };
/// let status = Status::not_found("no such book").with_detail(message);
/// assert_eq!(status.details::<LocalizedMessage>().unwrap().locale, "de-CH");
/// ```
#[derive(Clone, PartialEq, prost::Message)]
pub struct LocalizedMessage {
    /// As in BCP 47, for example `de-CH`.
    #[prost(string, tag = "1")]
    pub locale: String,
    /// The text.
    #[prost(string, tag = "2")]
    pub message: String,
}

impl RetryInfo {
    /// Try again after `delay`.
    pub fn after(delay: StdDuration) -> RetryInfo {
        RetryInfo {
            retry_delay: Some(delay.into()),
        }
    }

    /// How long to wait, if it is said and not negative.
    pub fn delay(&self) -> Option<StdDuration> {
        self.retry_delay?.try_into().ok()
    }
}

/// Durations beyond 2^63 seconds become that.
impl From<StdDuration> for Duration {
    fn from(duration: StdDuration) -> Duration {
        Duration {
            seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            nanos: duration.subsec_nanos() as i32,
        }
    }
}

/// Fails for negative and malformed durations.
impl TryFrom<Duration> for StdDuration {
    type Error = std::num::TryFromIntError;

    fn try_from(duration: Duration) -> Result<StdDuration, Self::Error> {
        let nanos = StdDuration::from_nanos(u64::try_from(duration.nanos)?);
        Ok(StdDuration::from_secs(u64::try_from(duration.seconds)?).saturating_add(nanos))
    }
}

impl From<&CallStatus> for Status {
    fn from(status: &CallStatus) -> Status {
        let any = |any: &RawAny| Any {
            type_url: any.type_url.clone(),
            value: any.value.clone(),
        };
        Status {
            code: status.code() as i32,
            message: status.message().to_string(),
            details: status.any_details().iter().map(any).collect(),
        }
    }
}

impl From<Status> for CallStatus {
    fn from(status: Status) -> CallStatus {
        let empty = CallStatus::new(Code::from_i32(status.code), status.message);
        let details = status.details.into_iter();
        details.fold(empty, |status, any| {
            status.with_any_detail(RawAny::new(any.type_url, any.value))
        })
    }
}
