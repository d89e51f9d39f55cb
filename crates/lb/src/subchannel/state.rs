//! What a policy is told about a subchannel.

use crate::connectivity::ConnectivityState;

use super::error::SubchannelError;

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
