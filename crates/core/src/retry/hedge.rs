//! The attempts of one hedged call.

use super::{
    plan::{Repeat, RetryOptions, RetryPlan},
    pushback::Pushback,
    state::Ended,
};
use crate::{
    service_config::HedgingPolicy,
    status::{Code, Status},
};
use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

/// When the attempts of a hedged call start (gRFC A6): the first at once, each other one after the policy's delay, or as soon
/// as one has failed in a way that is not fatal, until a response begins, a failure is fatal, or all have failed.
///
/// Inputs: [`on_failure`](Self::on_failure), [`commit`](Self::commit), [`on_end`](Self::on_end). After each, and when
/// [`poll_timeout`](Self::poll_timeout) has come: [`poll_attempt`](Self::poll_attempt) until it is false, then
/// [`is_over`](Self::is_over).
///
/// ```
/// use farcall_core::{ServiceConfig, Status, retry::*};
/// use std::{sync::Arc, time::{Duration, Instant}};
///
/// let config = ServiceConfig::parse(r#"{"methodConfig": [{"name": [{}], "hedgingPolicy": {
///     "maxAttempts": 3, "hedgingDelay": "1s", "nonFatalStatusCodes": ["UNAVAILABLE"]
/// }}]}"#).unwrap();
/// let plan = RetryPlan {
///     repeat: Repeat::new(config.method("/a.B/C").unwrap(), DEFAULT_MAX_ATTEMPTS),
///     throttle: None,
///     memory: Arc::new(ReplayMemory::new(ReplayMemory::DEFAULT)),
///     call_buffer: DEFAULT_CALL_BUFFER,
///     attempt_timeout: None,
/// };
/// let mut call = HedgeState::new(Arc::new(plan), RetryOptions::default()).unwrap();
/// let start = Instant::now();
/// assert!(call.poll_attempt(start) && !call.poll_attempt(start));
/// assert_eq!(call.poll_timeout(), Some(start + Duration::from_secs(1)));
/// call.on_failure(start, Status::unavailable("down").into());
/// assert!(call.poll_attempt(start)); // the second one need not wait any longer
/// ```
#[derive(Debug)]
pub struct HedgeState {
    pub(super) plan: Arc<RetryPlan>,
    policy: HedgingPolicy,
    options: RetryOptions,
    started: u32,
    /// Attempts that have not ended.
    open: u32,
    /// When another one starts. `None`: never.
    next: Option<Instant>,
    failures: Vec<Status>,
    fatal: bool,
    committed: bool,
    /// Bytes taken of the channel's memory.
    reserved: usize,
}

impl HedgeState {
    /// A call before its first attempt. `None`: its method is not hedged.
    pub fn new(plan: Arc<RetryPlan>, options: RetryOptions) -> Option<HedgeState> {
        let Repeat::Hedge(policy) = plan.repeat else {
            return None;
        };
        Some(HedgeState {
            plan,
            policy,
            options,
            started: 0,
            open: 0,
            next: None,
            failures: Vec::new(),
            fatal: false,
            committed: false,
            reserved: 0,
        })
    }

    /// Attempts that have started.
    pub fn started(&self) -> u32 {
        self.started
    }

    /// How long an attempt may take until its response begins.
    pub fn attempt_timeout(&self) -> Option<Duration> {
        self.options.attempt_timeout.or(self.plan.attempt_timeout)
    }

    /// Whether another attempt starts now; it counts as started.
    #[must_use]
    pub fn poll_attempt(&mut self, now: Instant) -> bool {
        let first = self.started == 0;
        if self.committed || self.fatal || !(first || self.next.is_some_and(|at| at <= now)) {
            return false;
        }
        let allowed = self
            .plan
            .throttle
            .as_ref()
            .is_none_or(|throttle| throttle.allows());
        if !first && !allowed {
            self.next = None;
            return false;
        }
        self.started += 1;
        self.open += 1;
        self.schedule(now, self.policy.hedging_delay);
        true
    }

    /// When to look again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Makes room for a request of which `bytes` have been sent so far. False: there is none, and the call has to be committed
    /// to one of its attempts.
    #[must_use]
    pub fn keep(&mut self, bytes: usize) -> bool {
        let missing = bytes.saturating_sub(self.reserved);
        let buffer = self.options.buffer.unwrap_or(self.plan.call_buffer);
        if self.committed || bytes > buffer || !self.plan.memory.reserve(missing) {
            return false;
        }
        self.reserved += missing;
        true
    }

    /// An attempt has failed before its response began.
    pub fn on_failure(&mut self, now: Instant, ended: Ended) {
        let Ended {
            status,
            pushback,
            timed_out,
        } = ended;
        self.open = self.open.saturating_sub(1);
        let mendable = timed_out || self.policy.non_fatal_codes.contains(status.code());
        if let Some(throttle) = &self.plan.throttle
            && (mendable || pushback == Pushback::Never)
        {
            throttle.on_failure();
        }
        self.failures.push(status);
        if !mendable {
            self.fatal = true;
            self.next = None;
            return;
        }
        match pushback {
            Pushback::None => self.hasten(now),
            Pushback::After(pause) => self.schedule(now, pause),
            Pushback::Never => {
                self.next = None;
                // None of those that would have followed.
                self.policy.max_attempts = self.started;
            }
        }
    }

    /// Whether the call ends with the last failure: it is fatal, or there is nothing left to wait for.
    pub fn is_over(&self) -> bool {
        self.fatal || (self.started > 0 && self.open == 0 && self.next.is_none())
    }

    /// One attempt is the call from now on: its response has begun, or its request cannot be kept any longer.
    pub fn commit(&mut self) {
        self.committed = true;
        self.next = None;
        if self.reserved > 0 {
            self.plan.memory.release(self.reserved);
            self.reserved = 0;
        }
    }

    /// Whether that has happened.
    pub fn is_committed(&self) -> bool {
        self.committed
    }

    /// The committed attempt has ended with this.
    pub fn on_end(&mut self, code: Code, pushback: Pushback) {
        let Some(throttle) = &self.plan.throttle else {
            return;
        };
        if code == Code::Ok {
            throttle.on_success();
        } else if self.policy.non_fatal_codes.contains(code) || pushback == Pushback::Never {
            throttle.on_failure();
        }
    }

    /// What all attempts ended with but the one that the call ends with: the last failure, or, if the call is committed, an
    /// attempt that has not failed, for which the others were cancelled.
    pub fn take_previous(&mut self) -> Vec<Status> {
        let mut failures = mem::take(&mut self.failures);
        if self.committed {
            const LOST: Status =
                Status::from_static(Code::Cancelled, "another attempt was answered first");
            failures.extend((1..self.open).map(|_| LOST));
        } else {
            failures.pop();
        }
        failures
    }

    /// Another attempt after a pause, if there may be one.
    fn schedule(&mut self, now: Instant, pause: Duration) {
        let left = self.started < self.policy.max_attempts;
        self.next = now.checked_add(pause).filter(|_| left);
    }

    /// Another attempt now, if there may be one: it takes the place of the next.
    fn hasten(&mut self, now: Instant) {
        self.schedule(now, Duration::ZERO);
    }
}

impl Drop for HedgeState {
    fn drop(&mut self) {
        self.commit();
    }
}
