//! Addresses and endpoints: what resolvers find and connections go to.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use farcall_core::Attributes;

use crate::authority::Authority;

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
    /// A socket between a virtual machine and its host or another machine on it (vsock(7)).
    Vsock {
        /// The machine: 2 is the host, 1 this machine itself.
        cid: u32,
        /// The port.
        port: u32,
    },
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
            Self::Vsock { cid, port } => write!(f, "vsock:{cid}:{port}"),
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

    /// A socket of a virtual machine; see [`Location::Vsock`].
    pub fn vsock(cid: u32, port: u32) -> Self {
        Self::new(Location::Vsock { cid, port })
    }

    /// The same address where connections and calls go to a server of this name; see [`Authority`].
    pub fn with_authority(mut self, authority: Authority) -> Self {
        self.attributes = self.attributes.with(authority);
        self
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

    /// The same backend, known by this name; see [`Authority`].
    pub fn with_authority(mut self, authority: Authority) -> Self {
        self.attributes = self.attributes.with(authority);
        self
    }

    /// The same backend with this weight; see [`Weight`].
    pub fn with_weight(mut self, weight: Weight) -> Self {
        self.attributes = self.attributes.with(weight);
        self
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

    /// Its weight; 1 if the resolver says nothing of it.
    pub fn weight(&self) -> Weight {
        self.attributes.find().copied().unwrap_or_default()
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

/// How much of the calls an endpoint should get, in relation to the others: an attribute of endpoints. Without it a weight is
/// 1 (gRFC A113).
///
/// ```
/// use farcall_lb::{Address, Endpoint, Weight};
///
/// let endpoint = Endpoint::from(Address::named("large:1")).with_weight(Weight::new(3).unwrap());
/// assert_eq!(endpoint.weight().get(), 3);
/// assert_eq!(Endpoint::from(Address::named("other:1")).weight().get(), 1);
/// assert!(Weight::new(0).is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(NonZeroU32);

impl Weight {
    /// A weight of 1 or more; there is none of 0.
    pub const fn new(weight: u32) -> Option<Self> {
        match NonZeroU32::new(weight) {
            Some(weight) => Some(Self(weight)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self(NonZeroU32::MIN)
    }
}
