//! `retryPolicy`: when a failed attempt is followed by another one.

use super::{attempts::max_attempts, codes::CodeSet, error::ServiceConfigError, json::Json};
use std::time::Duration;

/// When a failed attempt of a call is followed by another one (gRFC A6, `retryPolicy`).
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Attempts at most, the first one included; at least 2. The channel has a cap of its own.
    pub max_attempts: u32,
    /// The pause before the first retry, before jitter.
    pub initial_backoff: Duration,
    /// No pause is longer, before jitter.
    pub max_backoff: Duration,
    /// From one pause to the next.
    pub backoff_multiplier: f64,
    /// What is retried; not empty.
    pub retryable_codes: CodeSet,
}

impl RetryPolicy {
    pub(super) fn parse(json: &Json) -> Result<RetryPolicy, ServiceConfigError> {
        let max_attempts = max_attempts(json)?;
        let initial_backoff = positive_duration(json, "initialBackoff")?;
        let max_backoff = positive_duration(json, "maxBackoff")?;
        let multiplier = json.required("backoffMultiplier")?;
        let backoff_multiplier = multiplier.as_f64()?;
        // The comparison also refuses what is no number at all.
        if !(backoff_multiplier > 0.0 && backoff_multiplier.is_finite()) {
            return Err(multiplier.error("must be greater than 0"));
        }
        let codes = json.required("retryableStatusCodes")?;
        let retryable_codes = CodeSet::parse(&codes)?;
        if retryable_codes.is_empty() {
            return Err(codes.error("must name at least one status code"));
        }
        Ok(RetryPolicy {
            max_attempts,
            initial_backoff,
            max_backoff,
            backoff_multiplier,
            retryable_codes,
        })
    }
}

fn positive_duration(json: &Json, name: &str) -> Result<Duration, ServiceConfigError> {
    let field = json.required(name)?;
    match field.as_duration()? {
        Duration::ZERO => Err(field.error("must be greater than 0")),
        duration => Ok(duration),
    }
}
