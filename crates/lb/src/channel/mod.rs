//! The channel: resolver, policy and subchannels as one machine.

mod action;
mod config;
mod machine;
mod pool;
mod service_config;
#[cfg(test)]
mod tests;

pub use action::Action;
pub use config::{ChannelConfig, ConfigError};
pub use machine::Channel;
