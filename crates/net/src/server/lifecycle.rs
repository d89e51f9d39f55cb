//! What a service may learn of the server that it was added to.

use farcall_core::MethodDescriptor;
use std::{error::Error, fmt, future::Future, pin::Pin};

/// What a service may learn of the server that it was added to: the other services, and how the server ends. The health
/// and the reflection service are made with it. See [`Service::lifecycle`](super::Service::lifecycle).
///
/// A server ends in this order: [`on_lame_duck`](Lifecycle::on_lame_duck), then it serves on for
/// [`lame_duck`](crate::Server::lame_duck), then [`on_drain`](Lifecycle::on_drain), GOAWAY and the drain, then the cut.
///
/// ```
/// # use bytes::Bytes;
/// use farcall::server::{Lifecycle, Methods, Service, ServiceInfo};
/// use std::{error::Error, sync::{Arc, Mutex}};
///
/// /// Knows what else its server offers.
/// #[derive(Clone, Default)]
/// struct Census(Arc<Mutex<Vec<String>>>);
///
/// impl Lifecycle for Census {
///     fn on_start(&self, services: &[ServiceInfo]) -> Result<(), Box<dyn Error + Send + Sync>> {
///         *self.0.lock().unwrap() = services.iter().map(|service| service.name().to_owned()).collect();
///         Ok(())
///     }
/// }
///
/// impl Service for Census {
///     const NAME: &'static str = "demo.Census";
///     fn methods(&self, _: &mut Methods) {}
///     fn lifecycle(&self) -> Option<Arc<dyn Lifecycle>> {
///         Some(Arc::new(self.clone()))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn Error>> {
/// let census = Census::default();
/// let _server = farcall::Server::builder().add_service(census.clone()).bind("127.0.0.1:0").await?;
/// assert_eq!(*census.0.lock().unwrap(), ["demo.Census"]);
/// # Ok(()) }
/// ```
pub trait Lifecycle: Send + Sync + 'static {
    /// The server is complete and about to get its address: these are all its services, in the order in which they were added.
    ///
    /// # Errors
    /// The service is of no use in this server: [`bind`](crate::Server::bind) fails with this.
    fn on_start(&self, services: &[ServiceInfo]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let _ = services;
        Ok(())
    }

    /// The server has been told to end and is still serving: those who choose among servers should be told to choose
    /// another. The future is ready when that is said; what was given to a [`Sender`](crate::Sender) before then is written
    /// before GOAWAY. It is waited for, but not for more than 250 ms.
    fn on_lame_duck(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }

    /// Clients are being told to go away (GOAWAY): calls that would last for ever should end now.
    fn on_drain(&self) {}
}

/// A service of a server, as [`Lifecycle::on_start`] shows it.
///
/// ```
/// # use farcall::server::ServiceInfo;
/// fn paths(service: &ServiceInfo) -> Vec<&str> {
///     service.methods().iter().map(|method| method.path()).collect()
/// }
/// ```
#[derive(Clone)]
pub struct ServiceInfo {
    name: &'static str,
    methods: Vec<MethodDescriptor>,
    file_descriptor_set: &'static [u8],
}

impl ServiceInfo {
    pub(super) fn new(
        name: &'static str,
        methods: Vec<MethodDescriptor>,
        file_descriptor_set: &'static [u8],
    ) -> ServiceInfo {
        ServiceInfo {
            name,
            methods,
            file_descriptor_set,
        }
    }

    /// The full name, `package.Service`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Path and kind of every method.
    pub fn methods(&self) -> &[MethodDescriptor] {
        &self.methods
    }

    /// The encoded `google.protobuf.FileDescriptorSet` of the files that describe the service, with all that they import;
    /// empty if nothing describes it. Services that were generated together share one.
    pub fn file_descriptor_set(&self) -> &'static [u8] {
        self.file_descriptor_set
    }
}

impl fmt::Debug for ServiceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceInfo")
            .field("name", &self.name)
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}
