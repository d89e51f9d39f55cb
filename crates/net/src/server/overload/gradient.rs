//! A limit that follows latency: a machine without a clock.

use std::{
    collections::HashMap,
    mem,
    time::{Duration, Instant},
};

/// How often the limit moves, at most, and on how many calls.
const WINDOW: Duration = Duration::from_millis(50);
const SAMPLES: u32 = 10;
/// How much slower than alone calls may be before the limit falls.
const TOLERANCE: f64 = 2.0;
/// The largest fall in one window.
const STEEPEST: f64 = 0.5;
/// Calls of a method in one window whose mean is taken for its speed.
const ENOUGH: u32 = 5;
/// After so many slow windows in a row the limit is cut to a half for two windows, to see whether that is what calls wait for.
const PATIENCE: u32 = 20;

/// A look at whether calls are slow because they are many.
#[derive(Debug)]
struct Probe {
    /// How slow calls were before.
    before: f64,
    /// The limit against that before.
    cut: f64,
    /// The calls of the time before have left.
    settled: bool,
}

/// The limit and what it is found by.
#[derive(Debug)]
pub(super) struct Gradient {
    limit: f64,
    min: f64,
    max: f64,
    /// The lowest mean of a window for each method, in seconds. Means, since the fastest call of all may have been one that had
    /// nothing to do.
    fastest: HashMap<usize, f64>,
    /// Windows in a row in which calls were too slow.
    slow: u32,
    probe: Option<Probe>,
    window: Window,
}

#[derive(Debug)]
struct Window {
    since: Instant,
    /// Sum of latencies and calls for each method.
    methods: HashMap<usize, (f64, u32)>,
    count: u32,
    /// The most calls that were handled at a time.
    peak: usize,
}

impl Gradient {
    /// Begins with the lowest limit, where what calls take by themselves is seen best.
    pub(super) fn new(now: Instant, min: usize, max: usize) -> Gradient {
        Gradient {
            limit: min as f64,
            min: min as f64,
            max: max as f64,
            fastest: HashMap::new(),
            slow: 0,
            probe: None,
            window: Window {
                since: now,
                methods: HashMap::new(),
                count: 0,
                peak: 0,
            },
        }
    }

    /// A call of a method took so long, and at its end so many were handled, itself included. Answers the limit if it has moved.
    pub(super) fn record(
        &mut self,
        now: Instant,
        method: usize,
        latency: Duration,
        in_flight: usize,
    ) -> Option<usize> {
        let window = &mut self.window;
        let (sum, count) = window.methods.entry(method).or_default();
        // Below this the clock and the scheduler are what is measured.
        *sum += latency.as_secs_f64().max(50e-6);
        *count += 1;
        window.count += 1;
        window.peak = window.peak.max(in_flight);
        let over = now.saturating_duration_since(window.since) >= WINDOW;
        if !over || window.count < SAMPLES {
            return None;
        }
        let slower = self.slower();
        let window = &mut self.window;
        let peak = mem::take(&mut window.peak);
        window.since = now;
        window.count = 0;
        window.methods.clear();
        self.turn(slower?, peak)
    }

    /// How many times longer than at their fastest the window's calls took; `None`: nothing is known to compare with.
    fn slower(&mut self) -> Option<f64> {
        let (mut times, mut calls) = (0.0, 0);
        for (method, &(sum, count)) in &self.window.methods {
            let mean = sum / f64::from(count);
            if count >= ENOUGH {
                let fastest = self.fastest.entry(*method).or_insert(mean);
                *fastest = fastest.min(mean);
            }
            if let Some(fastest) = self.fastest.get(method) {
                times += sum / fastest;
                calls += count;
            }
        }
        (calls > 0).then(|| times / f64::from(calls))
    }

    fn turn(&mut self, slower: f64, peak: usize) -> Option<usize> {
        if let Some(probe) = &mut self.probe {
            if !mem::replace(&mut probe.settled, true) {
                return None;
            }
            return Some(self.end_probe(slower));
        }
        self.slow = if slower > TOLERANCE { self.slow + 1 } else { 0 };
        if self.slow > PATIENCE {
            return Some(self.begin_probe(slower));
        }
        let gradient = (TOLERANCE / slower).clamp(STEEPEST, 1.0);
        // A limit that nobody has come near has not been tried: it does not grow.
        let tried = peak as f64 >= 0.8 * self.limit;
        if gradient >= 1.0 && !tried {
            return None;
        }
        let before = self.limit.round();
        // A little more than what the gradient says, to find out whether more is possible.
        let next = self.limit * gradient + self.limit.sqrt();
        let most = if tried { self.max } else { self.limit };
        self.limit = next.min(most).clamp(self.min, self.max);
        let after = self.limit.round();
        (before != after).then_some(after as usize)
    }

    fn begin_probe(&mut self, before: f64) -> usize {
        let limit = (0.5 * self.limit).max(self.min);
        self.probe = Some(Probe {
            before,
            cut: limit / self.limit,
            settled: false,
        });
        limit.round() as usize
    }

    /// Calls that waited for each other are faster when they are fewer. Those that are not have become slow by themselves, and
    /// that is how fast they are now.
    fn end_probe(&mut self, slower: f64) -> usize {
        self.slow = 0;
        if let Some(Probe { before, cut, .. }) = self.probe.take()
            && slower / before > 0.5 * (1.0 + cut)
        {
            self.fastest
                .values_mut()
                .for_each(|fastest| *fastest *= slower);
        }
        self.limit.round() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a server with one core whose handlers compute for `work`: calls that are handled together take turns. As many are
    /// handled as are offered, up to the limit.
    struct Core {
        now: Instant,
        gradient: Gradient,
        limit: usize,
    }

    impl Core {
        fn new() -> Core {
            let now = Instant::now();
            let gradient = Gradient::new(now, 4, 100);
            Core {
                now,
                gradient,
                limit: 4,
            }
        }

        fn run(&mut self, time: Duration, work: Duration, offered: usize, cores: usize) {
            let end = self.now + time;
            while self.now < end {
                let busy = offered.min(self.limit);
                let latency = work * u32::try_from(busy.div_ceil(cores)).unwrap();
                self.now += work / u32::try_from(cores).unwrap();
                if let Some(limit) = self.gradient.record(self.now, 1, latency, busy) {
                    self.limit = limit;
                }
            }
        }
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn on_one_core_a_flood_of_computing_handlers_is_let_in_by_a_few() {
        let mut core = Core::new();
        core.run(20 * MS, MS, 1, 1); // one call has been alone
        core.run(Duration::from_secs(5), MS, 300, 1);
        assert!((4..=16).contains(&core.limit), "{}", core.limit);
    }

    #[test]
    fn a_flood_from_the_first_moment_finds_a_limit_that_does_not_drift_away() {
        let mut core = Core::new();
        core.run(Duration::from_secs(60), MS, 300, 1);
        assert!((4..=16).contains(&core.limit), "{}", core.limit);
    }

    #[test]
    fn handlers_that_wait_are_let_in_up_to_the_most() {
        let mut core = Core::new();
        // As many cores as calls: nobody waits for anybody.
        core.run(Duration::from_secs(2), MS, 200, 200);
        assert_eq!(core.limit, 100);
    }

    #[test]
    fn a_limit_that_nobody_comes_near_stays() {
        let mut core = Core::new();
        core.run(Duration::from_secs(5), MS, 2, 2);
        assert_eq!(core.limit, 4);
    }

    #[test]
    fn methods_are_measured_against_themselves() {
        let now = Instant::now();
        let mut gradient = Gradient::new(now, 4, 1000);
        let mut limit = 4;
        for turn in 0..1000 {
            let now = now + MS * turn;
            let (method, latency) = if turn % 2 == 0 {
                (1, MS)
            } else {
                (2, 100 * MS)
            };
            limit = gradient
                .record(now, method, latency, limit)
                .unwrap_or(limit);
        }
        assert!(limit > 20, "{limit}");
    }

    #[test]
    fn calls_that_have_nothing_to_do_are_not_what_the_others_are_measured_by() {
        let now = Instant::now();
        let mut gradient = Gradient::new(now, 4, 1000);
        let mut limit = 4;
        for turn in 0..5000 {
            let now = now + MS * turn;
            let latency = if turn % 10 == 0 { MS / 100 } else { 20 * MS };
            limit = gradient.record(now, 1, latency, limit).unwrap_or(limit);
        }
        assert!(limit > 100, "{limit}");
    }

    #[test]
    fn handlers_that_have_become_slower_by_themselves_are_let_in_again() {
        let mut core = Core::new();
        core.run(Duration::from_secs(2), MS, 200, 200);
        assert_eq!(core.limit, 100);
        core.run(Duration::from_secs(1), 10 * MS, 200, 200);
        assert!(core.limit < 10, "{}", core.limit);
        core.run(Duration::from_secs(9), 10 * MS, 200, 200);
        assert_eq!(core.limit, 100);
    }
}
