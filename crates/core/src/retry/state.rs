//! One call between its attempts.

use super::{
    plan::{Repeat, RetryOptions, RetryPlan},
    pushback::Pushback,
};
use crate::{
    service_config::RetryPolicy,
    status::{Code, Status},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How an attempt ended that did not get as far as a response.
#[derive(Clone, Debug)]
pub struct Ended {
    /// With this.
    pub status: Status,
    /// What the server said about another one.
    pub pushback: Pushback,
    /// It ran into the time limit of attempts: retried whatever the policy's codes are.
    pub timed_out: bool,
}

impl From<Status> for Ended {
    /// Without a word about retries.
    fn from(status: Status) -> Ended {
        Ended {
            status,
            pushback: Pushback::None,
            timed_out: false,
        }
    }
}

/// The retries of one call (gRFC A6): how many attempts there were, what they ended with, whether another one follows.
///
/// A call is *committed* to an attempt when its response begins, or when its request no longer fits into the memory for it.
/// Nothing follows that attempt. Transparent retries are not attempts in this sense; this machine does not see them.
///
/// ```
/// use farcall_core::{ServiceConfig, Status, retry::*};
/// use std::{sync::Arc, time::Duration};
///
/// let config = ServiceConfig::parse(r#"{"methodConfig": [{"name": [{}], "retryPolicy": {
///     "maxAttempts": 2, "initialBackoff": "1s", "maxBackoff": "9s", "backoffMultiplier": 2,
///     "retryableStatusCodes": ["UNAVAILABLE"]
/// }}]}"#).unwrap();
/// let plan = RetryPlan {
///     repeat: Repeat::new(config.method("/a.B/C").unwrap(), DEFAULT_MAX_ATTEMPTS),
///     throttle: None,
///     memory: Arc::new(ReplayMemory::new(ReplayMemory::DEFAULT)),
///     call_buffer: DEFAULT_CALL_BUFFER,
///     attempt_timeout: None,
/// };
/// let mut call = RetryState::new(Arc::new(plan), RetryOptions::default());
/// let failed = Status::unavailable("come back later");
/// let pause = call.on_failure(failed.clone().into(), 0.5); // 0.5: in the middle of the jitter
/// assert_eq!(pause, Some(Duration::from_secs(1)));
/// assert_eq!(call.previous_attempts(), 1);
/// assert_eq!(call.on_failure(failed.into(), 0.5), None); // that was the last one
/// ```
#[derive(Debug)]
pub struct RetryState {
    plan: Arc<RetryPlan>,
    /// Boxed: a call that succeeds at once has none.
    rare: Option<Box<Rare>>,
    /// Bytes taken of the channel's memory.
    reserved: usize,
    committed: bool,
    /// The end of this attempt has been told to the throttle.
    counted: bool,
}

/// What is told of few calls.
#[derive(Debug, Default)]
struct Rare {
    options: RetryOptions,
    /// When this attempt is given up if its response has not begun.
    attempt_deadline: Option<Instant>,
    /// Attempts of a hedged call that have started before this one.
    earlier: u32,
    /// What the attempts before this one ended with.
    previous: Vec<Status>,
    /// Retries since the start or the last pushback.
    step: u32,
}

impl RetryState {
    /// A call before its first attempt. Allocates if there are options, and later if attempts are limited in time or fail.
    #[inline]
    pub fn new(plan: Arc<RetryPlan>, options: RetryOptions) -> RetryState {
        let mut state = RetryState {
            plan,
            rare: None,
            reserved: 0,
            committed: false,
            counted: false,
        };
        if options != RetryOptions::default() {
            state.rare().options = options;
        }
        state
    }

    #[cold]
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The same for an attempt of a hedged call, of which so many have started before it.
    pub fn with_earlier_attempts(mut self, earlier: u32) -> RetryState {
        self.rare().earlier = earlier;
        self
    }

    /// The caller's own words.
    pub fn options(&self) -> RetryOptions {
        self.rare
            .as_ref()
            .map_or(RetryOptions::default(), |rare| rare.options)
    }

    /// What this call's method has been given.
    pub fn plan(&self) -> &Arc<RetryPlan> {
        &self.plan
    }

    /// Attempts before this one.
    pub fn previous_attempts(&self) -> u32 {
        // Fewer than the policy's maximum, a u32.
        self.rare
            .as_ref()
            .map_or(0, |rare| rare.earlier + rare.previous.len() as u32)
    }

    /// What they ended with, in order.
    pub fn previous(&self) -> &[Status] {
        self.rare.as_ref().map_or(&[], |rare| &rare.previous)
    }

    /// An attempt goes out. Answers when it is to be given up if its response has not begun.
    pub fn begin_attempt(&mut self, now: Instant) -> Option<Instant> {
        let timeout = match &self.rare {
            None => self.plan.attempt_timeout?,
            Some(rare) => rare.options.attempt_timeout.or(self.plan.attempt_timeout)?,
        };
        let deadline = now.checked_add(timeout);
        self.rare().attempt_deadline = deadline;
        deadline
    }

    /// What [`begin_attempt`](Self::begin_attempt) has answered, while it counts.
    pub fn attempt_deadline(&self) -> Option<Instant> {
        self.rare.as_ref()?.attempt_deadline
    }

    /// Whether this attempt could be followed by another one, so that its request is worth keeping.
    pub fn is_repeatable(&self) -> bool {
        !self.committed && self.previous_attempts() + 1 < self.plan.repeat.max_attempts()
    }

    /// Makes room for a request of which `bytes` have been sent so far. False: there is none, and the call is committed.
    #[must_use]
    pub fn keep(&mut self, bytes: usize) -> bool {
        if self.committed {
            return false;
        }
        let missing = bytes.saturating_sub(self.reserved);
        let own = self.rare.as_ref().and_then(|rare| rare.options.buffer);
        let buffer = own.unwrap_or(self.plan.call_buffer);
        if bytes > buffer || !self.plan.memory.reserve(missing) {
            self.commit();
            return false;
        }
        self.reserved += missing;
        true
    }

    /// The response has begun: nothing follows this attempt, and its time is not limited any longer.
    #[inline]
    pub fn on_response(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.attempt_deadline = None;
        }
        self.commit();
    }

    /// This attempt is the last one.
    pub fn commit(&mut self) {
        self.committed = true;
        if self.reserved > 0 {
            self.plan.memory.release(self.reserved);
            self.reserved = 0;
        }
    }

    /// An attempt has failed before its response began. `Some`: another one follows, so long after this moment.
    /// `random`, in `0..1`, spreads calls that have failed together.
    pub fn on_failure(&mut self, ended: Ended, random: f64) -> Option<Duration> {
        let Repeat::Retry(policy) = self.plan.repeat else {
            return None;
        };
        let Ended {
            status,
            pushback,
            timed_out,
        } = ended;
        if self.committed {
            return None;
        }
        let mendable = timed_out || policy.retryable_codes.contains(status.code());
        let allowed = self.count_failure(mendable, pushback);
        let left = self.previous_attempts() + 1 < policy.max_attempts;
        if !mendable || !allowed || !left || pushback == Pushback::Never {
            self.commit();
            return None;
        }
        self.counted = false;
        let rare = self.rare();
        rare.previous.push(status);
        Some(match pushback {
            Pushback::After(pause) => {
                rare.step = 0;
                pause
            }
            _ => {
                rare.step += 1;
                backoff(&policy, rare.step - 1, random)
            }
        })
    }

    /// The call is over, with this code, and nothing follows. What has been told by [`on_failure`](Self::on_failure) is not
    /// counted again.
    pub fn on_end(&mut self, code: Code, pushback: Pushback) {
        self.commit();
        match code {
            _ if self.counted => {}
            Code::Ok => self.on_success(),
            code => drop(self.count_failure(self.plan.repeat.is_mendable(code), pushback)),
        }
    }

    /// The call is over and all went well.
    pub fn on_success(&mut self) {
        if let Some(throttle) = &self.plan.throttle {
            throttle.on_success();
        }
        self.counted = true;
    }

    /// Whether throttling lets another attempt follow.
    fn count_failure(&mut self, mendable: bool, pushback: Pushback) -> bool {
        self.counted = true;
        match &self.plan.throttle {
            Some(throttle) if mendable || pushback == Pushback::Never => throttle.on_failure(),
            _ => true,
        }
    }
}

impl Drop for RetryState {
    fn drop(&mut self) {
        self.commit();
    }
}

/// The pause before the retry of number `step`, counted from 0.
fn backoff(policy: &RetryPolicy, step: u32, random: f64) -> Duration {
    let exponent = i32::try_from(step).unwrap_or(i32::MAX);
    let grown = policy.initial_backoff.as_secs_f64() * policy.backoff_multiplier.powi(exponent);
    let max = policy.max_backoff.as_secs_f64();
    let nominal = grown.min(max);
    Duration::try_from_secs_f64(nominal * (0.8 + 0.4 * random)).unwrap_or(policy.max_backoff)
}
