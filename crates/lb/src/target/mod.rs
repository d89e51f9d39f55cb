//! Targets: the URI that a channel is given, and what each scheme reads from it.

mod authority;
mod dns;
mod error;
mod host_port;
mod literal;
mod parsed;
#[cfg(test)]
mod tests;
mod uri;

pub use dns::{DEFAULT_DNS_SERVER_PORT, DEFAULT_PORT, DnsTarget};
pub use error::{TargetError, TargetProblem};
pub use literal::{ip_addresses, unix_abstract_name, unix_path, vsock_address};
pub use parsed::{BUILT_IN_SCHEMES, DEFAULT_SCHEME, Target};
