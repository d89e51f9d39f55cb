//! `host[:port]` with IPv6 literals.

use std::net::IpAddr;

use super::error::TargetProblem;

/// Splits `host[:port]`. A host in brackets loses them; an IPv6 address without brackets is a host without port.
pub(super) fn split_host_port(text: &str) -> Result<(&str, Option<u16>), TargetProblem> {
    if let Some(inside) = text.strip_prefix('[') {
        let bad = || TargetProblem::BadBrackets { text: text.into() };
        let (host, rest) = inside.split_once(']').ok_or_else(bad)?;
        if !is_ipv6(host) {
            return Err(bad());
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(parse_port(port, text)?))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(bad()),
        };
    }
    if is_ipv6(text) {
        return Ok((text, None));
    }
    match text.rsplit_once(':') {
        None => Ok((text, None)),
        Some((host, _)) if host.contains(':') => Err(TargetProblem::BadHost { host: text.into() }),
        Some((host, port)) => Ok((host, Some(parse_port(port, text)?))),
    }
}

fn parse_port(port: &str, text: &str) -> Result<u16, TargetProblem> {
    if port.is_empty() {
        return Err(TargetProblem::MissingPort { text: text.into() });
    }
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let number = if digits { port.parse().ok() } else { None };
    number.ok_or_else(|| TargetProblem::BadPort { port: port.into() })
}

/// An IPv6 address, also with a zone such as `fe80::1%eth0` (RFC 4007 §11).
fn is_ipv6(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    matches!(address.parse(), Ok(IpAddr::V6(_)))
}

/// A name that a resolver may be asked for: letters, digits, `-`, `_`, `.`, at most 253 bytes, no empty label
/// but the root's. Beyond the letters of RFC 1123 the underscore is let through, service names use it.
pub(super) fn check_host(host: &str) -> Result<(), TargetProblem> {
    let name = host.strip_suffix('.').unwrap_or(host);
    let labels_fit = name
        .split('.')
        .all(|label| !label.is_empty() && label.len() <= 63);
    let letters_fit = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if (labels_fit && letters_fit && name.len() <= 253) || is_ipv6(host) {
        Ok(())
    } else {
        Err(TargetProblem::BadHost { host: host.into() })
    }
}
