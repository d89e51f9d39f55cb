//! What a load-balancing policy is.

use farcall_core::{Attributes, Status};

use crate::address::Endpoint;
use crate::health::Health;
use crate::subchannel::{SubchannelId, SubchannelState};

use super::action::TimerId;
use super::config::PolicyConfig;
use super::context::Context;
use super::picker::WakeId;

/// A load-balancing policy: a machine that turns endpoints into subchannels and publishes pickers.
///
/// The channel calls it with one input at a time and carries out what it records in the [`Context`]. It waits for
/// nothing, owns no runtime handle and takes no lock. When a policy is dropped, its owner removes the subchannels and
/// timers that it has made.
///
/// Ids that the policy does not know are to be ignored: a parent may pass an input to all its children.
///
/// ```
/// use farcall_core::Status;
/// use farcall_lb::ConnectivityState::Ready;
/// use farcall_lb::balancer::{Context, DropPicker, LoadBalancingPolicy, PolicyHost, PolicyUpdate};
/// use farcall_lb::subchannel::{SubchannelId, SubchannelState};
/// use std::time::Instant;
///
/// /// Refuses every call.
/// struct Closed;
///
/// impl LoadBalancingPolicy for Closed {
///     fn on_resolver_update(&mut self, cx: &mut Context<'_>, _: PolicyUpdate) -> Result<(), Status> {
///         cx.publish(Ready, DropPicker(Status::unavailable("closed for repairs")));
///         Ok(())
///     }
///     fn on_subchannel_state(&mut self, _: &mut Context<'_>, _: SubchannelId, _: &SubchannelState) {}
///     fn exit_idle(&mut self, _: &mut Context<'_>) {}
/// }
///
/// let run = PolicyHost::new(1).run(Instant::now(), |cx| {
///     Closed.on_resolver_update(cx, PolicyUpdate::endpoints([]))
/// });
/// assert_eq!(run.1.len(), 1);
/// ```
pub trait LoadBalancingPolicy: Send {
    /// The endpoints have changed, or could not be found out. `endpoints` is an error when resolving failed; its code is
    /// UNAVAILABLE and it can be published as it is. The first update comes before every other input.
    ///
    /// # Errors
    /// The update is of no use (such as a list without addresses): the resolver should try again, with growing pauses.
    /// What calls see is what the policy publishes, not this status.
    fn on_resolver_update(
        &mut self,
        cx: &mut Context<'_>,
        update: PolicyUpdate,
    ) -> Result<(), Status>;

    /// One of the policy's subchannels has changed its state.
    fn on_subchannel_state(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        state: &SubchannelState,
    );

    /// One of the policy's subchannels, whose health it [watches](super::Context::watch_health), is fit to take calls or is not.
    /// The first news may come at once, or when the backend has answered; calls should wait for them. When the subchannel
    /// leaves the ready state nothing more is said of its health.
    fn on_subchannel_health(&mut self, cx: &mut Context<'_>, id: SubchannelId, health: &Health) {
        let _ = (cx, id, health);
    }

    /// The time of a timer has come.
    fn on_timer(&mut self, cx: &mut Context<'_>, id: TimerId) {
        let _ = (cx, id);
    }

    /// A picker of this policy has asked for it with [`PickInfo::wake`](super::PickInfo::wake). By default this is
    /// [`exit_idle`](Self::exit_idle).
    fn on_wake(&mut self, cx: &mut Context<'_>, id: WakeId) {
        let _ = id;
        self.exit_idle(cx);
    }

    /// Somebody wants connections now: whatever is idle should connect.
    fn exit_idle(&mut self, cx: &mut Context<'_>);
}

/// What a policy learns from the resolver and the configuration.
///
/// ```
/// use farcall_lb::{Address, balancer::{PolicyConfig, PolicyUpdate}, policy::PickFirstConfig};
///
/// let update = PolicyUpdate::endpoints([Address::named("a:1").into()])
///     .with_config(PolicyConfig::new(PickFirstConfig { shuffle_address_list: true }));
/// assert!(update.config.unwrap().downcast::<PickFirstConfig>().unwrap().shuffle_address_list);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PolicyUpdate {
    /// The backends, or why they are not known (UNAVAILABLE).
    pub endpoints: Result<Vec<Endpoint>, Status>,
    /// What the resolver says beside the endpoints.
    pub attributes: Attributes,
    /// The policy's own configuration.
    pub config: Option<PolicyConfig>,
}

impl PolicyUpdate {
    /// These backends, without attributes and configuration.
    pub fn endpoints(endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        Self::new(Ok(endpoints.into_iter().collect()))
    }

    /// Resolving failed.
    pub fn failure(status: Status) -> Self {
        Self::new(Err(status))
    }

    /// An update without attributes and configuration.
    pub fn new(endpoints: Result<Vec<Endpoint>, Status>) -> Self {
        Self {
            endpoints,
            attributes: Attributes::new(),
            config: None,
        }
    }

    /// The same update with these attributes.
    pub fn with_attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// The same update with this configuration.
    pub fn with_config(mut self, config: impl Into<Option<PolicyConfig>>) -> Self {
        self.config = config.into();
        self
    }
}
