//! The server's side of every scenario.

use crate::Error;
use farcall::{Server, server::Unbound};
use farcall_bench::{Service, pb::BenchmarkServiceServer};

/// A server with default settings that is handed its connection. Server streams end after as many messages as the
/// request's body says (`u64`, little-endian).
///
/// # Errors
/// As [`Server::unbound`].
pub fn server() -> Result<Unbound, Error> {
    let service = BenchmarkServiceServer::new(Service::counted());
    Ok(Server::builder().add_service(service).unbound()?)
}
