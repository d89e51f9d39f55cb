//! From one policy to another without a gap.

use farcall_core::Status;

use crate::connectivity::ConnectivityState::{Connecting, Ready};
use crate::health::Health;
use crate::subchannel::{SubchannelId, SubchannelState};

use super::action::TimerId;
use super::child::ChildPolicy;
use super::context::Context;
use super::picker::WakeId;
use super::policy::PolicyUpdate;
use super::selection::PolicySelection;

/// Changes from one policy to another without a gap: the old one serves until the new one has something better to say
/// than "connecting", or until the old one is not ready any more. It publishes for whichever serves.
///
/// ```
/// use farcall_lb::balancer::*;
/// use farcall_lb::{Address, Registry};
/// use std::{sync::Arc, time::Instant};
///
/// let (registry, mut host) = (Registry::built_in(), PolicyHost::new(1));
/// let select = |name| PolicySelection::new(Arc::clone(registry.policy(name).unwrap()), None);
/// let update = PolicyUpdate::endpoints([Address::named("a:1").into()]);
///
/// let mut switch = GracefulSwitch::default();
/// for name in ["pick_first", "round_robin"] {
///     let (verdict, _) = host.run(Instant::now(), |cx| {
///         switch.on_resolver_update(cx, &select(name), update.clone())
///     });
///     assert!(verdict.is_ok());
/// }
/// assert_eq!(switch.serving(), Some("round_robin")); // `pick_first` was not ready: nothing to wait for
/// ```
#[derive(Default)]
pub struct GracefulSwitch {
    serving: Option<Member>,
    /// The newer one, which has nothing to say yet.
    pending: Option<Member>,
}

struct Member {
    name: String,
    child: ChildPolicy,
}

impl GracefulSwitch {
    /// The name of the policy whose picker is published.
    pub fn serving(&self) -> Option<&str> {
        self.serving.as_ref().map(|member| &member.name[..])
    }

    /// Passes an update to the selected policy, which is made if the newest one has another name. The selection's
    /// configuration takes the place of that in `update`.
    ///
    /// # Errors
    /// The policy's verdict.
    pub fn on_resolver_update(
        &mut self,
        cx: &mut Context<'_>,
        selection: &PolicySelection,
        update: PolicyUpdate,
    ) -> Result<(), Status> {
        let name = selection.factory().name();
        let newest = self.pending.as_ref().or(self.serving.as_ref());
        if newest.is_none_or(|member| member.name != name) {
            let member = Member {
                name: name.to_owned(),
                child: ChildPolicy::new(selection.factory().build()),
            };
            match &self.serving {
                None => self.serving = Some(member),
                Some(_) => {
                    if let Some(old) = self.pending.replace(member) {
                        old.child.close(cx);
                    }
                }
            }
        }
        let update = update.with_config(selection.config().cloned());
        let Some(newest) = self.pending.as_mut().or(self.serving.as_mut()) else {
            return Ok(());
        };
        let (published, verdict) = newest.child.on_resolver_update(cx, update);
        self.after(cx, published);
        verdict
    }

    /// Passes a subchannel's state to the policy that owns it.
    pub fn on_subchannel_state(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        state: &SubchannelState,
    ) {
        self.each(cx, |child, cx| child.on_subchannel_state(cx, id, state));
    }

    /// Passes a subchannel's health on to the policy whose it is.
    pub fn on_subchannel_health(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        health: &Health,
    ) {
        self.each(cx, |child, cx| child.on_subchannel_health(cx, id, health));
    }

    /// Passes a timer to the policy that owns it.
    pub fn on_timer(&mut self, cx: &mut Context<'_>, id: TimerId) {
        self.each(cx, |child, cx| child.on_timer(cx, id));
    }

    /// Passes a picker's wish on.
    pub fn on_wake(&mut self, cx: &mut Context<'_>, id: WakeId) {
        self.each(cx, |child, cx| child.on_wake(cx, id));
    }

    /// Tells the policies to connect.
    pub fn exit_idle(&mut self, cx: &mut Context<'_>) {
        self.each(cx, |child, cx| child.exit_idle(cx));
    }

    fn each(
        &mut self,
        cx: &mut Context<'_>,
        mut run: impl FnMut(&mut ChildPolicy, &mut Context<'_>) -> bool,
    ) {
        let members = [&mut self.serving, &mut self.pending].into_iter().flatten();
        let published = members.fold(false, |any, member| run(&mut member.child, cx) | any);
        self.after(cx, published);
    }

    /// Changes over if it is time, and publishes if there is something to publish.
    fn after(&mut self, cx: &mut Context<'_>, mut published: bool) {
        let pending = self.pending.as_ref().map(|member| member.child.state());
        let serving = self.serving.as_ref().map(|member| member.child.state());
        let better = pending.is_some_and(|state| state != Connecting);
        if pending.is_some() && (better || serving != Some(Ready)) {
            if let Some(old) = self.serving.take() {
                old.child.close(cx);
            }
            self.serving = self.pending.take();
            published = true;
        }
        if published && let Some(member) = &self.serving {
            let picker = member.child.picker().clone();
            cx.publish_shared(member.child.state(), picker);
        }
    }
}

impl std::fmt::Debug for GracefulSwitch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pending = self.pending.as_ref().map(|member| &member.name[..]);
        f.debug_struct("GracefulSwitch")
            .field("serving", &self.serving())
            .field("pending", &pending)
            .finish()
    }
}
