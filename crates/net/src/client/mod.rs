//! The client: channels and the calls made on them.

mod attempt;
mod backoffs;
mod builder;
mod channel;
mod connection;
mod connectivity;
mod connector;
mod control;
mod gather;
mod heads;
mod hedging;
mod held;
mod idle;
mod inbox;
mod intercepted;
mod news;
mod options;
mod outcome;
mod pending;
mod picker_cell;
mod plans;
mod race;
mod resolution;
mod shared;
mod start;
mod streaming;
mod unary;
mod under_way;
mod via;

pub use crate::proxy::{Proxy, ProxyError};
pub use builder::ChannelBuilder;
pub use channel::Channel;
pub use connector::{ByteStream, Connecting, Connector};
pub use pending::PendingResponse;
pub use streaming::{BidiCall, ServerStreamingCall};
pub use unary::{ClientStreamingCall, UnaryCall, UnaryFuture};
