//! The services that gRPC's tools, balancers and orchestrators expect of a server: [`health`] and [`reflection`].
//!
//! They are added to a server like any other, and what they have to know of it they learn from it. The facade re-exports
//! them as `farcall::health` and `farcall::reflection`.
//!
//! | feature | |
//! |---|---|
//! | `health` | `grpc.health.v1.Health` |
//! | `reflection` | `grpc.reflection.v1.ServerReflection` and `v1alpha` |
#![forbid(unsafe_code)]

#[cfg(feature = "health")]
pub mod health;
#[cfg(feature = "reflection")]
pub mod reflection;

/// What generated code expects to find in the facade.
#[cfg(any(feature = "health", feature = "reflection"))]
mod runtime {
    pub(crate) use farcall_core::{Method, Status};
    #[cfg(feature = "reflection")]
    pub(crate) use farcall_net::Streaming;
    pub(crate) use farcall_net::{Channel, Request, Sender, client, server};
    #[cfg(feature = "health")]
    pub(crate) use farcall_net::{IntoRequest, Response};
}
