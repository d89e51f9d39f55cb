use super::{error::ServiceConfigError, json::Json};
use crate::status::Code;
use std::{fmt, time::Duration};

/// A set of status codes.
///
/// ```
/// use farcall_core::{Code, service_config::CodeSet};
///
/// let set: CodeSet = [Code::Unavailable, Code::Aborted].into_iter().collect();
/// assert!(set.contains(Code::Aborted) && !set.contains(Code::Internal));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct CodeSet(u32);

impl CodeSet {
    /// Whether the code is in it.
    pub const fn contains(self, code: Code) -> bool {
        self.0 >> code as u32 & 1 == 1
    }

    /// Whether there is none in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Names in capitals, or numbers.
    fn parse(json: &Json) -> Result<CodeSet, ServiceConfigError> {
        json.items()?.iter().map(code).collect()
    }
}

fn code(json: &Json) -> Result<Code, ServiceConfigError> {
    if let Ok(number) = json.as_u64() {
        let code = usize::try_from(number).ok().and_then(|n| Code::ALL.get(n));
        let unknown = || json.error(format!("there is no status code {number}"));
        return code.copied().ok_or_else(unknown);
    }
    let name = json.as_str()?;
    Code::from_name(name).ok_or_else(|| json.error(format!("there is no status code {name:?}")))
}

impl FromIterator<Code> for CodeSet {
    fn from_iter<I: IntoIterator<Item = Code>>(codes: I) -> CodeSet {
        let bits = codes.into_iter().map(|code| 1u32 << code as u32);
        CodeSet(bits.fold(0, |set, bit| set | bit))
    }
}

impl fmt::Debug for CodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = Code::ALL.into_iter().filter(|code| self.contains(*code));
        f.debug_set().entries(codes).finish()
    }
}

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

/// When a call gets another attempt although the first one has not failed (gRFC A6, `hedgingPolicy`).
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct HedgingPolicy {
    /// Attempts at most, the first one included; at least 2. The channel has a cap of its own.
    pub max_attempts: u32,
    /// The head start of each attempt over the next. Default zero: all start at once.
    pub hedging_delay: Duration,
    /// An attempt that ends with one of these leaves the others alone; any other code ends the call. Default none.
    pub non_fatal_codes: CodeSet,
}

impl HedgingPolicy {
    pub(super) fn parse(json: &Json) -> Result<HedgingPolicy, ServiceConfigError> {
        let delay = json.field("hedgingDelay")?;
        let codes = json.field("nonFatalStatusCodes")?;
        Ok(HedgingPolicy {
            max_attempts: max_attempts(json)?,
            hedging_delay: delay.map_or(Ok(Duration::ZERO), |delay| delay.as_duration())?,
            non_fatal_codes: codes
                .map_or(Ok(CodeSet::default()), |codes| CodeSet::parse(&codes))?,
        })
    }
}

/// How a channel holds back retries and hedging while many attempts fail (gRFC A6, `retryThrottling`). Amounts are in
/// thousandths of a token: decimal places after the third are ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RetryThrottling {
    /// What the bucket holds at most, and at first; up to 1,000,000.
    pub max_millitokens: u32,
    /// What a successful attempt puts back; at least 1.
    pub millitoken_ratio: u32,
}

impl RetryThrottling {
    pub(super) fn parse(json: &Json) -> Result<RetryThrottling, ServiceConfigError> {
        let tokens = json.required("maxTokens")?;
        let max_millitokens = tokens.as_f64()? * 1000.0;
        if !(1.0..=1_000_000.0).contains(&max_millitokens) {
            return Err(tokens.error("must be greater than 0 and at most 1000"));
        }
        let ratio = json.required("tokenRatio")?;
        let millitoken_ratio = ratio.as_f64()? * 1000.0;
        if !(millitoken_ratio >= 1.0 && millitoken_ratio.is_finite()) {
            return Err(ratio.error("must be at least 0.001"));
        }
        Ok(RetryThrottling {
            // In range, and a cast saturates.
            max_millitokens: max_millitokens as u32,
            millitoken_ratio: millitoken_ratio as u32,
        })
    }
}

fn max_attempts(json: &Json) -> Result<u32, ServiceConfigError> {
    let field = json.required("maxAttempts")?;
    match field.as_u64()? {
        attempts @ (0 | 1) => Err(field.error(format!("must be at least 2, not {attempts}"))),
        attempts => Ok(u32::try_from(attempts).unwrap_or(u32::MAX)),
    }
}

fn positive_duration(json: &Json, name: &str) -> Result<Duration, ServiceConfigError> {
    let field = json.required(name)?;
    match field.as_duration()? {
        Duration::ZERO => Err(field.error("must be greater than 0")),
        duration => Ok(duration),
    }
}
