//! Resolvers that know their answer from the start.

use crate::address::{Address, Endpoint};
use crate::target::{
    Target, TargetError, ip_addresses, unix_abstract_name, unix_path, vsock_address,
};

use super::context::{Resolver, ResolverContext};
use super::update::ResolverUpdate;

/// A resolver whose answer never changes: `passthrough:`, IP literals, Unix sockets, or endpoints given by the user.
///
/// ```
/// use farcall_lb::{Address, resolver::FixedResolver};
///
/// let fleet = (1..=3).map(|i| Address::from(([10, 0, 0, i], 50051)).into());
/// assert_eq!(FixedResolver::new(fleet).endpoints().len(), 3);
/// ```
#[derive(Debug, Clone)]
pub struct FixedResolver {
    endpoints: Vec<Endpoint>,
}

impl FixedResolver {
    /// A resolver that gives these endpoints.
    pub fn new(endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        Self {
            endpoints: endpoints.into_iter().collect(),
        }
    }

    /// `passthrough:///endpoint`: the endpoint goes to the connector as it is; an IP address with port becomes one.
    ///
    /// # Errors
    /// The endpoint is empty.
    pub fn passthrough(target: &Target) -> Result<Self, TargetError> {
        target.refuse_empty()?;
        let address = match target.endpoint().parse::<std::net::SocketAddr>() {
            Ok(address) => Address::from(address),
            Err(_) => Address::named(target.endpoint()),
        };
        Ok(Self::new([address.into()]))
    }

    /// `ipv4:` and `ipv6:`: each address of the list is an endpoint of its own, in the order written.
    ///
    /// # Errors
    /// See [`ip_addresses`].
    pub fn ip_list(target: &Target) -> Result<Self, TargetError> {
        let addresses = ip_addresses(target)?;
        Ok(Self::new(
            addresses.into_iter().map(|ip| Address::from(ip).into()),
        ))
    }

    /// `unix:`: the socket's path.
    ///
    /// # Errors
    /// See [`unix_path`].
    pub fn unix(target: &Target) -> Result<Self, TargetError> {
        Ok(Self::new([Address::unix(unix_path(target)?).into()]))
    }

    /// `unix-abstract:`: the socket's name.
    ///
    /// # Errors
    /// See [`unix_abstract_name`].
    pub fn unix_abstract(target: &Target) -> Result<Self, TargetError> {
        let name = unix_abstract_name(target)?;
        Ok(Self::new([Address::unix_abstract(name).into()]))
    }

    /// `vsock:`: the machine and the port.
    ///
    /// # Errors
    /// See [`vsock_address`].
    pub fn vsock(target: &Target) -> Result<Self, TargetError> {
        let (cid, port) = vsock_address(target)?;
        Ok(Self::new([Address::vsock(cid, port).into()]))
    }

    /// The answer.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
}

impl Resolver for FixedResolver {
    fn start(&mut self, cx: &mut ResolverContext) {
        cx.publish(ResolverUpdate::endpoints(self.endpoints.iter().cloned()));
    }

    fn resolve_now(&mut self, _cx: &mut ResolverContext) {}
}
