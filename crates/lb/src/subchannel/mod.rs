//! Subchannels: a channel's link to one address.

mod connection;
mod error;
mod id;
mod machine;
mod state;
#[cfg(test)]
mod tests;

pub use connection::{Cause, ConnectionEvent, ConnectionId, DisconnectReason};
pub use error::{ConnectDeadlineExceeded, SubchannelError};
pub use id::SubchannelId;
pub use machine::{ConnectOrder, Subchannel, SubchannelConfig, SubchannelTimeout};
pub use state::SubchannelState;
