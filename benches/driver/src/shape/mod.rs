//! The shapes: who turns a connection, and how tasks reach it.

mod locked;
mod mixed;
mod owner;
mod pause;
mod port;
mod queue;

pub(crate) use locked::Locked;
pub(crate) use mixed::Mixed;
pub(crate) use owner::Owner;
pub(crate) use port::Port;
pub(crate) use queue::Queue;
