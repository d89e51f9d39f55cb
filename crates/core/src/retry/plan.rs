//! What a channel lets the calls of a method do.

use super::{memory::ReplayMemory, throttle::Throttle};
use crate::{
    service_config::{CodeSet, HedgingPolicy, MethodConfig, RetryPolicy},
    status::Code,
};
use std::{sync::Arc, time::Duration};

/// The cap of attempts unless the channel sets another one (gRFC A6).
pub const DEFAULT_MAX_ATTEMPTS: u32 = 5;
/// Bytes of messages that one call keeps at most unless it says otherwise: 256 KiB, as much as other implementations.
pub const DEFAULT_CALL_BUFFER: usize = 256 << 10;

/// How a call comes to further attempts.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Repeat {
    /// Not at all.
    #[default]
    No,
    /// One after the other.
    Retry(RetryPolicy),
    /// Beside each other.
    Hedge(HedgingPolicy),
}

impl Repeat {
    /// What the service config says of a method, with at most `cap` attempts.
    ///
    /// ```
    /// use farcall_core::{ServiceConfig, retry::Repeat};
    ///
    /// let config = ServiceConfig::parse(r#"{"methodConfig": [{
    ///     "name": [{}],
    ///     "hedgingPolicy": {"maxAttempts": 9, "hedgingDelay": "0.1s"}
    /// }]}"#).unwrap();
    /// let repeat = Repeat::new(config.method("/a.B/C").unwrap(), 5);
    /// assert_eq!(repeat.max_attempts(), 5);
    /// ```
    pub fn new(config: &MethodConfig, cap: u32) -> Repeat {
        match (config.retry_policy, config.hedging_policy) {
            (Some(mut policy), _) => {
                policy.max_attempts = policy.max_attempts.min(cap);
                Repeat::Retry(policy)
            }
            (None, Some(mut policy)) => {
                policy.max_attempts = policy.max_attempts.min(cap);
                Repeat::Hedge(policy)
            }
            (None, None) => Repeat::No,
        }
    }

    /// Whether attempts go out beside each other.
    pub fn is_hedged(&self) -> bool {
        matches!(self, Repeat::Hedge(_))
    }

    /// Attempts at most, the first one included.
    pub fn max_attempts(&self) -> u32 {
        match self {
            Repeat::No => 1,
            Repeat::Retry(policy) => policy.max_attempts,
            Repeat::Hedge(policy) => policy.max_attempts,
        }
    }

    /// Whether an attempt that ends so is none that has to be the last. These are the failures that throttling counts.
    pub fn is_mendable(&self, code: Code) -> bool {
        let codes = match self {
            Repeat::No => CodeSet::default(),
            Repeat::Retry(policy) => policy.retryable_codes,
            Repeat::Hedge(policy) => policy.non_fatal_codes,
        };
        codes.contains(code)
    }
}

/// What the calls of one method share. Made when a service config comes.
#[derive(Clone, Debug)]
pub struct RetryPlan {
    /// The policy, with the channel's cap.
    pub repeat: Repeat,
    /// The bucket of the channel, if the service config has one.
    pub throttle: Option<Arc<Throttle>>,
    /// The memory of the channel.
    pub memory: Arc<ReplayMemory>,
    /// Bytes of messages that a call keeps at most.
    pub call_buffer: usize,
    /// How long an attempt may take until its response begins.
    pub attempt_timeout: Option<Duration>,
}

impl RetryPlan {
    /// For one attempt of a hedged call, which is not repeated by itself and whose request is counted by the call.
    pub fn of_attempt(&self) -> RetryPlan {
        RetryPlan {
            repeat: Repeat::No,
            throttle: None,
            memory: Arc::new(ReplayMemory::new(usize::MAX)),
            call_buffer: self.call_buffer,
            attempt_timeout: self.attempt_timeout,
        }
    }
}

/// What a caller says about the attempts of one call; what is left open is the plan's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RetryOptions {
    /// Bytes of messages that are kept at most.
    pub buffer: Option<usize>,
    /// How long an attempt may take until its response begins.
    pub attempt_timeout: Option<Duration>,
}
