//! Which way a connection goes.

#[cfg(feature = "tls")]
use super::url::Kind;
use super::{bypass::Bypass, destination::Destination, url::ProxyUrl};
#[cfg(feature = "tls")]
use crate::{
    error::ConfigError,
    tls::{ClientTls, Connector},
};
use farcall_lb::{Address, target::DnsTarget};

/// A channel's proxy and its exceptions.
pub(crate) struct Routes {
    pub(crate) url: ProxyUrl,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Connector>,
    pub(super) bypass: Bypass,
    /// The proxy is asked for this machine's own addresses too.
    pub(super) loopback: bool,
    /// Names are looked up here.
    pub(super) local: bool,
}

impl Routes {
    fn takes(&self, destination: &Destination) -> bool {
        (self.loopback || !destination.is_loopback()) && !self.bypass.covers(destination)
    }

    /// What the proxy is asked for to reach an address that the target's resolver has found; `None`: nothing, it is reached
    /// directly.
    pub(crate) fn destination(&self, address: &Address) -> Option<Destination> {
        Destination::of(address).filter(|destination| self.takes(destination))
    }

    /// The address in place of looking the name up: the proxy does it.
    pub(crate) fn unresolved(&self, target: &DnsTarget) -> Option<Address> {
        let destination = Destination::new(target.host(), target.port());
        let unresolved = !self.local && self.takes(&destination);
        unresolved.then(|| Address::named(destination.to_string()))
    }

    /// Whether the addresses of a name are reached directly because the name is.
    pub(crate) fn spares(&self, target: &DnsTarget) -> bool {
        !self.takes(&Destination::new(target.host(), target.port()))
    }
}

/// TLS with an `https` proxy.
#[cfg(feature = "tls")]
pub(super) fn proxy_tls(
    url: &ProxyUrl,
    tls: Option<ClientTls>,
) -> Result<Option<Connector>, ConfigError> {
    if url.kind != Kind::Https {
        return Ok(None);
    }
    let tls = tls.unwrap_or_else(ClientTls::system_roots);
    let connector = tls.connector().map_err(ConfigError::tls)?;
    Ok(Some(connector.without_alpn()))
}
