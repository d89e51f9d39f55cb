//! The server: listeners, connections, routes, handlers, shutdown.

mod accepting;
mod builder;
mod calls;
mod connection;
mod earned;
mod handler;
mod known;
pub(crate) mod listener;
mod log;
mod router;
mod running;
mod serve;
mod service;
mod shards;
mod shared;
mod unbound;
mod watch;

pub use accepting::ShutdownReport;
pub use builder::Server;
pub use listener::BindError;
pub use serve::{Bound, ServeError};
pub use service::{Methods, Service, unimplemented};
pub use unbound::Unbound;
