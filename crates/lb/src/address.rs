//! Addresses and endpoints: what resolvers find and connections go to.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use farcall_core::Attributes;

/// Where a connection goes.
///
/// ```
/// use farcall_lb::Location;
///
/// assert_eq!(Location::UnixAbstract(b"greeter".to_vec()).to_string(), "unix-abstract:greeter");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location {
    /// TCP to an IP address and port.
    Ip(SocketAddr),
    /// A Unix socket with a path.
    Unix(PathBuf),
    /// A Linux abstract Unix socket; the name is without the leading zero byte.
    UnixAbstract(Vec<u8>),
    /// A name that the connector understands: `host:port` for the built-in one, which looks it up when it connects;
    /// anything for a custom one.
    Named(String),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::UnixAbstract(name) => write!(f, "unix-abstract:{}", name.escape_ascii()),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// One address of a backend: a [`Location`] and what the resolver knows about it.
///
/// Two addresses are equal when location and attributes are; a policy keeps a connection only to an equal address.
///
/// ```
/// use farcall_lb::Address;
///
/// let address = Address::from(([127, 0, 0, 1], 50051));
/// assert_eq!(address.to_string(), "127.0.0.1:50051");
/// assert_eq!(Address::unix("/run/greeter.sock").to_string(), "unix:/run/greeter.sock");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Address {
    location: Location,
    attributes: Attributes,
}

impl Address {
    /// An address without attributes.
    pub fn new(location: Location) -> Self {
        Self {
            location,
            attributes: Attributes::default(),
        }
    }

    /// A Unix socket.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::new(Location::Unix(path.into()))
    }

    /// A Linux abstract Unix socket; `name` is without the leading zero byte.
    pub fn unix_abstract(name: impl Into<Vec<u8>>) -> Self {
        Self::new(Location::UnixAbstract(name.into()))
    }

    /// A name for the connector; see [`Location::Named`].
    pub fn named(name: impl Into<String>) -> Self {
        Self::new(Location::Named(name.into()))
    }

    /// The same location with these attributes in place of the old ones.
    pub fn with_attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// What the resolver says about it.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

impl<T: Into<SocketAddr>> From<T> for Address {
    fn from(address: T) -> Self {
        Self::new(Location::Ip(address.into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location.fmt(f)
    }
}

/// One backend: its addresses in the order of preference, and what the resolver knows about it.
///
/// ```
/// use farcall_lb::{Address, Endpoint};
///
/// let v6: std::net::SocketAddr = "[::1]:50051".parse().unwrap();
/// let endpoint = Endpoint::new([Address::from(v6), Address::from(([127, 0, 0, 1], 50051))]);
/// assert_eq!(endpoint.addresses().len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    addresses: Vec<Address>,
    attributes: Attributes,
}

impl Endpoint {
    /// A backend with these addresses.
    pub fn new(addresses: impl IntoIterator<Item = Address>) -> Self {
        Self {
            addresses: addresses.into_iter().collect(),
            attributes: Attributes::default(),
        }
    }

    /// The same addresses with these attributes in place of the old ones.
    pub fn with_attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// The addresses.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// What the resolver says about the backend.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

impl From<Address> for Endpoint {
    fn from(address: Address) -> Self {
        Self::new([address])
    }
}
