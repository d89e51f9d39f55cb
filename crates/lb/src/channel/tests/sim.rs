//! A driver on simulated time: keeps what the channel asks for in tables that tests look at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farcall_core::{Code, ServiceConfig, Status};

use crate::balancer::{Pick, PickInfo, Picker};
use crate::channel::{Action, Channel, ChannelConfig};
use crate::connectivity::ConnectivityState;
use crate::health::{HealthEvent, ServingStatus};
use crate::resolver::ResolverUpdate;
use crate::selector::ConfigSelector;
use crate::subchannel::{ConnectionEvent, ConnectionId, DisconnectReason};
use crate::{Address, Endpoint};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    Ready,
    Draining,
}

pub(super) struct Sim {
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) channel: Channel,
    /// Every connection that the channel has asked for and that has not ended.
    pub(super) connections: BTreeMap<ConnectionId, (String, Phase)>,
    /// The calls that watch the health of connections: number and service.
    pub(super) watches: BTreeMap<ConnectionId, (u64, String)>,
    pub(super) resolving: bool,
    pub(super) resolve_hints: usize,
    pub(super) states: Vec<ConnectivityState>,
    pub(super) picker: Arc<dyn Picker>,
    /// The config for calls, and how often it was given.
    pub(super) config: Option<Arc<ServiceConfig>>,
    pub(super) configs: usize,
    pub(super) selector: Option<Arc<dyn ConfigSelector>>,
}

impl Sim {
    pub(super) fn new(target: &str) -> Self {
        Self::with(target, ChannelConfig::new(1))
    }

    pub(super) fn with(target: &str, config: ChannelConfig) -> Self {
        let start = Instant::now();
        let channel = Channel::new(target, config).unwrap();
        Self {
            start,
            now: start,
            picker: Arc::clone(channel.picker()),
            channel,
            connections: BTreeMap::new(),
            watches: BTreeMap::new(),
            resolving: false,
            resolve_hints: 0,
            states: Vec::new(),
            config: None,
            configs: 0,
            selector: None,
        }
    }

    pub(super) fn drain(&mut self) {
        while let Some(action) = self.channel.poll_action() {
            match action {
                Action::StartResolver => {
                    assert!(!self.resolving);
                    self.resolving = true;
                }
                Action::ResolveNow => {
                    assert!(self.resolving);
                    self.resolve_hints += 1;
                }
                Action::StopResolver => {
                    assert!(self.resolving);
                    self.resolving = false;
                }
                Action::Connect {
                    connection,
                    address,
                    deadline,
                    ..
                } => {
                    assert!(deadline >= self.now + Duration::from_secs(20));
                    let entry = (address.to_string(), Phase::Connecting);
                    assert!(self.connections.insert(connection, entry).is_none());
                }
                Action::Drain(connection) => {
                    let entry = self.connections.get_mut(&connection).unwrap();
                    assert_eq!(entry.1, Phase::Ready, "only a ready connection is drained");
                    entry.1 = Phase::Draining;
                }
                Action::Close(connection) => {
                    let closed = self.connections.remove(&connection);
                    assert!(closed.is_some(), "{connection} is closed twice");
                }
                Action::WatchHealth {
                    connection,
                    number,
                    service,
                } => {
                    let (_, phase) = &self.connections[&connection];
                    assert_eq!(*phase, Phase::Ready, "only a ready connection is watched");
                    let watch = (number, service.to_string());
                    let other = self.watches.insert(connection, watch);
                    assert_eq!(other, None, "one watch at a time");
                }
                Action::StopHealthWatch { connection, number } => {
                    let (running, _) = self.watches.remove(&connection).expect("a watch");
                    assert_eq!(running, number);
                }
                Action::ServiceConfig { config, selector } => {
                    self.config = Some(config);
                    self.selector = selector;
                    self.configs += 1;
                }
                Action::Publish { state, picker } => {
                    self.picker = picker;
                    if self.states.last() != Some(&state) {
                        self.states.push(state);
                    }
                }
            }
        }
        let last = self.states.last().copied();
        assert_eq!(
            self.channel.state(),
            last.unwrap_or(ConnectivityState::Idle)
        );
    }

    pub(super) fn connect(&mut self) {
        self.channel.connect(self.now);
        self.drain();
    }

    pub(super) fn resolved(&mut self, addresses: &[&str]) -> Result<(), Status> {
        self.update(addresses, |update| update)
    }

    /// An update with a service config.
    pub(super) fn configured(&mut self, addresses: &[&str], config: &str) -> Result<(), Status> {
        self.update(addresses, |update| {
            update.with_service_config(ServiceConfig::parse(config))
        })
    }

    fn update(
        &mut self,
        addresses: &[&str],
        more: impl FnOnce(ResolverUpdate) -> ResolverUpdate,
    ) -> Result<(), Status> {
        let endpoints = addresses.iter().map(|text| Endpoint::from(address(text)));
        let update = more(ResolverUpdate::endpoints(endpoints));
        let verdict = self.channel.handle_resolver_update(self.now, update);
        self.drain();
        verdict
    }

    pub(super) fn unresolved(&mut self, status: Status) {
        let update = ResolverUpdate::failure(status);
        let verdict = self.channel.handle_resolver_update(self.now, update);
        assert!(verdict.is_ok(), "a resolver knows that it has failed");
        self.drain();
    }

    pub(super) fn event(&mut self, connection: ConnectionId, event: ConnectionEvent) {
        match &event {
            ConnectionEvent::Connected => {
                if let Some(entry) = self.connections.get_mut(&connection) {
                    entry.1 = Phase::Ready;
                }
            }
            ConnectionEvent::Draining(_) => {
                if let Some(entry) = self.connections.get_mut(&connection) {
                    entry.1 = Phase::Draining;
                }
            }
            ConnectionEvent::ConnectFailed(_) | ConnectionEvent::Disconnected(_) => {
                self.connections.remove(&connection);
            }
        }
        self.channel.handle_connection(self.now, connection, event);
        self.drain();
    }

    pub(super) fn accept(&mut self, address: &str) {
        let connection = self.attempt(address);
        self.event(connection, ConnectionEvent::Connected);
    }

    pub(super) fn refuse(&mut self, address: &str) {
        let connection = self.attempt(address);
        self.event(connection, refused());
    }

    pub(super) fn cut(&mut self, address: &str) {
        let connection = self.of(address, Phase::Ready).expect("a connection");
        let reason = DisconnectReason::ConnectionReset;
        self.event(connection, ConnectionEvent::Disconnected(reason));
    }

    pub(super) fn attempt(&self, address: &str) -> ConnectionId {
        self.of(address, Phase::Connecting).expect("an attempt")
    }

    pub(super) fn of(&self, address: &str, phase: Phase) -> Option<ConnectionId> {
        let found = self.connections.iter();
        let mut found = found.filter(|(_, (a, p))| a == address && *p == phase);
        found.next().map(|(connection, _)| *connection)
    }

    /// The service that the connection to `address` is asked for.
    pub(super) fn watched(&self, address: &str) -> Option<&str> {
        let connection = self.of(address, Phase::Ready)?;
        let watch = self.watches.get(&connection);
        watch.map(|(_, service)| &service[..])
    }

    /// The backend answers the call that watches its health.
    pub(super) fn says(&mut self, address: &str, status: ServingStatus) {
        let connection = self.of(address, Phase::Ready).expect("a connection");
        let (number, _) = self.watches[&connection];
        let event = HealthEvent::Status(status);
        self.channel
            .handle_health(self.now, connection, number, event);
        self.drain();
    }

    /// That call ends.
    pub(super) fn watch_ends(&mut self, address: &str, code: Code) {
        let connection = self.of(address, Phase::Ready).expect("a connection");
        let (number, _) = self.watches.remove(&connection).expect("a watch");
        let event = HealthEvent::Ended(Status::new(code, "the call is over"));
        self.channel
            .handle_health(self.now, connection, number, event);
        self.drain();
    }

    /// The addresses that are being tried.
    pub(super) fn attempts(&self) -> Vec<&str> {
        let all = self.connections.values();
        let all = all.filter(|(_, phase)| *phase == Phase::Connecting);
        all.map(|(address, _)| &address[..]).collect()
    }

    /// Lets time pass, with a wake-up at each timer.
    pub(super) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.channel.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.channel.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    /// Sleeps until the next timer and fires it; gives how long that took.
    pub(super) fn next_timer(&mut self) -> Duration {
        let at = self.channel.poll_timeout().expect("a timer");
        let slept = at.saturating_duration_since(self.now);
        self.pass(slept);
        slept
    }

    /// One pick, with its wishes carried out.
    pub(super) fn pick(&mut self) -> Pick {
        let info = PickInfo::new("/s/m");
        let pick = self.picker.pick(&info);
        for wake in info.take_wakes() {
            self.channel.handle_wake(self.now, wake);
        }
        self.drain();
        pick
    }

    pub(super) fn failure(&mut self) -> Status {
        match self.pick() {
            Pick::Fail(status) => status,
            other => panic!("{other:?}"),
        }
    }

    /// The address that calls go to.
    pub(super) fn picked(&mut self) -> String {
        match self.pick() {
            Pick::Subchannel(picked) => {
                let mut all = self.connections.iter();
                let found = all.find(|(connection, (_, phase))| {
                    connection.subchannel() == picked.subchannel() && *phase == Phase::Ready
                });
                found.expect("a ready connection").1.0.clone()
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn refused() -> ConnectionEvent {
    let error = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    ConnectionEvent::ConnectFailed(Arc::new(error))
}

pub(super) fn address(text: &str) -> Address {
    match text.parse::<std::net::SocketAddr>() {
        Ok(ip) => Address::from(ip),
        Err(_) => Address::named(text),
    }
}
