//! The server's side of every scenario.

use crate::{
    Error, Work,
    load::Nothing,
    tenants::{ByHand, TenantsOnly},
};
use farcall::{Server, server::Unbound};
use farcall_bench::{Service, pb::BenchmarkServiceServer};

/// A server with default settings but for what the work needs that is handed its connection. Server streams end after as many messages as the
/// request's body says (`u64`, little-endian).
///
/// # Errors
/// As [`Server::unbound`].
pub fn server(work: Work) -> Result<Unbound, Error> {
    let service = Service::counted();
    let server = match work {
        Work::Tenant => {
            Server::builder().add_service(BenchmarkServiceServer::new(ByHand::new(service)))
        }
        _ => Server::builder().add_service(BenchmarkServiceServer::new(service)),
    };
    let server = match work {
        Work::Intercepted => server.interceptor(Nothing),
        Work::Immediate => server.interceptor(TenantsOnly::default()),
        _ => server,
    };
    Ok(server.unbound()?)
}
