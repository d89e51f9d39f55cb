//! The resolver of a channel that waits for somebody: the look-ups of `dns`, or a task that the channel was given.

use crate::resolver::{ResolverLink, ResolverTask, dns};
use farcall_core::Status;
use farcall_lb::{
    Address, Target,
    resolver::{PacerConfig, ResolvePacer, ResolverUpdate},
    target::DnsTarget,
};
use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};
use tokio::{
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, unbounded_channel},
        oneshot,
    },
    task::AbortHandle,
};

/// See the module. Dropping it stops whatever runs.
pub(super) enum Resolution {
    Dns(Lookups),
    Task(Run),
    /// There is nobody who could resolve: this is said once.
    Impossible(Option<Status>),
}

/// The name look-ups of a channel.
pub(super) struct Lookups {
    target: DnsTarget,
    pacer: ResolvePacer,
    /// The running one.
    running: Option<Lookup>,
    /// The last one has found something.
    found: bool,
}

struct Lookup {
    outcome: oneshot::Receiver<io::Result<Vec<SocketAddr>>>,
    _task: Aborting,
}

/// A task that the channel was given.
pub(super) struct Run {
    updates: UnboundedReceiver<ResolverUpdate>,
    wishes: Arc<Notify>,
    _task: Aborting,
}

/// A task that ends with its owner.
struct Aborting(AbortHandle);

impl Drop for Aborting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Aborting {
    Aborting(tokio::spawn(work).abort_handle())
}

impl Resolution {
    /// Begins to resolve `target`, with `task` if there is one.
    pub(super) fn start(target: &Target, task: Option<&Arc<dyn ResolverTask>>) -> Resolution {
        if let Some(task) = task {
            let (sender, updates) = unbounded_channel();
            let wishes = Arc::new(Notify::new());
            let link = ResolverLink {
                updates: sender,
                wishes: Arc::clone(&wishes),
            };
            return Resolution::Task(Run {
                updates,
                wishes,
                _task: spawn(task.run(target.clone(), link)),
            });
        }
        match DnsTarget::parse(target) {
            Ok(target) => Resolution::Dns(Lookups {
                target,
                pacer: ResolvePacer::new(PacerConfig::default(), fastrand::u64(..)),
                running: None,
                found: false,
            }),
            Err(error) => {
                let status = Status::unavailable("the target cannot be resolved").with_cause(error);
                Resolution::Impossible(Some(status))
            }
        }
    }

    /// A hint that what was found seems to be out of date.
    pub(super) fn resolve_now(&mut self, now: Instant) {
        match self {
            Resolution::Dns(lookups) => lookups.pacer.resolve_now(now),
            Resolution::Task(run) => run.wishes.notify_one(),
            Resolution::Impossible(_) => {}
        }
    }

    /// What has been found out; each is to be answered with [`on_verdict`](Self::on_verdict).
    pub(super) fn poll_update(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> Option<ResolverUpdate> {
        match self {
            Resolution::Dns(lookups) => lookups.poll_update(cx, now),
            Resolution::Task(run) => match run.updates.poll_recv(cx) {
                Poll::Ready(update) => update,
                Poll::Pending => None,
            },
            Resolution::Impossible(status) => status.take().map(ResolverUpdate::failure),
        }
    }

    /// Whether the channel could use the last update.
    pub(super) fn on_verdict(&mut self, now: Instant, used: bool) {
        match self {
            Resolution::Dns(lookups) => match lookups.found && used {
                true => lookups.pacer.on_success(now),
                false => lookups.pacer.on_failure(now),
            },
            Resolution::Task(run) if !used => run.wishes.notify_one(),
            Resolution::Task(_) | Resolution::Impossible(_) => {}
        }
    }

    /// When it is to be polled although nothing has happened.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Resolution::Dns(lookups) => lookups.pacer.poll_timeout(),
            Resolution::Task(_) | Resolution::Impossible(_) => None,
        }
    }
}

impl Lookups {
    /// Starts a look-up when it is time, takes the outcome of the one that runs.
    fn poll_update(&mut self, cx: &mut Context<'_>, now: Instant) -> Option<ResolverUpdate> {
        if self.running.is_none() && self.pacer.poll_start(now) {
            if let Ok(ip) = self.target.host().parse::<IpAddr>() {
                // There is nothing to look up, and so nothing to wait for.
                let address = SocketAddr::new(ip, self.target.port());
                return Some(self.update(Ok(vec![address])));
            }
            let (answer, outcome) = oneshot::channel();
            let target = self.target.clone();
            let _task = spawn(async move {
                let found = dns::lookup(target.host(), target.port()).await;
                answer.send(found).ok();
            });
            self.running = Some(Lookup { outcome, _task });
        }
        let running = self.running.as_mut()?;
        let Poll::Ready(outcome) = Pin::new(&mut running.outcome).poll(cx) else {
            return None;
        };
        self.running = None;
        let outcome = outcome.unwrap_or_else(|_| Err(io::Error::other("the look-up was given up")));
        Some(self.update(outcome))
    }

    fn update(&mut self, outcome: io::Result<Vec<SocketAddr>>) -> ResolverUpdate {
        self.found = outcome.is_ok();
        match outcome {
            Ok(addresses) => {
                ResolverUpdate::endpoints(addresses.into_iter().map(|a| Address::from(a).into()))
            }
            Err(error) => {
                let text = format!("name resolution of {} failed", self.target);
                ResolverUpdate::failure(Status::unavailable(text).with_cause(error))
            }
        }
    }
}
