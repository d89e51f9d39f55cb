//! Which authority the calls to a target have.

use super::literal::ip_addresses;
use super::parsed::Target;
use super::uri;

impl Target {
    /// The `:authority` that calls carry when the user and the credentials name none.
    ///
    /// Unix sockets and those of virtual machines give `localhost`; an endpoint of only `:port` gives `localhost:port`; a list of addresses gives its
    /// first one, because a list is no valid authority; anything else gives the endpoint, percent-encoded where a
    /// URI authority needs it. A resolver may have its own rule instead (`ResolverFactory::default_authority`).
    ///
    /// ```
    /// use farcall_lb::Target;
    ///
    /// let authority = |text: &str| Target::parse(text).unwrap().default_authority();
    /// assert_eq!(authority("dns:///greeter.example:50051"), "greeter.example:50051");
    /// assert_eq!(authority(":8080"), "localhost:8080");
    /// assert_eq!(authority("unix:///run/greeter.sock"), "localhost");
    /// ```
    pub fn default_authority(&self) -> String {
        match self.scheme() {
            "unix" | "unix-abstract" | "vsock" => return "localhost".to_owned(),
            "ipv4" | "ipv6" => {
                if let Some(first) = ip_addresses(self).ok().and_then(|a| a.first().copied()) {
                    return first.to_string();
                }
            }
            _ => {}
        }
        if self.endpoint().is_empty() {
            return "localhost".to_owned();
        }
        let authority = uri::encode(self.endpoint_bytes(), uri::keep_in_authority);
        if authority.starts_with(':') {
            return format!("localhost{authority}");
        }
        authority
    }
}
