//! The resolver whose updates come from the program.

use super::task::{ResolverLink, ResolverTask};
use farcall_lb::{Target, resolver::ResolverUpdate};
use std::{future::Future, pin::Pin};
use tokio::sync::watch;

/// A resolver that says what the program tells it: for tests, and for programs that know their backends themselves.
///
/// Clones are the same resolver: one goes to the channels (any number), the others give updates. A channel that asks
/// gets the newest update; before the first one its calls wait.
///
/// ```
/// use farcall::{Address, Channel, lb::resolver::ResolverUpdate, resolver::ManualResolver};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let fleet = ManualResolver::new("fleet");
/// let channel = Channel::builder("fleet:///greeter")
///     .resolver(fleet.clone())
///     .load_balancing_policy("round_robin")
///     .insecure()
///     .build()?;
/// let backends = [1, 2].map(|i| Address::from(([10, 0, 0, i], 50051)).into());
/// fleet.update(ResolverUpdate::endpoints(backends));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ManualResolver {
    scheme: String,
    newest: watch::Sender<Option<ResolverUpdate>>,
}

impl ManualResolver {
    /// A resolver for the targets of `scheme`, which is put into lower case.
    pub fn new(scheme: &str) -> ManualResolver {
        ManualResolver {
            scheme: scheme.to_ascii_lowercase(),
            newest: watch::Sender::new(None),
        }
    }

    /// Gives the channels an update in place of the one before.
    pub fn update(&self, update: ResolverUpdate) {
        self.newest.send_replace(Some(update));
    }
}

impl ResolverTask for ManualResolver {
    fn scheme(&self) -> &str {
        &self.scheme
    }

    fn run(&self, _target: Target, link: ResolverLink) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut newest = self.newest.subscribe();
        newest.mark_changed();
        Box::pin(async move {
            while newest.changed().await.is_ok() {
                let update = newest.borrow_and_update().clone();
                if let Some(update) = update {
                    link.update(update);
                }
            }
        })
    }
}
