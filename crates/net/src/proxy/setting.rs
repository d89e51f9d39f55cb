//! What a program says about proxies.

use super::{
    bypass::Bypass,
    environment::Environment,
    routes::Routes,
    url::{Credentials, ProxyUrl},
};
use crate::error::ConfigError;
use std::{env, fmt};

/// Which proxy a channel connects through: HTTP CONNECT, over TCP or over TLS, or SOCKS 5. For
/// [`ChannelBuilder::proxy`](crate::ChannelBuilder::proxy).
///
/// The name in a `dns:` target goes to the proxy as it is, which looks it up: this process asks no name server for it, and
/// finds no service config in DNS; [`resolve_locally`](Self::resolve_locally) changes that. Addresses that other resolvers find
/// go to the proxy as they are. Unix sockets are reached directly.
///
/// The handshake with the proxy counts against the [connect timeout](crate::ChannelBuilder::connect_timeout), and TLS with the
/// server runs inside of it: the proxy sees the server's name and port, and ciphertext.
///
/// ```
/// use farcall::{Channel, client::Proxy};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let target = "dns:///greeter.example:50051";
/// let proxy = Proxy::http("proxy.example:3128").credentials("ada", "secret").except("10.0.0.0/8, .internal");
/// let channel = Channel::builder(target).proxy(proxy).insecure().build()?;
///
/// let direct = Channel::builder(target).proxy(Proxy::none()).insecure().build()?;
/// let error = Channel::builder(target).proxy(Proxy::url("ftp://proxy")).insecure().build().unwrap_err();
/// assert!(error.to_string().contains("ftp"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "it is for ChannelBuilder::proxy"]
pub struct Proxy {
    source: Source,
    credentials: Option<Credentials>,
    bypass: Bypass,
    local: bool,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::ClientTls>,
}

#[derive(Clone)]
enum Source {
    None,
    Environment,
    Url(String),
}

impl Proxy {
    /// No proxy, whatever the environment says.
    pub fn none() -> Proxy {
        Proxy::new(Source::None)
    }

    /// The proxy that the environment names, read when the channel is built. The default.
    ///
    /// `HTTPS_PROXY`, else `https_proxy`, is its [URL](Self::url); `NO_PROXY`, else `no_proxy`, the [exceptions](Self::except).
    /// Loopback addresses and `localhost` are always reached directly. A URL that cannot be used is an error of
    /// [`build`](crate::ChannelBuilder::build).
    pub fn environment() -> Proxy {
        Proxy::new(Source::Environment)
    }

    /// HTTP CONNECT (RFC 9110 §9.3.6) at `host[:port]`; the port is 80 if none is said.
    pub fn http(host: impl fmt::Display) -> Proxy {
        Proxy::url(format!("http://{host}"))
    }

    /// HTTP CONNECT over TLS, which protects the credentials and the names of destinations on the way to the proxy; the port is
    /// 443 if none is said. The operating system's authorities are trusted, unless [`tls`](Self::tls) says otherwise.
    #[cfg(feature = "tls")]
    pub fn https(host: impl fmt::Display) -> Proxy {
        Proxy::url(format!("https://{host}"))
    }

    /// SOCKS 5 (RFC 1928); the port is 1080 if none is said.
    pub fn socks5(host: impl fmt::Display) -> Proxy {
        Proxy::url(format!("socks5://{host}"))
    }

    /// `http://[user[:password]@]host[:port]`, `https://…`, `socks5://…` (`socks5h` means the same: names are not looked up here).
    /// Without scheme it is `http`. User and password are percent-encoded.
    ///
    /// A URL that cannot be used is an error of [`build`](crate::ChannelBuilder::build), which does not repeat it.
    pub fn url(url: impl Into<String>) -> Proxy {
        Proxy::new(Source::Url(url.into()))
    }

    /// The user and password for the proxy, in place of those in its URL: Basic (RFC 7617) for HTTP, RFC 1929 for SOCKS 5,
    /// which takes 255 bytes of each at most.
    pub fn credentials(mut self, user: impl AsRef<str>, password: impl AsRef<str>) -> Proxy {
        self.credentials = Some(Credentials::new(user.as_ref(), password.as_ref()));
        self
    }

    /// Destinations that are reached directly, separated by commas, as in `NO_PROXY`: `example.com` (with all names below it),
    /// `.example.com` or `*.example.com` (those below it alone), `10.0.0.1`, `10.0.0.0/8`, `[::1]`, each but the ranges
    /// also with `:port`, and `*`. Adds to what was said before.
    ///
    /// The name of a target and the addresses that were found for it are both looked for.
    pub fn except(mut self, list: impl AsRef<str>) -> Proxy {
        self.bypass.append(Bypass::parse(list.as_ref()));
        self
    }

    /// Looks names up here and asks the proxy for addresses. For proxies that know fewer names than this machine, and for
    /// balancing over the backends of a name, with service configs from DNS.
    pub fn resolve_locally(mut self) -> Proxy {
        self.local = true;
        self
    }

    /// Whom to trust as an `https` proxy, and what to show it.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::tls::ClientTls) -> Proxy {
        self.tls = Some(tls);
        self
    }

    fn new(source: Source) -> Proxy {
        Proxy {
            source,
            credentials: None,
            bypass: Bypass::default(),
            local: false,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Whether the program has named a proxy itself.
    pub(crate) fn is_chosen(&self) -> bool {
        matches!(self.source, Source::Url(_))
    }

    /// What a channel follows; `None`: there is no proxy.
    ///
    /// # Errors
    /// The proxy cannot be used.
    pub(crate) fn routes(mut self) -> Result<Option<Routes>, ConfigError> {
        let (mut url, loopback) = match &self.source {
            Source::None => return Ok(None),
            Source::Url(url) => (
                ProxyUrl::parse(url)
                    .map_err(|problem| ConfigError::new(format!("the proxy's URL: {problem}")))?,
                true,
            ),
            Source::Environment => {
                let read = Environment::read(|name| env::var(name).ok());
                let Some(found) = read.map_err(ConfigError::new)? else {
                    return Ok(None);
                };
                self.bypass.append(found.bypass);
                (found.url, false)
            }
        };
        url.credentials = self.credentials.or(url.credentials);
        if let Some(credentials) = &url.credentials {
            credentials.check(url.kind).map_err(ConfigError::new)?;
        }
        #[cfg(not(feature = "tls"))]
        if url.kind == super::url::Kind::Https {
            return Err(ConfigError::new("a proxy over TLS needs the feature `tls`"));
        }
        Ok(Some(Routes {
            #[cfg(feature = "tls")]
            tls: super::routes::proxy_tls(&url, self.tls)?,
            url,
            bypass: self.bypass,
            loopback,
            local: self.local,
        }))
    }
}

impl Default for Proxy {
    fn default() -> Proxy {
        Proxy::environment()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match &self.source {
            Source::None => "none".to_owned(),
            Source::Environment => "environment".to_owned(),
            Source::Url(url) => match ProxyUrl::parse(url) {
                Ok(url) => url.to_string(),
                Err(_) => "unusable".to_owned(),
            },
        };
        f.debug_tuple("Proxy").field(&source).finish()
    }
}
