//! Targets whose names DNS resolves.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::error::{TargetError, TargetProblem};
use super::host_port::{check_host, split_host_port};
use super::parsed::Target;

/// The port of a `dns:` target that names none.
pub const DEFAULT_PORT: u16 = 443;
/// The port of a name server that names none (RFC 1035 §4.2).
pub const DEFAULT_DNS_SERVER_PORT: u16 = 53;

/// What a `dns:[//server[:port]/]host[:port]` target asks for.
///
/// ```
/// use farcall_lb::target::{DnsTarget, Target};
///
/// let dns = DnsTarget::parse(&Target::parse("greeter.example").unwrap()).unwrap();
/// assert_eq!((dns.host(), dns.port()), ("greeter.example", 443));
///
/// let dns = DnsTarget::parse(&Target::parse("dns://10.0.0.53/greeter:50051").unwrap()).unwrap();
/// assert_eq!(dns.server(), Some(("10.0.0.53", 53)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsTarget {
    host: String,
    port: u16,
    server: Option<(String, u16)>,
}

impl DnsTarget {
    /// Reads the parts of a target whose scheme is `dns`. An empty host is `localhost`, the default port is 443.
    ///
    /// # Errors
    /// The host is no name and no address, the port is no number, or a query or fragment is present.
    pub fn parse(target: &Target) -> Result<Self, TargetError> {
        target.refuse_query()?;
        let (host, port) = parse_pair(target.endpoint(), DEFAULT_PORT)
            .map_err(|problem| TargetError::new(target.as_str(), problem))?;
        let server = match target.authority() {
            "" => None,
            server => Some(
                parse_pair(server, DEFAULT_DNS_SERVER_PORT)
                    .map_err(|problem| TargetError::new(target.as_str(), problem))?,
            ),
        };
        Ok(Self { host, port, server })
    }

    /// The host to look up: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that every resolved address gets.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The name server that the target asks for, as host and port; `None` means the system's resolver.
    pub fn server(&self) -> Option<(&str, u16)> {
        self.server.as_ref().map(|(host, port)| (&host[..], *port))
    }

    /// The address when the host is an IP literal: then there is nothing to look up.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(ip, self.port))
    }
}

impl fmt::Display for DnsTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

fn parse_pair(text: &str, default_port: u16) -> Result<(String, u16), TargetProblem> {
    let (host, port) = split_host_port(text)?;
    let host = if host.is_empty() { "localhost" } else { host };
    check_host(host)?;
    Ok((host.to_owned(), port.unwrap_or(default_port)))
}
