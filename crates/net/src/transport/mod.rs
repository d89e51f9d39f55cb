//! One HTTP/2 connection on tokio: the driver that owns the machine, and the mailboxes of its streams.

mod buffer;
pub(crate) mod chunks;
pub(crate) mod connect;
pub(crate) mod deadline;
pub(crate) mod driver;
mod fifo;
pub(crate) mod io;
pub(crate) mod mailbox;
mod picked;
mod pieces;
mod polling;
mod prepared;
pub(crate) mod proxy;
pub(crate) mod submit;
pub(crate) mod timer;

pub(crate) use driver::{Driver, Role};
pub(crate) use mailbox::Mailbox;
pub(crate) use picked::Picked;
pub(crate) use pieces::Pieces;
pub(crate) use prepared::{Follower, Prepared};
pub(crate) use submit::Submit;
