//! Whether a backend that is connected is fit to take calls: client-side health checking (gRFC A17).
//!
//! While a service config says `healthCheckConfig`, the channel watches each connection that a policy wants watched
//! ([`Context::watch_health`](crate::balancer::Context::watch_health)) with a call of `grpc.health.v1.Health/Watch`, and tells
//! the policy what comes of it.

mod watch;

pub use watch::{HealthOrder, HealthWatch};

use farcall_core::Status;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What a backend says of a service (`grpc.health.v1.HealthCheckResponse.ServingStatus`).
///
/// ```
/// use farcall_lb::health::ServingStatus;
///
/// assert_eq!(ServingStatus::from(1), ServingStatus::Serving);
/// assert_eq!(ServingStatus::from(77), ServingStatus::Unknown);
/// assert_eq!(ServingStatus::NotServing.to_string(), "NOT_SERVING");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServingStatus {
    /// It does not say; also whatever it says that is not in the list.
    Unknown,
    /// Calls are welcome.
    Serving,
    /// They are not.
    NotServing,
    /// It knows nothing of the service.
    ServiceUnknown,
}

impl From<i32> for ServingStatus {
    fn from(number: i32) -> Self {
        match number {
            1 => Self::Serving,
            2 => Self::NotServing,
            3 => Self::ServiceUnknown,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for ServingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "UNKNOWN",
            Self::Serving => "SERVING",
            Self::NotServing => "NOT_SERVING",
            Self::ServiceUnknown => "SERVICE_UNKNOWN",
        })
    }
}

/// What has happened to a call of `Watch`.
///
/// ```
/// use farcall_core::Status;
/// use farcall_lb::health::{HealthEvent, HealthWatch};
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let mut watch = HealthWatch::new(Some("shop.Orders".into()), now, 42);
/// watch.poll_order().expect("the first call has number 1");
/// watch.handle_event(now, 1, HealthEvent::Ended(Status::unavailable("restarting")));
/// let pause = watch.poll_timeout().unwrap() - now; // then it calls again
/// assert!(pause >= Duration::from_millis(800) && pause <= Duration::from_millis(1200));
/// ```
#[derive(Debug, Clone)]
pub enum HealthEvent {
    /// The backend has said something.
    Status(ServingStatus),
    /// The call is over, with this status (OK, too). Nothing follows.
    Ended(Status),
}

/// What a policy is told of a connection that is ready.
///
/// ```
/// use farcall_core::Status;
/// use farcall_lb::health::{Health, HealthEvent, HealthWatch};
/// use std::time::Instant;
///
/// let now = Instant::now();
/// assert_eq!(HealthWatch::new(None, now, 1).poll_news(), Some(Health::Serving)); // nobody checks
/// let mut watch = HealthWatch::new(Some("shop.Orders".into()), now, 1);
/// watch.poll_order();
/// watch.handle_event(now, 1, HealthEvent::Ended(Status::unimplemented("no such service")));
/// assert_eq!(watch.poll_news(), Some(Health::Serving)); // it has no health service
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Health {
    /// Calls may go there: the backend says so, or nobody checks, or it has no health service.
    Serving,
    /// They should go elsewhere.
    NotServing(HealthError),
}

/// Why a backend that is connected gets no calls.
///
/// ```
/// use farcall_lb::health::{HealthError, ServingStatus};
///
/// let error = HealthError::says("shop.Orders", ServingStatus::NotServing);
/// assert_eq!(error.to_string(), "the backend says NOT_SERVING for the service \"shop.Orders\"");
/// ```
#[derive(Debug, Clone)]
pub struct HealthError {
    service: Arc<str>,
    why: Why,
}

#[derive(Debug, Clone)]
enum Why {
    Says(ServingStatus),
    /// The call has ended.
    Ended(Status),
}

impl HealthError {
    /// The backend says this of the service.
    pub fn says(service: impl Into<Arc<str>>, status: ServingStatus) -> Self {
        Self {
            service: service.into(),
            why: Why::Says(status),
        }
    }

    /// The call that watches the service has ended.
    pub fn ended(service: impl Into<Arc<str>>, status: Status) -> Self {
        Self {
            service: service.into(),
            why: Why::Ended(status),
        }
    }
}

impl PartialEq for HealthError {
    fn eq(&self, other: &Self) -> bool {
        match (&self.why, &other.why) {
            (Why::Says(one), Why::Says(other_one)) => {
                one == other_one && self.service == other.service
            }
            _ => false,
        }
    }
}

impl fmt::Display for HealthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = &self.service;
        match &self.why {
            Why::Says(status) => {
                write!(f, "the backend says {status} for the service {service:?}")
            }
            Why::Ended(_) => write!(f, "the health of the service {service:?} cannot be watched"),
        }
    }
}

impl Error for HealthError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            Why::Says(_) => None,
            Why::Ended(status) => Some(status),
        }
    }
}
