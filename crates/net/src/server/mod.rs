//! The server: listeners, connections, routes, handlers, shutdown.

mod builder;
mod connection;
mod earned;
mod handler;
pub(crate) mod listener;
mod log;
pub(crate) mod reply;
mod router;
mod running;
mod serve;
mod service;

pub use builder::Server;
pub(crate) use handler::{Arrival, IncomingCall, Terms};
pub use listener::BindError;
pub(crate) use reply::Reply;
pub use serve::{Bound, ServeError, ShutdownReport};
pub use service::{Methods, Service, unimplemented};
