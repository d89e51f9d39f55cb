//! Resolvers as machines, and what they see during one call.

use std::time::Instant;

use farcall_core::Status;

use super::update::ResolverUpdate;

/// A resolver as a machine: inputs in, updates and a timer out through the [`ResolverContext`]. It lives from the
/// moment its channel leaves idleness until the channel goes idle again or closes; then it is dropped.
///
/// A resolver that has to wait for something (DNS, a file, a control plane) is a task of the network crate instead,
/// registered as [`ResolverKind::External`](super::ResolverKind::External), and sends its updates to the channel.
///
/// ```
/// use farcall_lb::{Address, resolver::{Resolver, ResolverAction, ResolverContext, ResolverUpdate}};
/// use std::time::Instant;
///
/// /// Gives the next port each time somebody asks.
/// struct Rotating(u16);
///
/// impl Resolver for Rotating {
///     fn start(&mut self, cx: &mut ResolverContext) {
///         let address = Address::from(([127, 0, 0, 1], self.0));
///         cx.publish(ResolverUpdate::endpoints([address.into()]));
///     }
///     fn resolve_now(&mut self, cx: &mut ResolverContext) {
///         self.0 += 1;
///         self.start(cx);
///     }
/// }
///
/// let mut cx = ResolverContext::new(Instant::now());
/// Rotating(50051).resolve_now(&mut cx);
/// let Some(ResolverAction::Publish(update)) = cx.into_actions().pop() else { panic!() };
/// assert_eq!(update.endpoints.unwrap()[0].addresses()[0].to_string(), "127.0.0.1:50052");
/// ```
pub trait Resolver: Send {
    /// Begins. Called once, first.
    fn start(&mut self, cx: &mut ResolverContext);

    /// A policy believes that the endpoints are out of date. A hint: a resolver that is always up to date ignores it,
    /// one that asks somebody else limits how often.
    fn resolve_now(&mut self, cx: &mut ResolverContext);

    /// The time given to [`ResolverContext::set_timer`] has come.
    fn on_timer(&mut self, cx: &mut ResolverContext) {
        let _ = cx;
    }

    /// The policy could not use the last update; trying again later, with growing pauses, is in order.
    fn on_update_refused(&mut self, cx: &mut ResolverContext, why: &Status) {
        let _ = (cx, why);
    }
}

/// What a [`Resolver`] asks of its channel.
///
/// ```
/// use farcall_lb::resolver::{ResolverAction, ResolverContext};
/// use std::time::Instant;
///
/// let mut cx = ResolverContext::new(Instant::now());
/// cx.cancel_timer();
/// assert!(matches!(cx.into_actions()[..], [ResolverAction::SetTimer(None)]));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ResolverAction {
    /// New knowledge about the target.
    Publish(ResolverUpdate),
    /// Set the resolver's timer in place of the one it had; `None` cancels it.
    SetTimer(Option<Instant>),
}

/// What a [`Resolver`] sees of the world: the time, and a list for its actions.
///
/// ```
/// use farcall_lb::resolver::{FixedResolver, Resolver, ResolverContext};
/// use std::time::Instant;
///
/// let mut cx = ResolverContext::new(Instant::now());
/// FixedResolver::new([]).start(&mut cx);
/// assert_eq!(cx.into_actions().len(), 1);
/// ```
#[derive(Debug)]
pub struct ResolverContext {
    now: Instant,
    actions: Vec<ResolverAction>,
}

impl ResolverContext {
    /// A context for one call of the resolver.
    pub fn new(now: Instant) -> Self {
        Self {
            now,
            actions: Vec::new(),
        }
    }

    /// The present.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Hands an update to the channel.
    pub fn publish(&mut self, update: ResolverUpdate) {
        self.actions.push(ResolverAction::Publish(update));
    }

    /// Sets the resolver's one timer in place of the time it had.
    pub fn set_timer(&mut self, at: Instant) {
        self.actions.push(ResolverAction::SetTimer(Some(at)));
    }

    /// Cancels the timer.
    pub fn cancel_timer(&mut self) {
        self.actions.push(ResolverAction::SetTimer(None));
    }

    /// The actions in the order in which they were recorded.
    pub fn into_actions(self) -> Vec<ResolverAction> {
        self.actions
    }
}
