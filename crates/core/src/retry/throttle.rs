//! The token bucket that holds retries back while many attempts fail.

use crate::service_config::RetryThrottling;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A token, in the thousandths that are counted.
const TOKEN: u32 = 1000;

/// The token bucket of a channel (gRFC A6, `retryThrottling`): a failure takes a token, a success puts a part of one back,
/// and there are retries and hedging only while the bucket is more than half full.
///
/// ```
/// use farcall_core::{ServiceConfig, retry::Throttle};
///
/// let config = ServiceConfig::parse(r#"{"retryThrottling": {"maxTokens": 4, "tokenRatio": 0.5}}"#).unwrap();
/// let throttle = Throttle::new(config.retry_throttling().unwrap());
/// assert!(throttle.on_failure()); // 3 of 4
/// assert!(!throttle.on_failure()); // 2 of 4: no retries
/// throttle.on_success(); // 2.5
/// assert!(throttle.allows());
/// ```
#[derive(Debug)]
pub struct Throttle {
    throttling: RetryThrottling,
    /// Thousandths of a token.
    tokens: AtomicU32,
}

impl Throttle {
    /// A full bucket.
    pub fn new(throttling: RetryThrottling) -> Throttle {
        Throttle {
            throttling,
            tokens: AtomicU32::new(throttling.max_millitokens),
        }
    }

    /// The bucket for a new service config, filled to the same part.
    pub fn adjusted(&self, throttling: RetryThrottling) -> Throttle {
        let tokens = u64::from(self.tokens.load(Relaxed));
        let part = tokens * u64::from(throttling.max_millitokens)
            / u64::from(self.throttling.max_millitokens);
        Throttle {
            throttling,
            // A part of the new maximum, which fits.
            tokens: AtomicU32::new(part as u32),
        }
    }

    /// The configuration.
    pub fn throttling(&self) -> RetryThrottling {
        self.throttling
    }

    /// An attempt has succeeded.
    pub fn on_success(&self) {
        let RetryThrottling {
            max_millitokens: max,
            millitoken_ratio: ratio,
        } = self.throttling;
        // Mostly the bucket is full: then it is only read.
        let more = |tokens: u32| (tokens < max).then(|| tokens.saturating_add(ratio).min(max));
        self.tokens.fetch_update(Relaxed, Relaxed, more).ok();
    }

    /// An attempt has failed in a way that a retry might have mended, or the server wants no retries. Whether there may be one.
    pub fn on_failure(&self) -> bool {
        let less = |tokens: u32| Some(tokens.saturating_sub(TOKEN));
        let before = self.tokens.fetch_update(Relaxed, Relaxed, less);
        let (Ok(before) | Err(before)) = before;
        self.is_enough(before.saturating_sub(TOKEN))
    }

    /// Whether there may be retries and hedging now.
    pub fn allows(&self) -> bool {
        self.is_enough(self.tokens.load(Relaxed))
    }

    fn is_enough(&self, tokens: u32) -> bool {
        // Not half of the maximum, which may be odd.
        u64::from(tokens) * 2 > u64::from(self.throttling.max_millitokens)
    }
}
