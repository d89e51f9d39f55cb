//! Resolvers that wait for somebody: futures that send updates to their channel.

use farcall_lb::{
    Target,
    resolver::{ResolverFactory, ResolverKind, ResolverUpdate},
    target::TargetError,
};
use std::{fmt, future::Future, pin::Pin, sync::Arc};
use tokio::sync::{Notify, mpsc::UnboundedSender};

/// A resolver that has to wait for something: a control plane, a file that changes, a registry over the network. One that
/// only computes is better written as a [`Resolver`](crate::lb::resolver::Resolver), which needs no runtime.
///
/// The channel runs it from the moment it leaves idleness until it is idle again or closed; then the future is dropped.
/// It is installed with [`ChannelBuilder::resolver`](crate::ChannelBuilder::resolver).
///
/// ```
/// use farcall::{Address, Channel, resolver::{ResolverLink, ResolverTask}};
/// use farcall::lb::{Target, resolver::ResolverUpdate};
/// use std::{future::Future, pin::Pin, time::Duration};
///
/// /// Reads addresses from a file, again every minute or when the channel asks.
/// #[derive(Debug)]
/// struct File;
///
/// impl ResolverTask for File {
///     fn scheme(&self) -> &str {
///         "file"
///     }
///     fn run(&self, target: Target, link: ResolverLink) -> Pin<Box<dyn Future<Output = ()> + Send>> {
///         Box::pin(async move {
///             loop {
///                 let text = std::fs::read_to_string(target.endpoint()).unwrap_or_default();
///                 let addresses = text.lines().map(|line| Address::named(line).into());
///                 link.update(ResolverUpdate::endpoints(addresses));
///                 let minute = Duration::from_secs(60);
///                 tokio::time::timeout(minute, link.wanted()).await.ok();
///             }
///         })
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let channel = Channel::builder("file:etc/fleet.txt").resolver(File).insecure().build()?;
/// assert_eq!(channel.target(), "file:///etc/fleet.txt");
/// # Ok(()) }
/// ```
pub trait ResolverTask: Send + Sync + fmt::Debug + 'static {
    /// The scheme of the targets, in lower case.
    fn scheme(&self) -> &str;

    /// Whether the target follows the scheme's rules. Default: every target does.
    ///
    /// # Errors
    /// It does not; this is the error of making the channel.
    fn check(&self, target: &Target) -> Result<(), TargetError> {
        let _ = target;
        Ok(())
    }

    /// The `:authority` that calls carry by default.
    fn default_authority(&self, target: &Target) -> String {
        target.default_authority()
    }

    /// Resolves and sends updates, for ever or until there is nothing more to say.
    fn run(&self, target: Target, link: ResolverLink) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// What connects a [`ResolverTask`] with its channel.
///
/// ```
/// use farcall::lb::resolver::ResolverUpdate;
/// use farcall::resolver::ResolverLink;
///
/// async fn once(link: ResolverLink) {
///     link.update(ResolverUpdate::endpoints([]));
///     link.wanted().await; // the policy cannot use an empty list
/// }
/// ```
#[derive(Debug)]
pub struct ResolverLink {
    pub(crate) updates: UnboundedSender<ResolverUpdate>,
    pub(crate) wishes: Arc<Notify>,
}

impl ResolverLink {
    /// Sends an update, which replaces the one before.
    pub fn update(&self, update: ResolverUpdate) {
        // The channel that does not listen any more drops the task.
        self.updates.send(update).ok();
    }

    /// Waits until the channel wants news: a connection was lost or could not be made, or the last update was of no use
    /// to the policy. A resolver that asks somebody else limits how often it follows.
    ///
    /// # Cancel safety
    /// A wish that comes between two calls is not lost.
    pub async fn wanted(&self) {
        self.wishes.notified().await;
    }
}

/// Makes a task known to the channel's machine.
#[derive(Debug)]
pub(crate) struct TaskFactory(pub(crate) Arc<dyn ResolverTask>);

impl ResolverFactory for TaskFactory {
    fn scheme(&self) -> &str {
        self.0.scheme()
    }

    fn build(&self, target: &Target) -> Result<ResolverKind, TargetError> {
        self.0.check(target)?;
        Ok(ResolverKind::External)
    }

    fn default_authority(&self, target: &Target) -> String {
        self.0.default_authority(target)
    }
}
