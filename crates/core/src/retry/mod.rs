//! Retries and hedging of a call by policy (gRFC A6): when another attempt may follow, how long it waits, and what is kept for it.
//!
//! These machines read no clock and draw no random number: delays go out, randomness comes in. The network crate carries
//! the requests; here are only the rules.
//!
//! | | |
//! |---|---|
//! | [`RetryPlan`] | what a channel lets the calls of one method do; shared by them |
//! | [`RetryState`] | one call between its attempts |
//! | [`HedgeState`] | one hedged call |
//! | [`Throttle`] | the token bucket of a channel |
//! | [`Pushback`] | what servers say about retries, in `grpc-retry-pushback-ms` |
//! | [`ReplayMemory`] | the memory of a channel for requests that may go out again |

mod hedge;
mod memory;
mod plan;
mod pushback;
mod state;
#[cfg(test)]
mod tests;
mod throttle;

pub use hedge::HedgeState;
pub use memory::ReplayMemory;
pub use plan::{DEFAULT_CALL_BUFFER, DEFAULT_MAX_ATTEMPTS, Repeat, RetryOptions, RetryPlan};
pub use pushback::Pushback;
pub use state::{Ended, RetryState};
pub use throttle::Throttle;
