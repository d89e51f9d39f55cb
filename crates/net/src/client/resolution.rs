//! The resolver of a channel that waits for somebody: the look-ups of `dns`, or a task that the channel was given.

use super::shared::Settings;
use crate::resolver::{
    ResolverLink,
    dns::{self, Config, Found, Question},
};
use farcall_core::{Status, status::Explained};
use farcall_lb::{
    Address, Target,
    resolver::{ResolvePacer, ResolverUpdate},
    target::DnsTarget,
};
use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
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
    Dns(Box<Lookups>),
    Task(Run),
    /// There is nothing to find out: this is said once.
    Known(Option<Box<ResolverUpdate>>),
}

/// The name look-ups of a channel.
pub(super) struct Lookups {
    question: Question,
    pacer: ResolvePacer,
    /// The running one.
    running: Option<Lookup>,
    /// How many have failed in a row, and when the first of them began to.
    failures: Option<(u32, Instant)>,
    /// What the last one has come to.
    last: Outcome,
    /// What the last one that could ask has found.
    config: Config,
}

enum Outcome {
    Failed,
    Found { ttl: Option<Duration> },
}

struct Lookup {
    outcome: oneshot::Receiver<io::Result<Found>>,
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
    /// Begins to resolve `target` as the channel was told.
    pub(super) fn start(target: &Target, settings: &Settings) -> Resolution {
        if let Some(task) = &settings.resolver {
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
            Ok(target) => match left_to_the_proxy(&target, settings) {
                Some(update) => Resolution::Known(Some(Box::new(update))),
                None => Resolution::Dns(Box::new(Lookups::new(target, settings))),
            },
            Err(error) => {
                let status = Status::unavailable("the target cannot be resolved").with_cause(error);
                Resolution::Known(Some(Box::new(ResolverUpdate::failure(status))))
            }
        }
    }

    /// A hint that what was found seems to be out of date.
    pub(super) fn resolve_now(&mut self, now: Instant) {
        match self {
            Resolution::Dns(lookups) => lookups.pacer.resolve_now(now),
            Resolution::Task(run) => run.wishes.notify_one(),
            Resolution::Known(_) => {}
        }
    }

    /// Ends the pause after a failure, and begins again with the shortest.
    pub(super) fn reset_backoff(&mut self, now: Instant) {
        match self {
            Resolution::Dns(lookups) => lookups.pacer.reset_backoff(now),
            Resolution::Task(_) | Resolution::Known(_) => {}
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
            Resolution::Known(update) => update.take().map(|update| *update),
        }
    }

    /// Whether the channel could use the last update.
    pub(super) fn on_verdict(&mut self, now: Instant, used: bool) {
        match self {
            Resolution::Dns(lookups) => match lookups.last {
                Outcome::Found { ttl: Some(ttl) } if used => lookups.pacer.on_success_for(now, ttl),
                Outcome::Found { ttl: None } if used => lookups.pacer.on_success(now),
                _ => lookups.pacer.on_failure(now),
            },
            Resolution::Task(run) if !used => run.wishes.notify_one(),
            Resolution::Task(_) | Resolution::Known(_) => {}
        }
    }

    /// When it is to be polled although nothing has happened.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Resolution::Dns(lookups) => lookups.pacer.poll_timeout(),
            Resolution::Task(_) | Resolution::Known(_) => None,
        }
    }
}

/// The name goes to the proxy as it is.
fn left_to_the_proxy(target: &DnsTarget, settings: &Settings) -> Option<ResolverUpdate> {
    let address = settings.proxy.as_ref()?.unresolved(target)?;
    Some(ResolverUpdate::endpoints([address.into()]))
}

impl Lookups {
    fn new(target: DnsTarget, settings: &Settings) -> Lookups {
        Lookups {
            question: Question {
                target,
                service_config: settings.resolver_service_config,
                percentile: settings.percentile,
            },
            pacer: ResolvePacer::new(settings.pacer, fastrand::u64(..)),
            running: None,
            failures: None,
            last: Outcome::Failed,
            config: Config::None,
        }
    }

    /// Starts a look-up when it is time, takes the outcome of the one that runs.
    fn poll_update(&mut self, cx: &mut Context<'_>, now: Instant) -> Option<ResolverUpdate> {
        if self.running.is_none() && self.pacer.poll_start(now) {
            let target = &self.question.target;
            if let Ok(ip) = target.host().parse::<IpAddr>() {
                // There is nothing to look up, and so nothing to wait for.
                return Some(self.update(
                    now,
                    Ok(Found {
                        addresses: vec![SocketAddr::new(ip, target.port())],
                        service_config: Config::None,
                        ttl: None,
                    }),
                ));
            }
            let (answer, outcome) = oneshot::channel();
            let question = self.question.clone();
            let _task = spawn(async move {
                answer.send(dns::lookup(&question).await).ok();
            });
            self.running = Some(Lookup { outcome, _task });
        }
        let running = self.running.as_mut()?;
        let Poll::Ready(outcome) = Pin::new(&mut running.outcome).poll(cx) else {
            return None;
        };
        self.running = None;
        let outcome = outcome.unwrap_or_else(|_| Err(io::Error::other("the look-up was given up")));
        Some(self.update(now, outcome))
    }

    fn update(&mut self, now: Instant, outcome: io::Result<Found>) -> ResolverUpdate {
        let found = match outcome {
            Ok(found) => found,
            Err(error) => {
                self.last = Outcome::Failed;
                let (attempt, since) = self.failures.map_or((1, now), |(n, since)| (n + 1, since));
                self.failures = Some((attempt, since));
                // The channel says what could not be resolved.
                let mut text = error.to_string();
                let named = format!("cannot resolve \"{}\": ", self.question.target.host());
                if text.starts_with(&named) {
                    text.drain(..named.len());
                }
                if attempt > 1 {
                    let lasted = now.saturating_duration_since(since).as_secs_f64();
                    text.push_str(&format!(" (try {attempt}, failing for {lasted:.1}s)"));
                }
                return ResolverUpdate::failure(
                    Status::unavailable(text.clone()).with_cause(Explained::new(text, error)),
                );
            }
        };
        self.failures = None;
        self.last = Outcome::Found { ttl: found.ttl };
        // A name server that is silent for a moment takes no config away.
        if !matches!(found.service_config, Config::Unknown) {
            self.config = found.service_config;
        }
        let addresses = found.addresses.into_iter();
        let update = ResolverUpdate::endpoints(addresses.map(|a| Address::from(a).into()));
        match &self.config {
            Config::Some(config) => update.with_service_config(config.clone()),
            Config::None | Config::Unknown => update,
        }
    }
}
