//! `retryThrottling`: when a channel stops sending further attempts.

use super::{error::ServiceConfigError, json::Json};

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
