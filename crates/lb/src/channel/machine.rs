//! The channel as one machine.

mod health;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use farcall_core::{ServiceConfig, Status};

use crate::balancer::{
    Context, DropPicker, FailPicker, GracefulSwitch, Picker, PolicyAction, PolicyHost,
    PolicyUpdate, QueuePicker, TimerId, WakeId, WakePicker,
};
use crate::connectivity::ConnectivityState;
use crate::health::Health;
use crate::resolver::{
    Resolver, ResolverAction, ResolverContext, ResolverFactory, ResolverKind, ResolverUpdate,
};
use crate::subchannel::{
    ConnectionEvent, ConnectionId, SubchannelConfig, SubchannelId, SubchannelState,
    SubchannelTimeout,
};
use crate::target::Target;
use crate::timers::Timers;

use super::action::Action;
use super::config::{ChannelConfig, ConfigError};
use super::pool::Pool;
use super::service_config::{ConfigOffer, Current, ServiceConfigs, Verdict};

/// A channel as one machine: resolver, policy, subchannels and idleness.
///
/// # Contract
/// * Inputs: [`handle_resolver_update`](Self::handle_resolver_update), [`handle_connection`](Self::handle_connection),
///   [`handle_health`](Self::handle_health), [`handle_wake`](Self::handle_wake), [`handle_timeout`](Self::handle_timeout).
/// * Commands: [`connect`](Self::connect), [`enter_idle`](Self::enter_idle),
///   [`reset_connect_backoff`](Self::reset_connect_backoff), [`shutdown`](Self::shutdown).
/// * Outputs: after every input or command, carry out [`poll_action`](Self::poll_action) until it gives `None`, in order;
///   then wait for the next input, until [`poll_timeout`](Self::poll_timeout) at the latest.
/// * `now` never goes back.
///
/// A new channel is idle and has published a picker that queues and wakes; read it from [`picker`](Self::picker).
///
/// ```
/// use farcall_lb::balancer::{Pick, PickInfo};
/// use farcall_lb::channel::{Action, Channel, ChannelConfig};
/// use farcall_lb::subchannel::ConnectionEvent;
/// use std::time::Instant;
///
/// let now = Instant::now();
/// let mut channel = Channel::new("ipv4:10.0.0.1:50051", ChannelConfig::new(42)).unwrap();
///
/// // A call picks, is queued and wakes the channel.
/// let call = PickInfo::new("/greeter.Greeter/SayHello");
/// assert!(matches!(channel.picker().pick(&call), Pick::Queue));
/// for wake in call.take_wakes() {
///     channel.handle_wake(now, wake);
/// }
///
/// // The driver connects, and publishes what the channel says.
/// while let Some(action) = channel.poll_action() {
///     if let Action::Connect { connection, address, .. } = action {
///         assert_eq!(address.to_string(), "10.0.0.1:50051");
///         channel.handle_connection(now, connection, ConnectionEvent::Connected);
///     }
/// }
/// assert!(matches!(channel.picker().pick(&call), Pick::Subchannel(_)));
/// ```
pub struct Channel {
    plan: Plan,
    service_configs: ServiceConfigs,
    host: PolicyHost,
    phase: Phase,
    pool: Pool,
    timers: Timers<TimerKey>,
    /// What the policy has still to be told.
    inputs: VecDeque<Input>,
    actions: VecDeque<Action>,
    state: ConnectivityState,
    picker: Arc<dyn Picker>,
}

/// What does not change.
struct Plan {
    target: Target,
    authority: String,
    resolver: Arc<dyn ResolverFactory>,
    subchannel: SubchannelConfig,
    health_checks: bool,
}

enum Phase {
    Idle,
    Active(Box<Active>),
    Shutdown,
}

struct Active {
    /// `None` when it could not be made.
    resolver: Option<ResolverKind>,
    policy: GracefulSwitch,
    first_update: FirstUpdate,
    /// What a resolver and a policy could do to each other for ever is done once for each input.
    once: Once,
}

/// A policy gets no other input before its first update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstUpdate {
    Awaited,
    /// Somebody wants connections as soon as it is there.
    AwaitedToConnect,
    Seen,
}

#[derive(Debug, Clone, Copy, Default)]
struct Once {
    resolved: bool,
    refused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum TimerKey {
    Resolver,
    Subchannel(SubchannelId),
    Health(SubchannelId),
    Policy(TimerId),
}

enum Input {
    Update(ResolverUpdate),
    Subchannel(SubchannelId, SubchannelState),
    Health(SubchannelId, Health),
}

impl Channel {
    /// Makes an idle channel to `target`; there is nothing to do until somebody calls.
    ///
    /// # Errors
    /// The target cannot be used, the policy is not registered, or the default service config cannot be used.
    pub fn new(target: &str, config: ChannelConfig) -> Result<Self, ConfigError> {
        let target = config.registry.parse_target(target)?;
        let resolver = config.registry.resolver(target.scheme()).cloned();
        let resolver = resolver.expect("parse_target takes only schemes that have a resolver");
        // Made once more each time the channel leaves idleness; here it shows whether the target can be used.
        resolver.build(&target)?;
        let service_configs = ServiceConfigs::new(&config)?;
        let mut host = PolicyHost::new(config.seed);
        let picker = Arc::new(WakePicker(host.wake_id()));
        Ok(Self {
            plan: Plan {
                authority: resolver.default_authority(&target),
                target,
                resolver,
                subchannel: config.subchannel,
                health_checks: config.health_checks,
            },
            service_configs,
            host,
            phase: Phase::Idle,
            pool: Pool::default(),
            timers: Timers::new(),
            inputs: VecDeque::new(),
            actions: VecDeque::new(),
            state: ConnectivityState::Idle,
            picker,
        })
    }

    /// What the channel talks to.
    pub fn target(&self) -> &Target {
        &self.plan.target
    }

    /// The `:authority` that calls carry when neither the user nor the credentials name one.
    pub fn authority(&self) -> &str {
        &self.plan.authority
    }

    /// The state that was published last.
    pub fn state(&self) -> ConnectivityState {
        self.state
    }

    /// Whether it has a resolver, a policy and perhaps connections: it has left idleness and is not closed. A channel of
    /// which this is not true has nothing to wait for, though one that is active may publish
    /// [`Idle`](ConnectivityState::Idle) too, having lost its connection.
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Active(_))
    }

    /// The picker that was published last.
    pub fn picker(&self) -> &Arc<dyn Picker> {
        &self.picker
    }

    /// The service config that counts; `None` before the resolver has answered for the first time.
    pub fn service_config(&self) -> Option<&Arc<ServiceConfig>> {
        self.service_configs.current()
    }

    /// An external resolver has an update. While the channel is idle or closed it is ignored.
    ///
    /// # Errors
    /// The policy cannot use the update, or its service config is broken; the resolver should try again, with growing pauses.
    pub fn handle_resolver_update(
        &mut self,
        now: Instant,
        update: ResolverUpdate,
    ) -> Result<(), Status> {
        self.begin();
        let verdict = self.update_policy(now, update);
        self.settle(now);
        verdict
    }

    /// Something happened to a connection. Events of connections that the channel has given up change nothing.
    pub fn handle_connection(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        event: ConnectionEvent,
    ) {
        self.begin();
        self.pool.note(connection, &event);
        let connected = matches!(event, ConnectionEvent::Connected);
        let id = connection.subchannel();
        let member = self.pool.member(id);
        let changed =
            member.is_some_and(|member| member.machine.handle_connection(now, connection, event));
        if changed {
            self.end_lost_watch(id);
            self.subchannel_changed(id);
        } else if connected {
            // It was given up while it came up: nobody will use it.
            self.actions.push_back(Action::Close(connection));
        }
        self.settle(now);
    }

    /// A picker has asked for its policy ([`PickInfo::take_wakes`](crate::balancer::PickInfo::take_wakes)).
    pub fn handle_wake(&mut self, now: Instant, id: WakeId) {
        self.begin();
        match &self.phase {
            Phase::Idle => self.exit_idle(now),
            Phase::Active(_) => self.run_policy(now, |policy, cx| policy.on_wake(cx, id)),
            Phase::Shutdown => {}
        }
        self.settle(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        // Timers that are set while these fire wait for the next call, even if their time has come.
        for _ in 0..self.timers.due(now) {
            let Some(key) = self.timers.pop_due(now) else {
                break;
            };
            self.begin();
            match key {
                TimerKey::Resolver => self.run_resolver(now, |resolver, cx| resolver.on_timer(cx)),
                TimerKey::Policy(id) => self.run_policy(now, |policy, cx| policy.on_timer(cx, id)),
                TimerKey::Subchannel(id) => self.subchannel_timeout(now, id),
                TimerKey::Health(id) => self.health_timeout(now, id),
            }
            self.settle(now);
        }
    }

    /// Leaves idleness and connects whatever is idle.
    pub fn connect(&mut self, now: Instant) {
        self.begin();
        if let Phase::Idle = self.phase {
            self.exit_idle(now);
            self.settle(now);
        }
        match &mut self.phase {
            Phase::Active(active) if active.first_update != FirstUpdate::Seen => {
                active.first_update = FirstUpdate::AwaitedToConnect;
            }
            _ => self.run_policy(now, |policy, cx| policy.exit_idle(cx)),
        }
        self.settle(now);
    }

    /// Stops resolver, policy and subchannels until the next call or [`connect`](Self::connect). For whoever counts the
    /// calls and sees that there have been none for long. Connections are drained.
    pub fn enter_idle(&mut self) {
        if let Phase::Active(_) = self.phase {
            self.tear_down();
            self.phase = Phase::Idle;
            let picker = Arc::new(WakePicker(self.host.wake_id()));
            self.publish(ConnectivityState::Idle, picker);
        }
    }

    /// Ends the pauses of all subchannels that wait to connect again, and begins with the shortest pause again.
    pub fn reset_connect_backoff(&mut self, now: Instant) {
        self.begin();
        for id in self.pool.ids() {
            let changed = self.pool.member(id).map(|m| m.machine.reset_backoff());
            if changed == Some(true) {
                self.subchannel_changed(id);
            }
        }
        self.settle(now);
    }

    /// Closes the channel for good: every connection is cut, calls that pick fail with CANCELLED.
    pub fn shutdown(&mut self) {
        if let Phase::Shutdown = self.phase {
            return;
        }
        self.tear_down();
        self.phase = Phase::Shutdown;
        for connection in self.pool.take_draining() {
            self.actions.push_back(Action::Close(connection));
        }
        let picker = Arc::new(DropPicker(Status::cancelled("the channel is closed")));
        self.publish(ConnectivityState::Shutdown, picker);
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        let action = self.actions.pop_front();
        if action.is_none() {
            // A channel at rest, as most are, keeps no empty queues.
            self.actions = VecDeque::new();
        }
        action
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn begin(&mut self) {
        if let Phase::Active(active) = &mut self.phase {
            active.once = Once::default();
        }
    }

    fn exit_idle(&mut self, now: Instant) {
        self.publish(ConnectivityState::Connecting, Arc::new(QueuePicker));
        let built = self.plan.resolver.build(&self.plan.target);
        let (resolver, error) = match built {
            Ok(resolver) => (Some(resolver), None),
            Err(error) => (None, Some(error)),
        };
        let external = matches!(resolver, Some(ResolverKind::External));
        self.phase = Phase::Active(Box::new(Active {
            resolver,
            policy: GracefulSwitch::default(),
            first_update: FirstUpdate::Awaited,
            once: Once::default(),
        }));
        if external {
            self.actions.push_back(Action::StartResolver);
        }
        self.run_resolver(now, |resolver, cx| resolver.start(cx));
        if let Some(error) = error {
            let status = Status::unavailable(error.to_string());
            let update = ResolverUpdate::failure(status);
            self.inputs.push_back(Input::Update(update));
        }
    }

    /// Ends everything that an active channel has.
    fn tear_down(&mut self) {
        let old = std::mem::replace(&mut self.phase, Phase::Idle);
        if let Phase::Active(active) = &old
            && let Some(ResolverKind::External) = active.resolver
        {
            self.actions.push_back(Action::StopResolver);
        }
        for id in self.pool.ids() {
            self.end_watch(id);
            self.actions.extend(self.pool.remove(id));
        }
        self.timers.clear();
    }

    /// Tells the policy what is left to tell, until nothing is.
    fn settle(&mut self, now: Instant) {
        while let Some(input) = self.inputs.pop_front() {
            match input {
                Input::Update(update) => {
                    if let Err(why) = self.update_policy(now, update) {
                        self.report_refusal(now, &why);
                    }
                }
                // A removed subchannel is not talked about any more.
                Input::Subchannel(id, state) if self.pool.member(id).is_some() => {
                    self.run_policy(now, |policy, cx| policy.on_subchannel_state(cx, id, &state));
                }
                // Nor about the health of one that is not ready any more.
                Input::Health(id, health)
                    if self.pool.member(id).is_some_and(|m| m.health.is_some()) =>
                {
                    self.run_policy(now, |policy, cx| {
                        policy.on_subchannel_health(cx, id, &health);
                    });
                }
                Input::Subchannel(..) | Input::Health(..) => {}
            }
        }
        self.inputs = VecDeque::new();
    }

    fn update_policy(&mut self, now: Instant, update: ResolverUpdate) -> Result<(), Status> {
        let refused = match (&self.phase, &update.endpoints) {
            (Phase::Active(_), Ok(_)) => {
                let (config, selector) = (update.service_config, update.config_selector);
                self.configure(now, ConfigOffer { config, selector })?
            }
            // A failed look-up says nothing about the config.
            (Phase::Active(_), Err(_)) => None,
            _ => return Ok(()),
        };
        let Phase::Active(active) = &mut self.phase else {
            return Ok(());
        };
        let target = &self.plan.target;
        let endpoints = update.endpoints.map_err(|cause| {
            Status::unavailable(format!("{target} cannot be resolved")).with_cause(cause)
        });
        let update = PolicyUpdate::new(endpoints).with_attributes(update.attributes);
        let (policy, selection) = (&mut active.policy, self.service_configs.policy());
        let run = |cx: &mut Context<'_>| policy.on_resolver_update(cx, selection, update);
        let (verdict, actions) = self.host.run(now, run);
        let before = std::mem::replace(&mut active.first_update, FirstUpdate::Seen);
        self.apply(now, actions);
        if before == FirstUpdate::AwaitedToConnect {
            self.run_policy(now, |policy, cx| policy.exit_idle(cx));
        }
        refused.map_or(verdict, Err)
    }

    /// Takes the service config of an update. `Some`: it is broken, and another one stays in its place.
    ///
    /// # Errors
    /// It is broken and there is none that could stay: calls fail until there is.
    fn configure(&mut self, now: Instant, offer: ConfigOffer) -> Result<Option<Status>, Status> {
        let broken = |error| Status::unavailable("the service config is refused").with_cause(error);
        match self.service_configs.consider(offer) {
            Ok(Verdict { changed, refused }) => {
                if let Some(Current {
                    config, selector, ..
                }) = changed
                {
                    let action = Action::ServiceConfig { config, selector };
                    self.actions.push_back(action);
                    self.reconfigure_health(now);
                }
                Ok(refused.map(broken))
            }
            Err(error) => {
                let status = broken(error);
                let picker = Arc::new(FailPicker(status.clone()));
                self.publish(ConnectivityState::TransientFailure, picker);
                Err(status)
            }
        }
    }

    fn report_refusal(&mut self, now: Instant, why: &Status) {
        if let Phase::Active(active) = &mut self.phase
            && !std::mem::replace(&mut active.once.refused, true)
        {
            self.run_resolver(now, |resolver, cx| resolver.on_update_refused(cx, why));
        }
    }

    fn run_policy(
        &mut self,
        now: Instant,
        run: impl FnOnce(&mut GracefulSwitch, &mut Context<'_>),
    ) {
        let Phase::Active(active) = &mut self.phase else {
            return;
        };
        if active.first_update != FirstUpdate::Seen {
            return;
        }
        let ((), actions) = self.host.run(now, |cx| run(&mut active.policy, cx));
        self.apply(now, actions);
    }

    fn apply(&mut self, now: Instant, actions: Vec<PolicyAction>) {
        for action in actions {
            match action {
                PolicyAction::CreateSubchannel { id, spec } => {
                    let seed = self.host.random();
                    self.pool.create(id, spec, self.plan.subchannel, seed);
                }
                PolicyAction::Connect(id) => self.connect_subchannel(now, id),
                PolicyAction::WatchHealth(id) => self.watch_health(now, id),
                PolicyAction::RemoveSubchannel(id) => {
                    self.end_watch(id);
                    self.timers.set(TimerKey::Subchannel(id), None);
                    self.actions.extend(self.pool.remove(id));
                }
                PolicyAction::SetTimer { id, at } => {
                    self.timers.set(TimerKey::Policy(id), Some(at));
                }
                PolicyAction::CancelTimer(id) => self.timers.set(TimerKey::Policy(id), None),
                PolicyAction::Resolve => self.resolve_now(now),
                PolicyAction::Publish { state, picker } => self.publish(state, picker),
            }
        }
    }

    fn connect_subchannel(&mut self, now: Instant, id: SubchannelId) {
        let Some(member) = self.pool.member(id) else {
            return;
        };
        let Some(order) = member.machine.connect(now) else {
            return;
        };
        self.actions.push_back(Action::Connect {
            connection: order.connection,
            address: member.machine.address().clone(),
            endpoint_attributes: member.endpoint_attributes.clone(),
            deadline: order.deadline,
        });
        self.subchannel_changed(id);
    }

    fn subchannel_timeout(&mut self, now: Instant, id: SubchannelId) {
        let member = self.pool.member(id);
        match member.and_then(|member| member.machine.handle_timeout(now)) {
            Some(SubchannelTimeout::ConnectDeadline(connection)) => {
                self.actions.push_back(Action::Close(connection));
                self.subchannel_changed(id);
            }
            Some(SubchannelTimeout::BackoffOver) => self.subchannel_changed(id),
            None => {}
        }
    }

    /// Queues the new state for the policy and sets the subchannel's timer.
    fn subchannel_changed(&mut self, id: SubchannelId) {
        if let Some(member) = self.pool.member(id) {
            let (state, at) = (member.machine.state(), member.machine.poll_timeout());
            self.timers.set(TimerKey::Subchannel(id), at);
            self.inputs.push_back(Input::Subchannel(id, state));
        }
    }

    fn resolve_now(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else {
            return;
        };
        if std::mem::replace(&mut active.once.resolved, true) {
            return;
        }
        if let Some(ResolverKind::External) = active.resolver {
            self.actions.push_back(Action::ResolveNow);
        }
        self.run_resolver(now, |resolver, cx| resolver.resolve_now(cx));
    }

    /// Runs a resolver that lives in the machine; its updates wait for [`settle`](Self::settle).
    fn run_resolver(
        &mut self,
        now: Instant,
        run: impl FnOnce(&mut dyn Resolver, &mut ResolverContext),
    ) {
        let Phase::Active(active) = &mut self.phase else {
            return;
        };
        let Some(ResolverKind::Machine(resolver)) = &mut active.resolver else {
            return;
        };
        let mut cx = ResolverContext::new(now);
        run(&mut **resolver, &mut cx);
        for action in cx.into_actions() {
            match action {
                ResolverAction::Publish(update) => self.inputs.push_back(Input::Update(update)),
                ResolverAction::SetTimer(at) => self.timers.set(TimerKey::Resolver, at),
            }
        }
    }

    fn publish(&mut self, state: ConnectivityState, picker: Arc<dyn Picker>) {
        self.state = state;
        self.picker = Arc::clone(&picker);
        self.actions.push_back(Action::Publish { state, picker });
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("target", &self.plan.target.as_str())
            .field("state", &self.state)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}
