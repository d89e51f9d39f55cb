//! The state of a parent from those of its children.

use crate::connectivity::ConnectivityState::{self, Connecting, Idle, Ready, TransientFailure};

/// The state of a parent from those of its children, as in all of gRPC's parents: READY if any is, else CONNECTING if
/// any is, else IDLE if any is, else TRANSIENT_FAILURE (also without children).
///
/// ```
/// use farcall_lb::{ConnectivityState::*, balancer::aggregate_state};
///
/// assert_eq!(aggregate_state([TransientFailure, Ready, Idle]), Ready);
/// assert_eq!(aggregate_state([TransientFailure, Idle]), Idle);
/// assert_eq!(aggregate_state([]), TransientFailure);
/// ```
pub fn aggregate_state(states: impl IntoIterator<Item = ConnectivityState>) -> ConnectivityState {
    let rank = |state: &ConnectivityState| match state {
        Ready => 3,
        Connecting => 2,
        Idle => 1,
        _ => 0,
    };
    let best = states.into_iter().max_by_key(rank);
    best.filter(|state| rank(state) > 0)
        .unwrap_or(TransientFailure)
}
