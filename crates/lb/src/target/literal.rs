//! The targets that need no look-up: `ipv4:`, `ipv6:`, `unix:`, `unix-abstract:`, `vsock:`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::dns::DEFAULT_PORT;
use super::error::{TargetError, TargetProblem};
use super::host_port::split_host_port;
use super::parsed::Target;

/// `sun_path` has 108 bytes on Linux, one of them for the final zero or the abstract marker (unix(7)).
const UNIX_PATH_LIMIT: usize = 107;

/// The addresses of an `ipv4:` or `ipv6:` target: a list with commas, default port 443.
///
/// ```
/// use farcall_lb::target::{Target, ip_addresses};
///
/// let target = Target::parse("ipv6:[::1]:50051,[2001:db8::7]").unwrap();
/// let addresses = ip_addresses(&target).unwrap();
/// assert_eq!(addresses[1], "[2001:db8::7]:443".parse().unwrap());
/// ```
///
/// # Errors
/// An authority, query or fragment is present, the list is empty, or an item is not an address of the family.
pub fn ip_addresses(target: &Target) -> Result<Vec<SocketAddr>, TargetError> {
    target.refuse_authority()?;
    target.refuse_query()?;
    target.refuse_empty()?;
    let want_v6 = target.scheme() == "ipv6";
    let family = if want_v6 { "IPv6" } else { "IPv4" };
    let parse = |text: &str| {
        let (host, port) = split_host_port(text)?;
        match host.parse::<IpAddr>() {
            Ok(ip) if ip.is_ipv6() == want_v6 => {
                Ok(SocketAddr::new(ip, port.unwrap_or(DEFAULT_PORT)))
            }
            _ => Err(TargetProblem::NotAnAddress {
                family,
                text: text.to_owned(),
            }),
        }
    };
    target
        .endpoint()
        .split(',')
        .map(|text| parse(text).map_err(|problem| TargetError::new(target.as_str(), problem)))
        .collect()
}

/// The socket path of a `unix:path` (relative or absolute) or `unix:///absolute` target.
///
/// # Errors
/// An authority, query or fragment is present, or the path is empty or too long for a socket address.
pub fn unix_path(target: &Target) -> Result<PathBuf, TargetError> {
    check_path(target)?;
    path_from_bytes(target.path_bytes())
        .ok_or_else(|| TargetError::new(target.as_str(), TargetProblem::NotUtf8))
}

/// The name of a `unix-abstract:name` target, without the leading zero byte that marks such a socket.
///
/// # Errors
/// As for [`unix_path`].
pub fn unix_abstract_name(target: &Target) -> Result<Vec<u8>, TargetError> {
    check_path(target)?;
    Ok(target.path_bytes().to_vec())
}

/// The machine and the port of a `vsock:cid:port` target (vsock(7)).
///
/// ```
/// use farcall_lb::target::{Target, vsock_address};
///
/// assert_eq!(vsock_address(&Target::parse("vsock:2:50051").unwrap()).unwrap(), (2, 50051));
/// let error = vsock_address(&Target::parse("vsock:2").unwrap()).unwrap_err();
/// assert_eq!(error.to_string(), r#"target "vsock:2": "2" is not a vsock address: it must be cid:port, two numbers"#);
/// ```
///
/// # Errors
/// An authority, query or fragment is present, or it is not two numbers below 2^32.
pub fn vsock_address(target: &Target) -> Result<(u32, u32), TargetError> {
    target.refuse_authority()?;
    target.refuse_query()?;
    target.refuse_empty()?;
    let text = target.endpoint();
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().ok(),
        false => None,
    };
    let parsed = text
        .split_once(':')
        .and_then(|(cid, port)| Some((number(cid)?, number(port)?)));
    parsed.ok_or_else(|| {
        let text = text.to_owned();
        let problem = TargetProblem::NotAVsockAddress { text };
        TargetError::new(target.as_str(), problem)
    })
}

fn check_path(target: &Target) -> Result<(), TargetError> {
    target.refuse_authority()?;
    target.refuse_query()?;
    target.refuse_empty()?;
    let length = target.path_bytes().len();
    if length > UNIX_PATH_LIMIT {
        let limit = UNIX_PATH_LIMIT;
        let problem = TargetProblem::PathTooLong { length, limit };
        return Err(TargetError::new(target.as_str(), problem));
    }
    Ok(())
}

#[cfg(unix)]
fn path_from_bytes(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn path_from_bytes(bytes: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(bytes).ok().map(PathBuf::from)
}
