//! Streams, RFC 9113 §5.1.

mod memory;
mod record;
mod recv;
mod send;
mod state;
mod store;

pub(crate) use memory::Past;
pub(crate) use record::Stream;
pub(crate) use recv::Body;
pub(crate) use send::{Ending, OwnedParts};
pub(crate) use state::{Cause, Progress, State};
pub(crate) use store::Store;
