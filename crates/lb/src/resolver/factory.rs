//! How a scheme makes its resolvers.

use std::fmt;

use crate::address::Address;
use crate::target::{DnsTarget, Target, TargetError};

use super::context::Resolver;
use super::fixed::FixedResolver;

/// Makes the resolver for the targets of one scheme.
///
/// ```
/// use farcall_lb::resolver::{FixedResolver, ResolverFactory, ResolverKind};
/// use farcall_lb::{Address, Registry, Target, target::TargetError};
///
/// #[derive(Debug)]
/// struct Fleet;
///
/// impl ResolverFactory for Fleet {
///     fn scheme(&self) -> &str {
///         "fleet"
///     }
///     fn build(&self, target: &Target) -> Result<ResolverKind, TargetError> {
///         let hosts = target.endpoint().split('+').map(|host| Address::named(host).into());
///         Ok(ResolverKind::Machine(Box::new(FixedResolver::new(hosts))))
///     }
/// }
///
/// let registry = Registry::built_in().with_resolver(Fleet);
/// assert_eq!(registry.parse_target("fleet:///a:1+b:2").unwrap().scheme(), "fleet");
/// ```
pub trait ResolverFactory: Send + Sync + fmt::Debug {
    /// The scheme, in lower case.
    fn scheme(&self) -> &str;

    /// Makes a resolver; called when the channel is made and each time it leaves idleness.
    ///
    /// # Errors
    /// The target breaks the scheme's rules. When the channel is made this is the error of making it.
    fn build(&self, target: &Target) -> Result<ResolverKind, TargetError>;

    /// The `:authority` that calls carry by default.
    fn default_authority(&self, target: &Target) -> String {
        target.default_authority()
    }
}

/// Where a resolver runs.
///
/// ```
/// use farcall_lb::resolver::{BuiltInResolver, ResolverFactory, ResolverKind};
/// use farcall_lb::Target;
///
/// let kind = |target: &str| BuiltInResolver::Dns.build(&Target::parse(target).unwrap()).unwrap();
/// assert!(matches!(kind("greeter.example"), ResolverKind::External));
/// assert!(matches!(kind("10.0.0.1:443"), ResolverKind::Machine(_)));
/// ```
pub enum ResolverKind {
    /// Inside the channel's machine.
    Machine(Box<dyn Resolver>),
    /// Outside: the channel asks whoever drives it to start, hint and stop the resolver, and takes its updates.
    External,
}

impl fmt::Debug for ResolverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine(_) => "Machine",
            Self::External => "External",
        })
    }
}

/// The resolvers of the built-in schemes. `dns` is external, unless its host is an IP address.
///
/// ```
/// use farcall_lb::resolver::{BuiltInResolver, ResolverFactory};
///
/// assert_eq!(BuiltInResolver::UnixAbstract.scheme(), "unix-abstract");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltInResolver {
    /// `dns:`; see [`DnsTarget`].
    Dns,
    /// `passthrough:`; see [`FixedResolver::passthrough`].
    Passthrough,
    /// `ipv4:`; see [`ip_addresses`](crate::target::ip_addresses).
    Ipv4,
    /// `ipv6:`; see [`ip_addresses`](crate::target::ip_addresses).
    Ipv6,
    /// `unix:`; see [`unix_path`](crate::target::unix_path).
    Unix,
    /// `unix-abstract:`; see [`unix_abstract_name`](crate::target::unix_abstract_name).
    UnixAbstract,
    /// `vsock:`; see [`vsock_address`](crate::target::vsock_address).
    Vsock,
}

impl BuiltInResolver {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Dns,
        Self::Passthrough,
        Self::Ipv4,
        Self::Ipv6,
        Self::Unix,
        Self::UnixAbstract,
        Self::Vsock,
    ];
}

impl ResolverFactory for BuiltInResolver {
    fn scheme(&self) -> &str {
        match self {
            Self::Dns => "dns",
            Self::Passthrough => "passthrough",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Unix => "unix",
            Self::UnixAbstract => "unix-abstract",
            Self::Vsock => "vsock",
        }
    }

    fn build(&self, target: &Target) -> Result<ResolverKind, TargetError> {
        let fixed = match self {
            Self::Dns => match DnsTarget::parse(target)?.socket_addr() {
                Some(address) => FixedResolver::new([Address::from(address).into()]),
                None => return Ok(ResolverKind::External),
            },
            Self::Passthrough => FixedResolver::passthrough(target)?,
            Self::Ipv4 | Self::Ipv6 => FixedResolver::ip_list(target)?,
            Self::Unix => FixedResolver::unix(target)?,
            Self::UnixAbstract => FixedResolver::unix_abstract(target)?,
            Self::Vsock => FixedResolver::vsock(target)?,
        };
        Ok(ResolverKind::Machine(Box::new(fixed)))
    }
}
