//! `pick_first`: the first address that can be reached serves all calls.

use std::time::Duration;

use farcall_core::Status;
use farcall_core::service_config::{Json, ServiceConfigError};

use crate::address::Endpoint;
use crate::balancer::{
    Context, FailPicker, LoadBalancingPolicy, Policies, PolicyConfig, PolicyFactory, PolicyUpdate,
    QueuePicker, SubchannelPicker, SubchannelSpec, TimerId, WakeId, WakePicker,
};
use crate::connectivity::ConnectivityState::{self, Connecting, Idle, Ready, TransientFailure};
use crate::health::Health;
use crate::subchannel::{SubchannelError, SubchannelId, SubchannelState};

use super::addresses::{Entry, in_order_of_attempts, shuffle};
use super::failure::ConnectErrors;

/// The head start of each address over the next one: RFC 8305 §5, "Connection Attempt Delay".
const HEAD_START: Duration = Duration::from_millis(250);

/// The configuration of `pick_first`.
///
/// ```
/// use farcall_lb::balancer::PolicyConfig;
/// use farcall_lb::{channel::ChannelConfig, policy::PickFirstConfig};
///
/// let shuffled = PickFirstConfig { shuffle_address_list: true };
/// let config = ChannelConfig::new(42).with_policy("pick_first", PolicyConfig::new(shuffled));
/// assert!(config.policy_config.is_some());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PickFirstConfig {
    /// Puts the endpoints in random order at each update, so that many clients spread over them (gRFC A62): an endpoint of
    /// [`Weight`](crate::Weight) 3 comes first three times as often as one of weight 1 (gRFC A113). Default off.
    pub shuffle_address_list: bool,
}

/// Makes [`PickFirst`] policies.
///
/// ```
/// use farcall_lb::{Registry, policy::PickFirstFactory};
///
/// let registry = Registry::empty().with_policy(PickFirstFactory);
/// assert!(registry.policy("pick_first").is_some());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct PickFirstFactory;

impl PolicyFactory for PickFirstFactory {
    fn name(&self) -> &str {
        "pick_first"
    }

    fn build(&self) -> Box<dyn LoadBalancingPolicy> {
        Box::new(PickFirst::default())
    }

    fn parse_config(
        &self,
        config: &Json,
        _policies: &dyn Policies,
    ) -> Result<Option<PolicyConfig>, ServiceConfigError> {
        let shuffle = config.field("shuffleAddressList")?;
        Ok(Some(PolicyConfig::new(PickFirstConfig {
            shuffle_address_list: shuffle.map_or(Ok(false), |shuffle| shuffle.as_bool())?,
        })))
    }
}

/// The default policy: all calls go over one connection, to the first address that answers.
///
/// Addresses are tried one after the other with a head start of 250 ms, families taking turns (RFC 8305, gRFC A61). Once
/// all have failed the policy stays in TRANSIENT_FAILURE, asks the resolver for news and goes on trying, each address at
/// its own backoff, until one is ready (gRFC A62). A connection that is lost is not replaced before the next call; one
/// whose address is still in a new list is kept.
///
/// By itself it asks nobody for the backend's health (gRFC A17); as a child it can, see
/// [`with_health`](PickFirst::with_health).
///
/// ```
/// use farcall_lb::balancer::{LoadBalancingPolicy, PolicyHost, PolicyUpdate};
/// use farcall_lb::{Address, ConnectivityState, policy::PickFirst};
/// use std::time::Instant;
///
/// let mut policy = PickFirst::default();
/// let update = PolicyUpdate::endpoints([Address::named("a:1").into()]);
/// let (_, _) = PolicyHost::new(1).run(Instant::now(), |cx| policy.on_resolver_update(cx, update));
/// assert_eq!(policy.state(), ConnectivityState::Connecting);
/// ```
#[derive(Debug, Default)]
pub struct PickFirst {
    candidates: Vec<Candidate>,
    phase: Phase,
    /// Why the resolver's newest update has no addresses.
    resolver_error: Option<Status>,
    /// A connection is of use only while its backend says so.
    heeds_health: bool,
}

/// One address and what is known of its subchannel.
#[derive(Debug)]
struct Candidate {
    entry: Entry,
    link: Link,
    /// The newest error, kept while the next attempt runs.
    error: Option<SubchannelError>,
    /// It has failed since the pass began.
    failed_in_pass: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// No subchannel was made yet.
    None,
    Idle(SubchannelId),
    Connecting(SubchannelId),
    Failed(SubchannelId),
}

#[derive(Debug, Default)]
enum Phase {
    /// No addresses are known.
    #[default]
    Empty,
    /// Nothing runs; the next call wakes the policy.
    Idle(WakeId),
    /// The addresses get their first attempts. `next` is the one whose head start runs; `sticky` when the failure of an
    /// earlier pass stays published meanwhile. `begun` counts the attempts of this pass.
    Pass {
        next: usize,
        timer: Option<TimerId>,
        sticky: bool,
        begun: usize,
    },
    /// Every address has failed; each is tried again at its own pace. Counts failures towards the next report.
    Retrying { failures: usize },
    /// All calls go to this subchannel, if its backend is healthy: READY, or else what was published before.
    Ready(SubchannelId, ConnectivityState),
}

impl LoadBalancingPolicy for PickFirst {
    fn on_resolver_update(
        &mut self,
        cx: &mut Context<'_>,
        update: PolicyUpdate,
    ) -> Result<(), Status> {
        let mut endpoints = match update.endpoints {
            Ok(endpoints) => endpoints,
            Err(status) => {
                self.on_resolver_error(cx, status);
                return Ok(());
            }
        };
        let config = update.config.as_ref().and_then(|c| c.downcast());
        if config.is_some_and(|c: &PickFirstConfig| c.shuffle_address_list) {
            shuffle(&mut endpoints, || cx.random());
        }
        self.on_endpoints(cx, &endpoints)
    }

    fn on_subchannel_state(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        state: &SubchannelState,
    ) {
        if let Phase::Ready(ready, _) = self.phase {
            match state {
                _ if ready != id => {}
                SubchannelState::Ready => {}
                SubchannelState::TransientFailure(error) => {
                    self.on_connection_of_no_use(cx, id, error)
                }
                _ => self.on_connection_lost(cx, id),
            }
            return;
        }
        let Some(index) = self.position(id) else {
            return;
        };
        match state {
            SubchannelState::Ready => self.on_ready(cx, index, id),
            SubchannelState::Connecting => self.candidates[index].link = Link::Connecting(id),
            SubchannelState::TransientFailure(error) => {
                let candidate = &mut self.candidates[index];
                candidate.link = Link::Failed(id);
                candidate.error = Some(error.clone());
                candidate.failed_in_pass = true;
                self.on_attempt_failed(cx, index);
            }
            SubchannelState::Idle => {
                self.candidates[index].link = Link::Idle(id);
                if let Phase::Retrying { .. } = self.phase {
                    cx.connect(id);
                }
            }
            SubchannelState::Shutdown => {}
        }
    }

    fn on_subchannel_health(&mut self, cx: &mut Context<'_>, id: SubchannelId, health: &Health) {
        match &mut self.phase {
            Phase::Ready(ready, published) if *ready == id => match health {
                Health::Serving => {
                    *published = Ready;
                    cx.publish(Ready, SubchannelPicker(id));
                }
                Health::NotServing(error) => {
                    *published = TransientFailure;
                    let status = Status::unavailable("the backend is not healthy");
                    cx.publish(
                        TransientFailure,
                        FailPicker(status.with_cause(error.clone())),
                    );
                }
            },
            _ => {}
        }
    }

    fn on_timer(&mut self, cx: &mut Context<'_>, id: TimerId) {
        if let Phase::Pass { next, timer, .. } = &mut self.phase
            && *timer == Some(id)
        {
            *next += 1;
            *timer = None;
            self.attempt_next(cx);
        }
    }

    fn on_wake(&mut self, cx: &mut Context<'_>, id: WakeId) {
        // A parent may show us the wishes of other children's pickers.
        if matches!(self.phase, Phase::Idle(own) if own == id) {
            self.exit_idle(cx);
        }
    }

    fn exit_idle(&mut self, cx: &mut Context<'_>) {
        if let Phase::Idle(_) = self.phase {
            cx.publish(Connecting, QueuePicker);
            self.start_pass(cx, false);
        }
    }
}

impl PickFirst {
    /// One that waits, when it has a connection, until the backend says that it is healthy, and is in TRANSIENT_FAILURE
    /// while it says otherwise (gRFC A17): for parents that have several children to choose from (the health listener of
    /// gRFC A61). Without `healthCheckConfig` in the service config there is no difference.
    pub fn with_health() -> Self {
        Self {
            heeds_health: true,
            ..Self::default()
        }
    }

    fn on_resolver_error(&mut self, cx: &mut Context<'_>, status: Status) {
        match self.phase {
            Phase::Empty => cx.publish(TransientFailure, FailPicker(status.clone())),
            Phase::Retrying { .. } => {
                self.resolver_error = Some(status);
                self.publish_failure(cx);
                return;
            }
            Phase::Idle(_) | Phase::Pass { .. } | Phase::Ready(..) => {}
        }
        self.resolver_error = Some(status);
    }

    fn on_endpoints(&mut self, cx: &mut Context<'_>, endpoints: &[Endpoint]) -> Result<(), Status> {
        self.resolver_error = None;
        let entries = in_order_of_attempts(endpoints);
        if entries.is_empty() {
            let status = Status::unavailable("the resolver has found no addresses");
            self.cancel_head_start(cx);
            self.replace_candidates(cx, entries);
            self.phase = Phase::Empty;
            cx.publish(TransientFailure, FailPicker(status.clone()));
            return Err(status);
        }
        if let Phase::Ready(ready, _) = self.phase {
            self.replace_candidates(cx, entries);
            if self.position(ready).is_some() {
                return Ok(());
            }
        } else {
            self.cancel_head_start(cx);
            self.replace_candidates(cx, entries);
        }
        match self.phase {
            Phase::Idle(_) => {}
            Phase::Retrying { .. } | Phase::Pass { sticky: true, .. } => self.start_pass(cx, true),
            Phase::Pass { sticky: false, .. } => self.start_pass(cx, false),
            Phase::Empty | Phase::Ready(..) => {
                // A failure for want of addresses is not sticky.
                cx.publish(Connecting, QueuePicker);
                self.start_pass(cx, false);
            }
        }
        Ok(())
    }

    /// Takes a new list; candidates whose address is still in it keep their subchannel, the others lose it.
    fn replace_candidates(&mut self, cx: &mut Context<'_>, entries: Vec<Entry>) {
        let mut old = std::mem::take(&mut self.candidates);
        self.candidates = entries
            .into_iter()
            .map(|entry| {
                let known = old
                    .iter()
                    .position(|candidate| candidate.entry.address == entry.address);
                match known {
                    Some(at) => Candidate {
                        entry,
                        ..old.swap_remove(at)
                    },
                    None => Candidate {
                        entry,
                        link: Link::None,
                        error: None,
                        failed_in_pass: false,
                    },
                }
            })
            .collect();
        for id in old.iter().filter_map(|candidate| candidate.link.id()) {
            cx.remove_subchannel(id);
        }
    }

    fn start_pass(&mut self, cx: &mut Context<'_>, sticky: bool) {
        for candidate in &mut self.candidates {
            candidate.failed_in_pass = false;
        }
        self.phase = Phase::Pass {
            next: 0,
            timer: None,
            sticky,
            begun: 0,
        };
        self.attempt_next(cx);
    }

    /// Gives the next address its attempt and its head start; those that are waiting out a backoff count as failed.
    fn attempt_next(&mut self, cx: &mut Context<'_>) {
        let Phase::Pass {
            next, timer, begun, ..
        } = &mut self.phase
        else {
            return;
        };
        let count = self.candidates.len();
        while let Some(candidate) = self.candidates.get_mut(*next) {
            match candidate.link {
                Link::Failed(_) => {
                    candidate.failed_in_pass = true;
                    *next += 1;
                    continue;
                }
                Link::None => {
                    let spec = SubchannelSpec::new(candidate.entry.address.clone())
                        .with_endpoint_attributes(candidate.entry.endpoint_attributes.clone());
                    let id = cx.create_subchannel(spec);
                    candidate.link = Link::Connecting(id);
                    cx.connect(id);
                }
                Link::Idle(id) => {
                    candidate.link = Link::Connecting(id);
                    candidate.failed_in_pass = false;
                    cx.connect(id);
                }
                Link::Connecting(_) => {}
            }
            *begun += 1;
            if *next + 1 < count {
                *timer = Some(cx.set_timer(cx.now() + HEAD_START));
            }
            return;
        }
        self.end_pass_if_all_failed(cx);
    }

    fn on_attempt_failed(&mut self, cx: &mut Context<'_>, index: usize) {
        match &mut self.phase {
            Phase::Pass { next, .. } if *next == index => {
                *next += 1;
                self.cancel_head_start(cx);
                self.attempt_next(cx);
            }
            Phase::Pass { .. } => self.end_pass_if_all_failed(cx),
            Phase::Retrying { failures } => {
                *failures += 1;
                if *failures >= self.candidates.len() {
                    *failures = 0;
                    self.publish_failure(cx);
                    cx.resolve_now();
                }
            }
            Phase::Empty | Phase::Idle(_) | Phase::Ready(..) => {}
        }
    }

    fn end_pass_if_all_failed(&mut self, cx: &mut Context<'_>) {
        if !self.candidates.iter().all(|c| c.failed_in_pass) {
            return;
        }
        self.cancel_head_start(cx);
        // If every address was waiting out its backoff nothing was learnt; to ask again would go round in a circle.
        let learnt = matches!(self.phase, Phase::Pass { begun: 1.., .. });
        self.phase = Phase::Retrying { failures: 0 };
        self.publish_failure(cx);
        if learnt {
            cx.resolve_now();
        }
        // Those whose backoff ended during the pass have waited for its end.
        for candidate in &self.candidates {
            if let Link::Idle(id) = candidate.link {
                cx.connect(id);
            }
        }
    }

    fn on_ready(&mut self, cx: &mut Context<'_>, index: usize, id: SubchannelId) {
        self.cancel_head_start(cx);
        for (at, candidate) in self.candidates.iter_mut().enumerate() {
            candidate.error = None;
            if at != index
                && let Some(other) = candidate.link.id()
            {
                candidate.link = Link::None;
                cx.remove_subchannel(other);
            }
        }
        self.candidates[index].link = Link::Connecting(id);
        if self.heeds_health {
            // A failure stays published until the backend is known to be healthy.
            self.phase = Phase::Ready(id, self.state());
            cx.watch_health(id);
        } else {
            self.phase = Phase::Ready(id, Ready);
            cx.publish(Ready, SubchannelPicker(id));
        }
    }

    fn on_connection_lost(&mut self, cx: &mut Context<'_>, id: SubchannelId) {
        if let Some(index) = self.position(id) {
            self.candidates[index].link = Link::None;
        }
        cx.remove_subchannel(id);
        let wake = cx.wake_id();
        self.phase = Phase::Idle(wake);
        cx.publish(Idle, WakePicker(wake));
        cx.resolve_now();
    }

    /// The peer took the connection only to end it. Its subchannel waits, and the other addresses are tried: a new
    /// subchannel would have no backoff.
    fn on_connection_of_no_use(
        &mut self,
        cx: &mut Context<'_>,
        id: SubchannelId,
        error: &SubchannelError,
    ) {
        if let Some(index) = self.position(id) {
            self.candidates[index].link = Link::Failed(id);
            self.candidates[index].error = Some(error.clone());
        }
        cx.publish(Connecting, QueuePicker);
        cx.resolve_now();
        self.start_pass(cx, false);
    }

    fn publish_failure(&self, cx: &mut Context<'_>) {
        let errors = self.candidates.iter().filter_map(|c| c.error.clone());
        let errors =
            ConnectErrors::new(errors.collect()).with_resolver_error(self.resolver_error.clone());
        cx.publish(TransientFailure, FailPicker(errors.into()));
    }

    fn cancel_head_start(&mut self, cx: &mut Context<'_>) {
        if let Phase::Pass { timer, .. } = &mut self.phase
            && let Some(timer) = timer.take()
        {
            cx.cancel_timer(timer);
        }
    }

    fn position(&self, id: SubchannelId) -> Option<usize> {
        self.candidates
            .iter()
            .position(|candidate| candidate.link.id() == Some(id))
    }

    /// The state that was published last, for parents and tests.
    pub fn state(&self) -> ConnectivityState {
        match self.phase {
            Phase::Empty | Phase::Retrying { .. } | Phase::Pass { sticky: true, .. } => {
                TransientFailure
            }
            Phase::Idle(_) => Idle,
            Phase::Pass { sticky: false, .. } => Connecting,
            Phase::Ready(_, published) => published,
        }
    }
}

impl Link {
    fn id(self) -> Option<SubchannelId> {
        match self {
            Self::None => None,
            Self::Idle(id) | Self::Connecting(id) | Self::Failed(id) => Some(id),
        }
    }
}
