//! Proxies: which one a channel goes through, and for which destinations.

mod bypass;
mod destination;
mod environment;
mod error;
mod routes;
mod setting;
mod url;

pub(crate) use destination::{Destination, Host};
pub(crate) use error::Problem;
pub use error::ProxyError;
pub(crate) use routes::Routes;
pub use setting::Proxy;
pub(crate) use url::{Credentials, Kind, ProxyUrl};
