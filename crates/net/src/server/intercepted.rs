//! A service with interceptors of its own.

use super::{
    lifecycle::Lifecycle,
    service::{Methods, Service},
};
use crate::call::intercept::{Chain, IntoInterceptor};
use std::sync::Arc;

/// A service with interceptors around its calls, inside of those [of the server](crate::Server::interceptor).
///
/// ```
/// use farcall::{Server, Status, server::Intercepted};
/// use farcall::interceptor::{Call, Interceptor, Next, Outcome};
/// # use farcall_examples::{greeter::MyGreeter, hello::{GreeterClient, GreeterServer, HelloRequest}};
///
/// struct TenantsOnly;
/// impl Interceptor for TenantsOnly {
///     async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
///         if !call.metadata().contains_key("tenant") {
///             return Err(Status::permission_denied("tenants only"));
///         }
///         next.run(call).await
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let greeter = Intercepted::new(GreeterServer::new(MyGreeter), TenantsOnly);
/// let server = Server::builder().add_service(greeter).bind("127.0.0.1:0").await?;
/// # let channel = farcall::Channel::builder(server.local_addr()?.to_string()).insecure().build()?;
/// # tokio::spawn(server.serve());
/// # let client = GreeterClient::new(channel);
/// # let denied = client.say_hello(HelloRequest { name: "Ada".into() }).await.unwrap_err();
/// # assert_eq!(denied.code(), farcall::Code::PermissionDenied);
/// # client.say_hello(HelloRequest { name: "Ada".into() }).metadata("tenant", "blue").await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Intercepted<S> {
    service: S,
    chain: Chain,
}

impl<S: Service> Intercepted<S> {
    /// `service` behind `interceptor`.
    pub fn new<K>(service: S, interceptor: impl IntoInterceptor<K>) -> Intercepted<S> {
        let chain = Chain::default();
        Intercepted { service, chain }.and(interceptor)
    }

    /// Puts another interceptor inside of those before.
    pub fn and<K>(mut self, interceptor: impl IntoInterceptor<K>) -> Intercepted<S> {
        self.chain.push(interceptor);
        self
    }
}

impl<S: Service> Service for Intercepted<S> {
    const NAME: &'static str = S::NAME;
    const FILE_DESCRIPTOR_SET: &'static [u8] = S::FILE_DESCRIPTOR_SET;
    const OPERATIONAL: bool = S::OPERATIONAL;

    fn methods(&self, methods: &mut Methods) {
        let mark = methods.mark();
        self.service.methods(methods);
        methods.surround(mark, &self.chain);
    }

    fn lifecycle(&self) -> Option<Arc<dyn Lifecycle>> {
        self.service.lifecycle()
    }
}
