//! Where a proxy is asked to connect.

use farcall_lb::{Address, Location};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// What a proxy is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Ip(IpAddr),
    /// The proxy looks it up.
    Name(String),
}

impl Destination {
    pub(crate) fn new(host: &str, port: u16) -> Destination {
        let host = match host.parse() {
            Ok(ip) => Host::Ip(ip),
            Err(_) => Host::Name(host.to_owned()),
        };
        Destination { host, port }
    }

    /// What stands behind an address, if that is a host and a port.
    pub(crate) fn of(address: &Address) -> Option<Destination> {
        let name = match address.location() {
            Location::Ip(ip) => {
                return Some(Destination {
                    host: Host::Ip(ip.ip()),
                    port: ip.port(),
                });
            }
            Location::Named(name) => name,
            _ => return None,
        };
        if let Ok(address) = name.parse::<SocketAddr>() {
            return Some(Destination {
                host: Host::Ip(address.ip()),
                port: address.port(),
            });
        }
        let (host, port) = name.rsplit_once(':')?;
        // It goes into a request line: nothing may stand in it that ends a word there.
        let fits = host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if host.is_empty() || host.len() > 255 || !fits {
            return None;
        }
        Some(Destination {
            host: Host::Name(host.to_owned()),
            port: port.parse().ok()?,
        })
    }

    /// Whether it is this machine itself, by name or by address.
    pub(crate) fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Ip(ip) => ip.to_canonical().is_loopback(),
            Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_destinations_and_other_addresses_are_not() {
        let of = |name: &str| Destination::of(&Address::named(name)).map(|d| d.to_string());
        assert_eq!(of("greeter:443").as_deref(), Some("greeter:443"));
        assert_eq!(of("10.0.0.1:443").as_deref(), Some("10.0.0.1:443"));
        assert_eq!(of("[::1]:443").as_deref(), Some("[::1]:443"));
        for name in [
            "greeter",
            "greeter:",
            "greeter:x",
            ":443",
            "a b:443",
            "a\r\nb:443",
            "a:1:443",
        ] {
            assert_eq!(of(name), None, "{name:?}");
        }
        let ip = Address::from(([10, 0, 0, 1], 443));
        assert!(Destination::of(&ip).is_some());
        assert_eq!(Destination::of(&Address::unix("/run/x")), None);
    }
}
