//! The machine that watches one connection.

use std::sync::Arc;
use std::time::Instant;

use farcall_core::backoff::{Backoff, BackoffConfig};
use farcall_core::{Code, Status};

use super::{Health, HealthError, HealthEvent, ServingStatus};
use crate::later::later;

/// Watches the health of one connection while it is ready.
///
/// # Contract
/// * Inputs: [`handle_event`](Self::handle_event), [`handle_timeout`](Self::handle_timeout); command:
///   [`configure`](Self::configure).
/// * Outputs: after each, [`poll_order`](Self::poll_order) until it gives `None`, and [`poll_news`](Self::poll_news); then
///   [`poll_timeout`](Self::poll_timeout).
/// * Calls are numbered; events of a call that is not the newest change nothing.
///
/// Nothing is known until the first answer. A call that ends is made again after 1 s × 1.6ⁿ ± 20 % ≤ 120 s, counted from
/// its start; an answer begins the series anew, so that a call which has lived longer than a second is made again at once.
/// UNIMPLEMENTED means that the backend has no health service: it counts as serving, and is not asked again.
///
/// ```
/// use farcall_lb::health::*;
/// use std::time::Instant;
///
/// let now = Instant::now();
/// let mut watch = HealthWatch::new(Some("shop.Orders".into()), now, 42);
/// let Some(HealthOrder::Watch { number, service }) = watch.poll_order() else { panic!() };
/// assert_eq!(&*service, "shop.Orders");
/// assert_eq!(watch.poll_news(), None);
///
/// watch.handle_event(now, number, HealthEvent::Status(ServingStatus::Serving));
/// assert_eq!(watch.poll_news(), Some(Health::Serving));
/// ```
#[derive(Debug)]
pub struct HealthWatch {
    /// `None`: nobody checks.
    service: Option<Arc<str>>,
    backoff: Backoff,
    /// The number of the newest call.
    number: u64,
    phase: Phase,
    orders: [Option<HealthOrder>; 2],
    /// What was told last.
    health: Option<Health>,
    news: bool,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nobody checks, or the backend has no health service.
    Rest,
    Watching {
        since: Instant,
    },
    /// Call again then.
    Until(Instant),
}

/// What a [`HealthWatch`] wants done.
///
/// ```
/// use farcall_lb::health::{HealthOrder, HealthWatch};
/// use std::time::Instant;
///
/// let now = Instant::now();
/// let mut watch = HealthWatch::new(Some("shop.Orders".into()), now, 42);
/// assert!(matches!(watch.poll_order(), Some(HealthOrder::Watch { number: 1, .. })));
/// watch.configure(now, None); // a service config without health checks has come
/// assert_eq!(watch.poll_order(), Some(HealthOrder::Stop { number: 1 }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthOrder {
    /// Call `grpc.health.v1.Health/Watch` on the connection.
    Watch {
        /// The call's number, for its events.
        number: u64,
        /// What to ask for.
        service: Arc<str>,
    },
    /// Cancel that call; no event is wanted.
    Stop {
        /// The call's number.
        number: u64,
    },
}

impl HealthWatch {
    /// Watches a connection that has just become ready; without a service it counts as serving at once. The seed spreads
    /// the pauses.
    pub fn new(service: Option<Arc<str>>, now: Instant, seed: u64) -> Self {
        let mut watch = Self {
            service: None,
            backoff: Backoff::new(BackoffConfig::default(), seed),
            number: 0,
            phase: Phase::Rest,
            orders: [None, None],
            health: None,
            news: false,
        };
        match service {
            Some(_) => watch.configure(now, service),
            None => watch.tell(Health::Serving),
        }
        watch
    }

    /// The service to ask for has changed, or perhaps not. What was known stays until there is an answer.
    pub fn configure(&mut self, now: Instant, service: Option<Arc<str>>) {
        if self.service == service {
            return;
        }
        self.service = service;
        self.backoff.reset();
        self.orders[0] = self.running().map(|number| HealthOrder::Stop { number });
        match self.service {
            Some(_) => self.call(now),
            None => {
                self.phase = Phase::Rest;
                self.tell(Health::Serving);
            }
        }
    }

    /// Something has happened to a call.
    pub fn handle_event(&mut self, now: Instant, number: u64, event: HealthEvent) {
        let Phase::Watching { since } = self.phase else {
            return;
        };
        let Some(service) = self.service.clone().filter(|_| number == self.number) else {
            return;
        };
        match event {
            HealthEvent::Status(status) => {
                self.backoff.reset();
                self.tell(match status {
                    ServingStatus::Serving => Health::Serving,
                    status => Health::NotServing(HealthError::says(service, status)),
                });
            }
            HealthEvent::Ended(status) if status.code() == Code::Unimplemented => {
                self.phase = Phase::Rest;
                self.tell(Health::Serving);
            }
            HealthEvent::Ended(status) => {
                let again = later(since, self.backoff.next_delay());
                self.phase = Phase::Until(again.max(now));
                // An end that says OK is no answer either.
                let status = match status.is_ok() {
                    true => Status::unavailable("the backend has ended the call"),
                    false => status,
                };
                self.tell(Health::NotServing(HealthError::ended(service, status)));
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Until(at) => Some(at),
            Phase::Rest | Phase::Watching { .. } => None,
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.call(now);
        }
    }

    /// The next thing to do.
    pub fn poll_order(&mut self) -> Option<HealthOrder> {
        self.orders.iter_mut().find_map(Option::take)
    }

    /// What is known, if that has changed since this was last asked.
    pub fn poll_news(&mut self) -> Option<Health> {
        match std::mem::take(&mut self.news) {
            true => self.health.clone(),
            false => None,
        }
    }

    /// What is known; `None` before the first answer.
    pub fn health(&self) -> Option<&Health> {
        self.health.as_ref()
    }

    /// The call that is open.
    pub fn running(&self) -> Option<u64> {
        match self.phase {
            Phase::Watching { .. } => Some(self.number),
            Phase::Rest | Phase::Until(_) => None,
        }
    }

    fn call(&mut self, now: Instant) {
        let Some(service) = self.service.clone() else {
            return;
        };
        self.number += 1;
        self.phase = Phase::Watching { since: now };
        self.orders[1] = Some(HealthOrder::Watch {
            number: self.number,
            service,
        });
    }

    fn tell(&mut self, health: Health) {
        if self.health.as_ref() != Some(&health) {
            self.health = Some(health);
            self.news = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    struct Bench {
        watch: HealthWatch,
        now: Instant,
        calls: Vec<String>,
        stopped: Vec<u64>,
    }

    impl Bench {
        fn new(service: Option<&str>) -> Bench {
            let now = Instant::now();
            let watch = HealthWatch::new(service.map(Arc::from), now, 1);
            let mut bench = Bench {
                watch,
                now,
                calls: Vec::new(),
                stopped: Vec::new(),
            };
            bench.drain();
            bench
        }

        fn drain(&mut self) {
            while let Some(order) = self.watch.poll_order() {
                match order {
                    HealthOrder::Watch { number, service } => {
                        self.calls.push(service.to_string());
                        assert_eq!(number, self.calls.len() as u64);
                    }
                    HealthOrder::Stop { number } => self.stopped.push(number),
                }
            }
        }

        fn event(&mut self, event: HealthEvent) -> Option<Health> {
            let number = self.calls.len() as u64;
            self.watch.handle_event(self.now, number, event);
            self.drain();
            self.watch.poll_news()
        }

        fn says(&mut self, status: ServingStatus) -> Option<Health> {
            self.event(HealthEvent::Status(status))
        }

        fn ends(&mut self, code: Code) -> Option<Health> {
            self.event(HealthEvent::Ended(Status::new(code, "why")))
        }

        /// Waits for the next call; gives for how long.
        fn next_call(&mut self) -> Duration {
            let (calls, at) = (self.calls.len(), self.watch.poll_timeout().unwrap());
            let pause = at - self.now;
            self.now = at;
            self.watch.handle_timeout(at);
            self.drain();
            assert_eq!(self.calls.len(), calls + 1);
            pause
        }
    }

    #[test]
    fn nothing_is_told_before_the_first_answer_and_then_each_change_once() {
        let mut bench = Bench::new(Some("s"));
        assert_eq!(bench.watch.poll_news(), None);
        assert_eq!(bench.says(ServingStatus::Serving), Some(Health::Serving));
        assert_eq!(bench.says(ServingStatus::Serving), None);
        for status in [
            ServingStatus::NotServing,
            ServingStatus::ServiceUnknown,
            ServingStatus::Unknown,
        ] {
            let error = HealthError::says("s", status);
            assert_eq!(bench.says(status), Some(Health::NotServing(error)));
            assert_eq!(bench.says(status), None);
        }
        assert_eq!(bench.calls, ["s"]);
    }

    #[test]
    fn a_connection_that_nobody_checks_serves_at_once() {
        let mut bench = Bench::new(None);
        assert_eq!(bench.watch.poll_news(), Some(Health::Serving));
        assert!(bench.calls.is_empty());
        assert_eq!(bench.watch.poll_timeout(), None);
    }

    #[test]
    fn a_backend_without_a_health_service_serves_and_is_not_asked_again() {
        let mut bench = Bench::new(Some("s"));
        assert_eq!(bench.ends(Code::Unimplemented), Some(Health::Serving));
        assert_eq!(bench.watch.poll_timeout(), None);
        assert_eq!(bench.watch.running(), None);
    }

    #[test]
    fn a_call_that_fails_unanswered_is_made_again_after_growing_pauses() {
        let mut bench = Bench::new(Some("s"));
        let mut nominal: f64 = 1.0;
        for round in 0..14 {
            let news = bench.ends(Code::Unavailable);
            assert!(matches!(news, Some(Health::NotServing(_))), "{round}");
            let pause = bench.next_call().as_secs_f64();
            let range = nominal * 0.799..nominal * 1.201;
            assert!(range.contains(&pause), "{round}: {pause} for {nominal}");
            nominal = (nominal * 1.6).min(120.0);
        }
    }

    #[test]
    fn an_answer_begins_the_pauses_anew_and_a_call_that_has_lived_is_made_again_at_once() {
        let mut bench = Bench::new(Some("s"));
        for _ in 0..5 {
            bench.ends(Code::Unavailable);
            bench.next_call();
        }
        bench.says(ServingStatus::Serving);
        bench.ends(Code::Internal);
        let pause = bench.next_call();
        assert!(
            pause >= SECOND * 79 / 100 && pause <= SECOND * 121 / 100,
            "{pause:?}"
        );
        bench.says(ServingStatus::Serving);
        bench.now += 10 * SECOND;
        bench.ends(Code::Internal);
        assert_eq!(bench.next_call(), Duration::ZERO);
    }

    #[test]
    fn an_end_that_says_ok_is_a_failure() {
        let mut bench = Bench::new(Some("s"));
        bench.says(ServingStatus::Serving);
        let Some(Health::NotServing(error)) = bench.ends(Code::Ok) else {
            panic!("the call is over");
        };
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn another_service_is_another_call_and_what_is_known_stays_until_its_answer() {
        let mut bench = Bench::new(Some("s"));
        bench.says(ServingStatus::Serving);
        bench.watch.configure(bench.now, Some("s".into()));
        bench.drain();
        assert_eq!(bench.calls, ["s"], "the same service is no change");
        bench.watch.configure(bench.now, Some("t".into()));
        bench.drain();
        assert_eq!(
            (&bench.calls[..], &bench.stopped[..]),
            (&["s".into(), "t".into()][..], &[1][..])
        );
        assert_eq!(bench.watch.health(), Some(&Health::Serving));
        // What the old call says comes too late.
        let late = HealthEvent::Status(ServingStatus::NotServing);
        bench.watch.handle_event(bench.now, 1, late);
        assert_eq!(bench.watch.poll_news(), None);
        assert!(matches!(
            bench.says(ServingStatus::NotServing),
            Some(Health::NotServing(_))
        ));
        bench.watch.configure(bench.now, None);
        bench.drain();
        assert_eq!(bench.watch.poll_news(), Some(Health::Serving));
        assert_eq!(bench.stopped, [1, 2]);
    }

    #[test]
    fn a_service_that_is_configured_during_a_pause_is_asked_for_at_once() {
        let mut bench = Bench::new(Some("s"));
        bench.ends(Code::Unavailable);
        bench.watch.configure(bench.now, Some("t".into()));
        bench.drain();
        assert_eq!(bench.calls, ["s", "t"]);
        assert!(bench.stopped.is_empty());
        assert_eq!(bench.watch.poll_timeout(), None);
    }
}
