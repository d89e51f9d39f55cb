//! Which destinations are reached without the proxy: the rules of `NO_PROXY`, as Go's programs read them.

use super::destination::{Destination, Host};
use std::net::IpAddr;

/// A list of rules; the destination that one of them covers is reached directly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bypass {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    hosts: Hosts,
    /// `None`: any.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    /// `*`
    All,
    /// An address, or a range of them as `10.0.0.0/8`.
    Range(IpAddr, u8),
    /// `example.com`: the name and all below it, without the leading dot.
    Name(String),
    /// `.example.com`, `*.example.com`: what is below the name; with the leading dot.
    Below(String),
}

impl Bypass {
    /// Reads a list that is separated by commas. What means nothing is left out, as others do: the list is often shared by
    /// programs with different rules.
    pub(crate) fn parse(list: &str) -> Bypass {
        let rules = list
            .split(',')
            .map(str::trim)
            .filter(|rule| !rule.is_empty());
        Bypass {
            rules: rules.filter_map(Rule::parse).collect(),
        }
    }

    pub(crate) fn append(&mut self, other: Bypass) {
        self.rules.extend(other.rules);
    }

    pub(crate) fn covers(&self, destination: &Destination) -> bool {
        self.rules.iter().any(|rule| rule.covers(destination))
    }
}

impl Rule {
    fn parse(text: &str) -> Option<Rule> {
        let text = text.to_ascii_lowercase();
        if text == "*" {
            return Some(Rule {
                hosts: Hosts::All,
                port: None,
            });
        }
        if let Some((address, bits)) = text.split_once('/') {
            let (address, bits) = (ip(address)?, bits.parse().ok()?);
            let most = if address.is_ipv4() { 32 } else { 128 };
            return (bits <= most).then_some(Rule {
                hosts: Hosts::Range(address, bits),
                port: None,
            });
        }
        let (host, port) = match ip(&text) {
            Some(_) => (&text[..], None),
            None => match text.rsplit_once(':') {
                Some((host, port)) => (host, Some(port.parse().ok()?)),
                None => (&text[..], None),
            },
        };
        let hosts = match ip(host) {
            Some(address) => Hosts::Range(address, if address.is_ipv4() { 32 } else { 128 }),
            None => {
                let host = host.strip_prefix('*').unwrap_or(host);
                match host.strip_prefix('.') {
                    Some("") => return None,
                    Some(_) => Hosts::Below(host.to_owned()),
                    None if host.is_empty() => return None,
                    None => Hosts::Name(host.to_owned()),
                }
            }
        };
        Some(Rule { hosts, port })
    }

    fn covers(&self, destination: &Destination) -> bool {
        if self.port.is_some_and(|port| port != destination.port) {
            return false;
        }
        match (&self.hosts, &destination.host) {
            (Hosts::All, _) => true,
            (Hosts::Range(network, bits), Host::Ip(address)) => within(*address, *network, *bits),
            (Hosts::Name(rule), Host::Name(name)) => {
                let name = plain(name);
                name.strip_suffix(&rule[..])
                    .is_some_and(|front| front.is_empty() || front.ends_with('.'))
            }
            (Hosts::Below(rule), Host::Name(name)) => {
                let name = plain(name);
                name.len() > rule.len() && name.ends_with(&rule[..])
            }
            _ => false,
        }
    }
}

/// In lower case, without the dot of an absolute name.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// An address, perhaps in brackets.
fn ip(text: &str) -> Option<IpAddr> {
    let inside = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    inside.unwrap_or(text).parse().ok()
}

fn within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address.to_canonical(), network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            let shift = 32 - u32::from(bits);
            a.to_bits().checked_shr(shift) == n.to_bits().checked_shr(shift)
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            let shift = 128 - u32::from(bits);
            a.to_bits().checked_shr(shift) == n.to_bits().checked_shr(shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(list: &str, host: &str, port: u16) -> bool {
        let host = match host.parse() {
            Ok(ip) => Host::Ip(ip),
            Err(_) => Host::Name(host.to_owned()),
        };
        Bypass::parse(list).covers(&Destination { host, port })
    }

    #[test]
    fn each_rule_covers_what_it_says_and_nothing_else() {
        for (list, inside, outside) in [
            ("*", &["a.b", "10.0.0.1", "::1"][..], &[][..]),
            (
                "example.com",
                &["example.com", "EXAMPLE.com.", "a.b.example.com"],
                &["badexample.com", "example.org", "com", "10.0.0.1"],
            ),
            (
                ".example.com",
                &["a.example.com", "a.b.example.com"],
                &["example.com", "badexample.com"],
            ),
            ("*.example.com", &["a.example.com"], &["example.com"]),
            (
                "10.0.0.1",
                &["10.0.0.1", "::ffff:10.0.0.1"],
                &["10.0.0.2", "a"],
            ),
            (
                "10.0.0.0/8",
                &["10.0.0.1", "10.255.255.255"],
                &["11.0.0.0", "9.255.255.255", "::a00:1"],
            ),
            ("0.0.0.0/0", &["1.2.3.4"], &["::1", "a"]),
            ("192.168.7.3/32", &["192.168.7.3"], &["192.168.7.2"]),
            ("[fd00::]/8", &["fd12::1"], &["fe12::1", "253.0.0.0"]),
            ("::1", &["::1"], &["::2"]),
            ("::/0", &["::1", "ffff::"], &["1.2.3.4"]),
            (" , a ,b", &["a", "b", "x.b"], &["c"]),
        ] {
            for host in inside {
                assert!(covers(list, host, 443), "{list} {host}");
            }
            for host in outside {
                assert!(!covers(list, host, 443), "{list} {host}");
            }
        }
    }

    #[test]
    fn a_port_narrows_a_rule() {
        for (list, host) in [
            ("example.com:8080", "example.com"),
            ("10.0.0.1:8080", "10.0.0.1"),
            ("[::1]:8080", "::1"),
            (".example.com:8080", "a.example.com"),
        ] {
            assert!(covers(list, host, 8080), "{list}");
            assert!(!covers(list, host, 443), "{list}");
        }
    }

    #[test]
    fn what_means_nothing_covers_nothing() {
        for list in [
            "",
            ",",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "x/8",
            ".",
            "*.",
            "a:b",
            "a:99999",
        ] {
            assert_eq!(Bypass::parse(list), Bypass::default(), "{list}");
        }
    }
}
