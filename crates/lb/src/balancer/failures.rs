//! The failures of several children as one.

use std::error::Error;
use std::fmt;

use farcall_core::{Status, status::with_causes};

use super::child::ChildPolicy;
use super::picker::{Pick, PickInfo};
use super::pickers::FailPicker;

/// More reasons than this are counted, not kept.
const KEPT: usize = 20;

/// Why none of several backends can be reached: the local cause of the UNAVAILABLE of policies that use them all.
///
/// `Display` lists the reasons.
///
/// ```
/// use farcall_core::Status;
/// use farcall_lb::balancer::BackendErrors;
///
/// let reasons = ["refused", "timed out"].map(|reason| Status::unavailable("").with_cause(Status::unknown(reason)));
/// let status: Status = BackendErrors::new(reasons).into();
/// assert_eq!(status.to_string(), "UNAVAILABLE: none of 2 backends can be reached: UNKNOWN: refused; UNKNOWN: timed out");
/// ```
#[derive(Debug, Clone)]
pub struct BackendErrors {
    reasons: Vec<Status>,
    count: usize,
}

impl BackendErrors {
    /// One status for each backend; the first 20 are kept.
    pub fn new(reasons: impl IntoIterator<Item = Status>) -> Self {
        let mut errors = Self {
            reasons: Vec::new(),
            count: 0,
        };
        for reason in reasons {
            errors.count += 1;
            if errors.reasons.len() < KEPT {
                errors.reasons.push(reason);
            }
        }
        errors
    }

    /// The reasons, of at most 20 backends.
    pub fn reasons(&self) -> &[Status] {
        &self.reasons
    }

    /// The picker of a policy all of whose children have failed: it fails calls with the reasons of all. `None`: there are
    /// no children, or one of them does not simply fail calls.
    pub fn picker<'a>(children: impl IntoIterator<Item = &'a ChildPolicy>) -> Option<FailPicker> {
        let info = PickInfo::new("");
        let mut reasons = Vec::new();
        for child in children {
            match child.picker().pick(&info) {
                Pick::Fail(status) => reasons.push(status),
                _ => return None,
            }
        }
        match &reasons[..] {
            [] => None,
            [status] => Some(FailPicker(status.clone())),
            _ => Some(FailPicker(Self::new(reasons).into())),
        }
    }
}

impl fmt::Display for BackendErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, reason) in self.reasons.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            f.write_str(separator)?;
            // What is common to all of them stands before the list.
            match reason.source() {
                None => write!(f, "{reason}")?,
                Some(cause) => write!(f, "{}", with_causes(cause))?,
            }
        }
        match self.count - self.reasons.len() {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// There is no chain: the reasons are in [`reasons`](BackendErrors::reasons), each with its own.
impl Error for BackendErrors {}

/// UNAVAILABLE with the errors as its local cause.
impl From<BackendErrors> for Status {
    fn from(errors: BackendErrors) -> Self {
        let message = format!("none of {} backends can be reached", errors.count);
        Status::unavailable(message).with_cause(errors)
    }
}
