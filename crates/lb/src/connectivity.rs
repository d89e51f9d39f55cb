//! Connectivity states.

use std::fmt;

/// The state of a channel, a subchannel or a policy (gRPC's connectivity semantics document).
///
/// ```
/// use farcall_lb::ConnectivityState;
///
/// assert_eq!(ConnectivityState::TransientFailure.to_string(), "TRANSIENT_FAILURE");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectivityState {
    /// Nothing is connected and nobody tries; a call or `connect` changes that.
    Idle,
    /// A connection is being made.
    Connecting,
    /// Calls can go out.
    Ready,
    /// Connecting has failed; it is tried again after a while.
    TransientFailure,
    /// Closed for good.
    Shutdown,
}

impl ConnectivityState {
    /// The name in gRPC's documents, such as `TRANSIENT_FAILURE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "IDLE",
            Self::Connecting => "CONNECTING",
            Self::Ready => "READY",
            Self::TransientFailure => "TRANSIENT_FAILURE",
            Self::Shutdown => "SHUTDOWN",
        }
    }
}

impl fmt::Display for ConnectivityState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
