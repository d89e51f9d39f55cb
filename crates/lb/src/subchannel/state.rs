use std::fmt;

use crate::connectivity::ConnectivityState;

use super::error::SubchannelError;

/// Names one subchannel of a channel; never used twice in one channel.
///
/// ```
/// use farcall_lb::subchannel::SubchannelId;
///
/// assert_eq!(SubchannelId::new(7).as_u64(), 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubchannelId(u64);

impl SubchannelId {
    /// The id with this number. Channels number their subchannels themselves; this is for tests and tables.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SubchannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a policy is told about one of its subchannels.
///
/// ```
/// use farcall_lb::{ConnectivityState, subchannel::SubchannelState};
///
/// assert_eq!(SubchannelState::Ready.connectivity(), ConnectivityState::Ready);
/// ```
#[derive(Debug, Clone)]
pub enum SubchannelState {
    /// Not connected; `connect` starts an attempt.
    Idle,
    /// An attempt runs.
    Connecting,
    /// Connected: the transport is set up and the peer's SETTINGS have arrived.
    Ready,
    /// The last attempt failed; the subchannel turns idle when its backoff is over.
    TransientFailure(SubchannelError),
    /// Removed.
    Shutdown,
}

impl SubchannelState {
    /// The state without its data.
    pub fn connectivity(&self) -> ConnectivityState {
        match self {
            Self::Idle => ConnectivityState::Idle,
            Self::Connecting => ConnectivityState::Connecting,
            Self::Ready => ConnectivityState::Ready,
            Self::TransientFailure(_) => ConnectivityState::TransientFailure,
            Self::Shutdown => ConnectivityState::Shutdown,
        }
    }

    /// Why the last attempt failed, in [`SubchannelState::TransientFailure`].
    pub fn error(&self) -> Option<&SubchannelError> {
        match self {
            Self::TransientFailure(error) => Some(error),
            _ => None,
        }
    }
}
