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
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct RetryInfo {
    /// At least this long.
    #[prost(message, optional, tag = "1")]
    pub retry_delay: Option<Duration>,
}

/// For the service's developers.
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
#[derive(Clone, PartialEq, prost::Message)]
pub struct QuotaFailure {
    /// All of them.
    #[prost(message, repeated, tag = "1")]
    pub violations: Vec<QuotaViolation>,
}

/// `google.rpc.QuotaFailure.Violation`.
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
#[derive(Clone, PartialEq, prost::Message)]
pub struct PreconditionFailure {
    /// All of them.
    #[prost(message, repeated, tag = "1")]
    pub violations: Vec<PreconditionViolation>,
}

/// `google.rpc.PreconditionFailure.Violation`.
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
#[derive(Clone, PartialEq, prost::Message)]
pub struct BadRequest {
    /// All of them.
    #[prost(message, repeated, tag = "1")]
    pub field_violations: Vec<FieldViolation>,
}

/// `google.rpc.BadRequest.FieldViolation`.
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
#[derive(Clone, PartialEq, prost::Message)]
pub struct Help {
    /// All of them.
    #[prost(message, repeated, tag = "1")]
    pub links: Vec<HelpLink>,
}

/// `google.rpc.Help.Link`.
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
