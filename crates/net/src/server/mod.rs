//! The server: listeners, connections, routes, handlers, shutdown.

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
mod shared;
mod unbound;
mod watch;

pub use builder::Server;
pub use listener::BindError;
pub use serve::{Bound, ServeError, ShutdownReport};
pub use service::{Methods, Service, unimplemented};
pub use unbound::Unbound;
