//! Names to addresses through the system's resolver.

use std::{io, net::SocketAddr};

/// All addresses of `host`, each with `port`, in the resolver's order and without repetitions; never empty.
///
/// It asks as other programs on the machine do: `/etc/hosts`, `nsswitch.conf`, DNS. IP literals need no
/// look-up. The call runs on tokio's blocking threads; dropping the future abandons its answer.
///
/// # Errors
/// The text names the host; the kind is the resolver's, `NotFound` if it gave no address.
pub(crate) async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found = found.map_err(|error| {
        io::Error::new(
            error.kind(),
            Failure {
                host: host.into(),
                cause: Some(error),
            },
        )
    })?;
    let addresses = unique(found);
    if addresses.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            Failure {
                host: host.into(),
                cause: None,
            },
        ));
    }
    Ok(addresses)
}

/// `getaddrinfo` repeats an address that several sources know.
pub(super) fn unique(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

#[derive(Debug)]
struct Failure {
    host: String,
    cause: Option<io::Error>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot resolve \"{}\": ", self.host.escape_debug())?;
        match &self.cause {
            Some(cause) => {
                // The prefix that std puts before the system's words says nothing.
                let text = cause.to_string();
                f.write_str(
                    text.strip_prefix("failed to lookup address information: ")
                        .unwrap_or(&text),
                )
            }
            None => f.write_str("the name has no addresses"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ip_literals_resolve_to_themselves() {
        let v4: SocketAddr = "192.0.2.7:50051".parse().unwrap();
        assert_eq!(lookup("192.0.2.7", 50051).await.unwrap(), [v4]);
        let v6: SocketAddr = "[2001:db8::7]:50051".parse().unwrap();
        assert_eq!(lookup("2001:db8::7", 50051).await.unwrap(), [v6]);
    }

    #[tokio::test]
    async fn localhost_is_a_loopback_address() {
        let addresses = lookup("localhost", 1).await.unwrap();
        assert!(
            addresses
                .iter()
                .all(|address| address.ip().is_loopback() && address.port() == 1),
            "{addresses:?}"
        );
    }

    #[tokio::test]
    async fn an_error_names_the_host() {
        // A label longer than 63 bytes is no name (RFC 1035 §2.3.4): no server is asked.
        let host = format!("{}.invalid", "x".repeat(64));
        let error = lookup(&host, 1).await.unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("cannot resolve \"{host}\": ")),
            "{error}"
        );
        assert!(!error.contains("lookup address information"), "{error}");
    }

    #[test]
    fn repeated_addresses_count_once_and_keep_their_order() {
        let a: SocketAddr = "192.0.2.1:1".parse().unwrap();
        let b: SocketAddr = "192.0.2.2:1".parse().unwrap();
        assert_eq!(unique([b, a, b, a].into_iter()), [b, a]);
    }
}
