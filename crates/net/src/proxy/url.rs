//! The URL of a proxy: `[http|https|socks5://][user[:password]@]host[:port]`.

use std::fmt;

/// How a proxy is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// HTTP CONNECT (RFC 9110 §9.3.6) over TCP.
    Http,
    /// The same over TLS.
    Https,
    /// RFC 1928, with user and password by RFC 1929.
    Socks5,
}

impl Kind {
    fn scheme(self) -> &'static str {
        match self {
            Kind::Http => "http",
            Kind::Https => "https",
            Kind::Socks5 => "socks5",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Kind::Http => 80,
            Kind::Https => 443,
            Kind::Socks5 => 1080,
        }
    }
}

/// See the module. `Display` and `Debug` keep the password to themselves.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ProxyUrl {
    pub(crate) kind: Kind,
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Option<Credentials>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl ProxyUrl {
    /// Reads a URL; without scheme it is `http`.
    ///
    /// # Errors
    /// What is wrong with it, without its credentials.
    pub(crate) fn parse(text: &str) -> Result<ProxyUrl, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => Kind::Http,
            "https" => Kind::Https,
            "socks5" | "socks5h" => Kind::Socks5,
            other => {
                let other = other.escape_debug();
                return Err(format!(
                    "the scheme \"{other}\" is none of http, https, socks5"
                ));
            }
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if !matches!(path, "" | "/") {
            return Err("there is something behind the host and port".to_owned());
        }
        let (user_info, host_port) = match authority.rsplit_once('@') {
            Some((user_info, host_port)) => (Some(user_info), host_port),
            None => (None, authority),
        };
        let credentials = user_info.map(Credentials::parse).transpose()?;
        let (host, port) = host_port_of(host_port, kind.default_port())
            .ok_or_else(|| "the host or port cannot be read".to_owned())?;
        Ok(ProxyUrl {
            kind,
            host,
            port,
            credentials,
        })
    }
}

impl Credentials {
    pub(crate) fn new(user: &str, password: &str) -> Credentials {
        Credentials {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    /// Whether the protocol can carry them.
    ///
    /// # Errors
    /// Why not; without the secret.
    pub(crate) fn check(&self, kind: Kind) -> Result<(), &'static str> {
        let longest = self.user.len().max(self.password.len());
        match kind {
            Kind::Socks5 if self.user.is_empty() || longest > 255 => {
                Err("SOCKS 5 takes 1 to 255 bytes of user, and at most 255 of password (RFC 1929)")
            }
            Kind::Http | Kind::Https if self.user.contains(':') => Err(
                "the proxy's user contains a colon, which Basic credentials cannot carry (RFC 7617)",
            ),
            _ => Ok(()),
        }
    }

    fn parse(user_info: &str) -> Result<Credentials, String> {
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let decode = |text| percent_decode(text).ok_or("the user or password cannot be decoded");
        Ok(Credentials {
            user: decode(user)?,
            password: decode(password)?,
        })
    }
}

/// `host[:port]`, with an IPv6 address in brackets.
fn host_port_of(text: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = if let Some(inside) = text.strip_prefix('[') {
        let (host, rest) = inside.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        (
            host,
            rest.strip_prefix(':').or(rest.is_empty().then_some("")),
        )
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("")),
        }
    };
    let allowed = |b: u8| b.is_ascii_graphic() && !matches!(b, b'@' | b'[' | b']' | b'%');
    if host.is_empty() || !host.bytes().all(allowed) {
        return None;
    }
    let port = match port? {
        "" => default,
        port => port.parse().ok().filter(|port| *port > 0)?,
    };
    Some((host.to_owned(), port))
}

/// RFC 3986 §2.1.
fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        decoded.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(decoded).ok()
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.kind.scheme();
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Kind, String, u16, Option<(String, String)>) {
        let url = ProxyUrl::parse(text).unwrap();
        let credentials = url.credentials.map(|c| (c.user, c.password));
        (url.kind, url.host, url.port, credentials)
    }

    #[test]
    fn urls_of_proxies_are_read_with_their_defaults() {
        let none = None;
        assert_eq!(
            parts("proxy:3128"),
            (Kind::Http, "proxy".into(), 3128, none.clone())
        );
        assert_eq!(
            parts("HTTP://proxy/"),
            (Kind::Http, "proxy".into(), 80, none.clone())
        );
        assert_eq!(
            parts("https://proxy"),
            (Kind::Https, "proxy".into(), 443, none.clone())
        );
        assert_eq!(
            parts("socks5h://[::1]"),
            (Kind::Socks5, "::1".into(), 1080, none)
        );
        let ada = Some(("ada".to_owned(), "p@ss:word".to_owned()));
        assert_eq!(
            parts("http://ada:p%40ss:word@proxy:8080"),
            (Kind::Http, "proxy".into(), 8080, ada)
        );
        let user = Some(("ada".to_owned(), String::new()));
        assert_eq!(
            parts("socks5://ada@proxy"),
            (Kind::Socks5, "proxy".into(), 1080, user)
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in [
            "ftp://proxy",
            "http://",
            "http://proxy:port",
            "http://proxy:0",
            "http://proxy:70000",
            "http://[::1",
            "http://[1.2.3.4]:80",
            "http://a b",
            "http://proxy/path",
            "http://proxy?x",
            "http://a%zz@proxy",
            "http://a%f@proxy",
            "http://a%ff@proxy",
            "http://pro\r\nxy",
        ] {
            assert!(ProxyUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let url = ProxyUrl::parse("http://ada:secret@proxy:3128").unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "http://proxy:3128 http://proxy:3128"
        );
        let error = ProxyUrl::parse("http://ada:secret@proxy:x").unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }
}
