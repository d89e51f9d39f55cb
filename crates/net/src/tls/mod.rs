//! TLS through rustls: what a channel and a server need to know, and the handshakes.
//!
//! A crypto provider is always named, never taken from the process-wide default: a program in which two
//! providers meet would panic there.

mod client;
mod client_material;
mod error;
mod established;
pub(crate) mod explain;
mod material;
mod pem;
mod provider;
mod reload;
mod server;
mod server_material;
#[cfg(all(test, any(feature = "tls-aws-lc", feature = "tls-ring")))]
pub(crate) mod testdata;
#[cfg(all(test, any(feature = "tls-aws-lc", feature = "tls-ring")))]
mod tests;

pub use client::ClientTls;
pub(crate) use client::{Connector, host_of, proves};
pub(crate) use error::Side;
pub use error::{TlsConfigError, TlsError};
pub(crate) use server::Acceptor;
pub use server::ServerTls;
pub use server_material::ClientAuth;
