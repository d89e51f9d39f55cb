//! Channel and Server of Farcall on tokio: sockets, TLS, drivers.
//!
//! Users depend on the `farcall` crate, which re-exports what is public here.
#![forbid(unsafe_code)]

mod call;
pub mod client;
mod clock;
mod error;
mod in_process;
mod log;
pub mod peer;
mod proxy;
pub mod resolver;
/// Call credentials: what proves to a server on whose behalf a call is made.
pub mod credentials {
    pub use crate::client::credentials::{
        AccessToken, CallCredentials, CallInfo, Composite, SecurityLevel, Token,
    };
}
/// Interceptors: code around calls, on either end.
pub mod interceptor {
    pub use crate::call::intercept::{
        Answer, AnyInterceptor, Begin, Call, End, Immediate, Interceptor, IntoInterceptor, Next,
        Outcome, Repeat, Run, kind,
    };
    pub use crate::call::{Extensions, Payload};
    pub use crate::client::attempts::{AskedPeers, Attempt, AttemptInterceptor};
}
pub mod server;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;
mod words;

pub use call::{Context, Encoding, IntoRequest, Request, Response, Sender, Streaming};
pub use client::{Channel, ChannelBuilder};
pub use error::ConfigError;
pub use farcall_core::{Code, Metadata, Method, Status};
/// The rules of a channel: what resolvers and load-balancing policies are written against.
pub use farcall_lb as lb;
pub use farcall_lb::{Address, ConnectivityState, Registry};
pub use peer::Peer;
pub use server::{ServeError, Server, ShutdownReport};
pub use transport::connect::ConnectError;
