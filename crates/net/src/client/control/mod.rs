//! The control task of a channel: carries out what the channel's machine wants done.
//!
//! The task starts with the first call or `connect` and ends with the last handle of the channel. The
//! rules (which address when, how long to wait) are the machine's; here are only tasks, timers and sockets.

mod on_news;
mod scaled;
mod watches;

use super::{
    attempt::Attempt,
    backoffs::Backoffs,
    gauge::Gauge,
    hedging::Hedging,
    idle::Idleness,
    inbox::{Found, Order, Reporter},
    picker_cell::{Notice, Snapshot},
    plans::Configuration,
    resolution::Resolution,
    scaling::Group,
    shared::{Shared, closed},
};
use crate::{
    clock,
    transport::{
        Mailbox, Submit,
        connect::ConnectTime,
        deadline::{Awaited, exceeded},
        submit::Request,
        timer::Timer,
    },
};
use farcall_core::{ServiceConfig, Status};
use farcall_http2::Config;
use farcall_lb::{
    Address, Authority, ConnectivityState,
    balancer::{Pick, PickInfo, Picker},
    channel::{Action, Channel as Machine},
    selector::ConfigSelector,
    subchannel::ConnectionId,
};
use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, Weak},
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, sync::oneshot, task::AbortHandle};
use watches::Watch;

/// Gives an order; the first one starts the task.
///
/// # Errors
/// There is no tokio runtime to run the task on.
pub(crate) fn order(shared: &Arc<Shared>, order: Order) -> Result<(), Status> {
    // Only the first order needs the lock; but orders are rare: a call on a connected channel gives none.
    let mut unstarted = shared
        .unstarted
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if unstarted.is_some() {
        let runtime = Handle::try_current().map_err(|error| {
            Status::failed_precondition("a channel must be used inside a tokio runtime")
                .with_cause(error)
        })?;
        if let Some(machine) = unstarted.take() {
            runtime.spawn(Control::new(Arc::clone(shared), machine));
        }
    }
    drop(unstarted);
    shared.inbox.order(order);
    Ok(())
}

/// Gives an order if there is anybody to take it: false if the task was never started, and is not to be any more when the
/// channel is closed.
pub(crate) fn order_if_started(shared: &Arc<Shared>, order: Order) -> bool {
    let mut unstarted = shared
        .unstarted
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if unstarted.is_some() {
        if let Order::Close = order {
            *unstarted = None;
        }
        return false;
    }
    drop(unstarted);
    shared.inbox.order(order);
    true
}

struct Control {
    shared: Arc<Shared>,
    machine: Box<Machine>,
    /// Boxed: a table makes room for four at once, and most channels have one.
    connections: HashMap<ConnectionId, Box<Link>>,
    /// Of subchannels that may have several connections, by the name of the first.
    groups: BTreeMap<ConnectionId, Group>,
    /// Some connection has room for calls that wait for it.
    room: bool,
    resolver: Option<Resolution>,
    last_error: Option<Status>,
    /// What the service config makes of calls; `None` until the resolver has answered.
    configuration: Option<Arc<Configuration>>,
    /// Calls between two attempts.
    backoffs: Backoffs,
    /// The tasks of hedged calls, to be told of the channel's end.
    hedged: Vec<Weak<Submit<Mailbox>>>,
    /// The calls that watch backends, by the connection that the machine knows.
    watches: BTreeMap<ConnectionId, Watch>,
    /// Those who wait in `connect`.
    waiters: Vec<oneshot::Sender<Result<(), Status>>>,
    /// The earliest deadline of a waiting call.
    deadline: Option<Instant>,
    idleness: Idleness,
    /// What connections are made with; keepalive grows when servers complain.
    http2: Arc<Config>,
    closed: bool,
    /// It was logged that a backend has no health service.
    told_of_no_health: bool,
    timer: Timer,
}

/// A connection, or an attempt at one.
struct Link {
    submit: Arc<Submit<Mailbox>>,
    /// The connection that the machine knows: this one, or the first of several.
    group: ConnectionId,
    gauge: Option<Arc<Gauge>>,
    task: AbortHandle,
    /// It takes calls.
    ready: bool,
    /// It has taken calls, perhaps.
    up: bool,
    /// Where an attempt goes, and since when; until it has succeeded.
    making: Option<Box<(Address, Instant)>>,
    /// Its interval of keepalive.
    keepalive: Option<Duration>,
}

impl Control {
    fn new(shared: Arc<Shared>, machine: Box<Machine>) -> Control {
        Control {
            idleness: Idleness::new(shared.settings.idle_timeout, clock::now()),
            http2: Arc::clone(&shared.settings.http2),
            closed: false,
            told_of_no_health: false,
            shared,
            machine,
            connections: HashMap::new(),
            groups: BTreeMap::new(),
            room: false,
            resolver: None,
            last_error: None,
            configuration: None,
            backoffs: Backoffs::default(),
            hedged: Vec::new(),
            watches: BTreeMap::new(),
            waiters: Vec::new(),
            deadline: None,
            timer: Timer::default(),
        }
    }

    fn on_order(&mut self, now: Instant, order: Order) {
        match order {
            Order::Notice(notice) => self.on_notice(now, notice),
            Order::Connect(answer) => {
                self.machine.connect(now);
                match self.machine.state() {
                    ConnectivityState::Ready => {
                        answer.send(Ok(())).ok();
                    }
                    ConnectivityState::TransientFailure => {
                        answer.send(Err(self.unreachable())).ok();
                    }
                    _ => {
                        self.waiters.retain(|waiter| !waiter.is_closed());
                        self.waiters.push(answer);
                    }
                }
            }
            Order::ResetBackoff => {
                self.machine.reset_connect_backoff(now);
                if let Some(resolver) = &mut self.resolver {
                    resolver.reset_backoff(now);
                }
            }
            Order::Close => {
                self.machine.shutdown();
                self.closed = true;
            }
        }
    }

    fn on_notice(&mut self, now: Instant, mut notice: Notice) {
        if let Some(rare) = notice.take_rare() {
            for wake in rare.wakes {
                self.machine.handle_wake(now, wake);
            }
            for later in rare.later {
                self.backoffs.push(later);
            }
            for id in rare.full {
                self.on_full(now, id);
            }
        }
        self.deadline = [self.deadline, notice.deadline].into_iter().flatten().min();
    }

    fn dispatch(&mut self, now: Instant, mailbox: &Arc<Mailbox>) {
        let notice = self.shared.picks.dispatch(mailbox, usize::MAX);
        self.on_notice(now, notice);
    }

    /// Starts the attempts whose time has come, and hedged calls.
    fn repeat(&mut self, now: Instant) {
        while let Some(mailbox) = self.backoffs.pop(now) {
            if mailbox.is_over() {
                continue;
            }
            if mailbox.deadline().is_some_and(|deadline| deadline <= now) {
                mailbox.fail(exceeded(Awaited::Attempt));
                continue;
            }
            if let Some(hedging) = Hedging::of(&self.shared, &mailbox) {
                self.note_hedged(hedging.submit());
                tokio::spawn(hedging);
                continue;
            }
            self.dispatch(now, &mailbox);
            self.act(now);
        }
    }

    /// Remembers the task of a hedged call; those that have ended are forgotten now and then.
    fn note_hedged(&mut self, submit: &Arc<Submit<Mailbox>>) {
        if self.hedged.len() >= 16 && self.hedged.len().is_power_of_two() {
            self.hedged.retain(|submit| submit.strong_count() > 0);
        }
        self.hedged.push(Arc::downgrade(submit));
    }

    fn configure(&mut self, config: Arc<ServiceConfig>, selector: Option<Arc<dyn ConfigSelector>>) {
        let retries = Arc::clone(&self.shared.settings.retries);
        let old = self.configuration.as_deref();
        let configuration = Configuration::new(config, selector, retries, old);
        if let Some((asked, cap)) = configuration.excess() {
            let target = &self.shared.settings.target;
            self.shared.settings.log.capped_attempts(target, asked, cap);
        }
        let configuration = Arc::new(configuration);
        self.shared.heads.configure(&configuration);
        self.configuration = Some(configuration);
    }

    fn expire(&mut self, now: Instant) {
        let making = || {
            let making = self
                .connections
                .values()
                .filter_map(|link| link.making.as_deref());
            let mut making: Vec<_> = making.cloned().collect();
            making.sort_by_key(|(_, start)| *start);
            let since = |(address, start)| (address, now.saturating_duration_since(start));
            making.into_iter().map(since).collect()
        };
        self.deadline = self.shared.picks.expire(now, making);
    }

    #[cold]
    fn enter_idle(&mut self) {
        let target = &self.shared.settings.target;
        log::debug!(target: "farcall", "{target}: no calls for long, the channel goes idle");
        self.machine.enter_idle();
    }

    /// Asks the connections whether the channel can go idle, if it is time to.
    fn ask_for_use(&mut self, now: Instant) {
        if self.idleness.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        let waits = !self.waiters.is_empty() || self.backoffs.next().is_some();
        let busy = self.shared.picks.is_wanted() || waits;
        let up = self.connections.iter().filter(|(_, link)| link.up);
        let ids: Vec<_> = up.map(|(id, _)| *id).collect();
        let links = &self.connections;
        let put = |id, round| {
            let link: Option<&Link> = links.get(&id).map(Box::as_ref);
            link.is_some_and(|link| link.submit.request(Request::Report(round)))
        };
        if self.idleness.ask(now, busy, ids, put) {
            self.enter_idle();
            self.act(now);
        }
    }

    fn perform(&mut self, now: Instant, action: Action) {
        match action {
            Action::StartResolver => {
                let settings = &self.shared.settings;
                self.resolver = Some(Resolution::start(self.machine.target(), settings));
            }
            Action::ResolveNow => {
                if let Some(resolver) = &mut self.resolver {
                    resolver.resolve_now(now);
                }
            }
            Action::StopResolver => self.resolver = None,
            Action::Connect {
                connection,
                mut address,
                endpoint_attributes,
                deadline,
            } => {
                if address.attributes().find::<Authority>().is_none()
                    && let Some(name) = endpoint_attributes.find::<Authority>()
                {
                    address = address.with_authority(name.clone());
                }
                let gauge = self.open_group(now, connection, &address, deadline);
                self.connect(now, connection, connection, address, deadline, gauge);
            }
            Action::Drain(connection) => self.drain(connection),
            Action::Close(connection) => self.close(connection),
            Action::WatchHealth {
                connection,
                number,
                service,
            } => self.watch_health(now, connection, number, service),
            Action::StopHealthWatch { connection, number } => self.stop_watch(connection, number),
            Action::ServiceConfig { config, selector } => self.configure(config, selector),
            Action::Publish { state, picker } => self.publish(now, state, picker),
            _ => {}
        }
    }

    fn connect(
        &mut self,
        now: Instant,
        id: ConnectionId,
        group: ConnectionId,
        address: Address,
        deadline: Instant,
        gauge: Option<Arc<Gauge>>,
    ) {
        let making = Some(Box::new((address.clone(), now)));
        let submit = Arc::new(Submit::default());
        let reporter = Reporter {
            id,
            inbox: Arc::clone(&self.shared.inbox),
        };
        let task = tokio::spawn(Attempt::new(
            Arc::clone(&self.shared),
            address,
            ConnectTime::between(now, deadline),
            Arc::clone(&self.http2),
            Arc::clone(&submit),
            gauge.clone(),
            reporter,
        ));
        let link = Link {
            submit,
            group,
            gauge,
            task: task.abort_handle(),
            ready: false,
            up: false,
            making,
            keepalive: self.http2.keepalive_interval,
        };
        self.connections.insert(id, Box::new(link));
    }

    fn publish(&mut self, now: Instant, state: ConnectivityState, picker: Arc<dyn Picker>) {
        let before = self.shared.picks.state();
        if before != state {
            let target = &self.shared.settings.target;
            log::debug!(target: "farcall", "{target}: the channel is {state}, it was {before}");
        }
        match state {
            ConnectivityState::Ready => self.last_error = None,
            ConnectivityState::TransientFailure => {
                if let Pick::Fail(status) = picker.pick(&PickInfo::new("")) {
                    self.last_error = Some(status);
                }
            }
            _ => {}
        }
        let transports = self.transports();
        let snapshot = Snapshot {
            state,
            picker,
            transports,
            config: self.configuration.clone(),
            last_error: self.last_error.clone(),
        };
        let notice = self.shared.picks.publish(snapshot);
        let outcome = match state {
            ConnectivityState::Ready => Some(Ok(())),
            ConnectivityState::TransientFailure => Some(Err(self.unreachable())),
            ConnectivityState::Shutdown => Some(Err(closed())),
            _ => None,
        };
        if let Some(outcome) = outcome {
            for waiter in self.waiters.drain(..) {
                waiter.send(outcome.clone()).ok();
            }
        }
        self.on_notice(now, notice);
    }

    fn unreachable(&self) -> Status {
        self.last_error
            .clone()
            .unwrap_or_else(|| Status::unavailable("no connection could be made"))
    }

    /// Takes what the resolver has found. True if there was something.
    fn poll_resolver(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Some(resolver) = &mut self.resolver else {
            return false;
        };
        let Some(update) = resolver.poll_update(cx, now) else {
            return false;
        };
        let used = self.machine.handle_resolver_update(now, update).is_ok();
        resolver.on_verdict(now, used);
        true
    }

    /// Handles everything that has come in. False: the channel has no handles any more.
    fn receive(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        loop {
            match self.shared.inbox.poll(cx) {
                Found::Nothing => break,
                Found::Batch(batch) => {
                    self.on_orders(now, batch.orders);
                    if self.closed {
                        for (_, news) in batch.news {
                            news.fail();
                        }
                        return false;
                    }
                    for (id, news) in batch.news {
                        self.on_news(now, id, news);
                        self.act(now);
                    }
                }
                Found::Last(orders) => {
                    self.on_orders(now, orders);
                    return false;
                }
            }
        }
        true
    }

    fn on_orders(&mut self, now: Instant, orders: Vec<Order>) {
        for order in orders {
            self.on_order(now, order);
            self.act(now);
        }
    }

    fn act(&mut self, now: Instant) {
        while let Some(action) = self.machine.poll_action() {
            self.perform(now, action);
        }
    }

    /// When something is to be done although nothing comes in.
    fn next_timeout(&self) -> Option<Instant> {
        let resolver = self.resolver.as_ref().and_then(Resolution::poll_timeout);
        let (machine, idle) = (self.machine.poll_timeout(), self.idleness.poll_timeout());
        let (again, groups) = (self.backoffs.next(), self.groups_timeout());
        [machine, resolver, self.deadline, idle, again, groups]
            .into_iter()
            .flatten()
            .min()
    }

    fn fire_timers(&mut self, now: Instant) {
        self.timer.elapsed(now);
        if self.machine.poll_timeout().is_some_and(|at| at <= now) {
            self.machine.handle_timeout(now);
            self.act(now);
        }
        if self.deadline.is_some_and(|at| at <= now) {
            self.expire(now);
        }
        self.repeat(now);
        self.fire_groups(now);
        self.ask_for_use(now);
    }
}

impl Future for Control {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let now = clock::now();
            // First what has happened: an attempt that was given up in time knows better than a timer what took so long.
            if !this.receive(cx, now) {
                return Poll::Ready(());
            }
            this.fire_timers(now);
            while this.poll_resolver(cx, now) {
                this.act(now);
            }
            this.idleness.set_active(this.machine.is_active(), now);
            match this.next_timeout() {
                Some(at) if at <= now => {}
                Some(at) => {
                    this.timer.arm(at, cx);
                    return Poll::Pending;
                }
                None => return Poll::Pending,
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Those that the machine has no more to do with may still have calls open.
        let end = match self.closed {
            true => Request::Close,
            false => Request::Drain,
        };
        for link in self.connections.values() {
            match link.up {
                true => drop(link.submit.request(end)),
                false => link.task.abort(),
            }
        }
        self.shared.picks.close(&closed());
        for submit in self.hedged.iter().filter_map(Weak::upgrade) {
            submit.request(Request::Close);
        }
        for mailbox in self.backoffs.take() {
            mailbox.fail(closed());
        }
        let batch = self.shared.inbox.close();
        for order in batch.orders {
            order.fail(&closed());
        }
        for (_, news) in batch.news {
            news.fail();
        }
    }
}
