//! What can be said about retries and hedging (gRFC A6).

use super::ChannelBuilder;
use crate::clock;
use std::time::Duration;

impl ChannelBuilder {
    /// Whether the retry and hedging policies of service configs are followed (gRFC A6). Default: yes. Without them, calls
    /// that no server has looked at still go out again.
    pub fn retries(mut self, on: bool) -> Self {
        self.retries.enabled = on;
        self
    }

    /// Attempts that a call may make at most, the first one included, whatever a service config asks for. Default 5, as gRFC
    /// A6 has it; at least 1. A config that asks for more is followed as far as this, and the log says so once.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.retries.max_attempts = attempts.max(1);
        self
    }

    /// Bytes of request messages that a call keeps at most, so that they can be sent again; calls may say otherwise. Default
    /// 256 KiB. A call that sends more goes on, but no attempt follows the one it has then.
    pub fn max_retry_buffer_size(mut self, bytes: usize) -> Self {
        self.retries.call_buffer = bytes;
        self
    }

    /// Bytes that all calls with a policy may keep together, see [`max_retry_buffer_size`](Self::max_retry_buffer_size).
    /// Default 16 MiB. A call for which there is no room goes out, and no attempt follows.
    pub fn max_retry_memory(mut self, bytes: usize) -> Self {
        self.retries.memory = bytes;
        self
    }

    /// How long an attempt may take until its response begins, counted from when it goes out; calls may say otherwise. Default:
    /// no limit but the call's deadline. An attempt that takes longer is cancelled. It counts as one that is to be retried,
    /// whatever the policy's codes are; where none follows, the call ends with `DEADLINE_EXCEEDED`.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.retries.attempt_timeout = Some(timeout.min(clock::FOREVER));
        self
    }
}
