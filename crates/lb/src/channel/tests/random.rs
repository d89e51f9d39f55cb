//! Random sequences of inputs: whatever happens, nothing leaks and the published state tells the truth.

use std::time::Duration;

use farcall_core::Status;

use super::sim::{Phase, Sim, refused};
use crate::balancer::{Pick, PickInfo};
use crate::channel::ChannelConfig;
use crate::connectivity::ConnectivityState::{self, *};
use crate::subchannel::{ConnectionEvent, ConnectionId, DisconnectReason};

const ADDRESSES: [&str; 5] = ["10.0.0.1:1", "10.0.0.2:1", "[::1]:1", "[::2]:1", "name:1"];

struct Run {
    sim: Sim,
    rng: fastrand::Rng,
    /// Names that were once used: late events come under them.
    seen: Vec<ConnectionId>,
}

impl Run {
    fn step(&mut self) {
        let alive: Vec<_> = self.sim.connections.keys().copied().collect();
        self.seen.extend(alive.iter().copied());
        let some = self.rng.choice(alive);
        match self.rng.u32(..100) {
            0..30 => {
                let wait = Duration::from_millis(self.rng.u64(..2_000));
                self.sim.pass(wait);
            }
            30..33 => {
                self.sim.pass(Duration::from_secs(self.rng.u64(..200)));
            }
            33..65 => {
                if let Some(connection) = some {
                    self.live_event(connection);
                }
            }
            65..70 => self.late_event(),
            70..78 => self.update(),
            78..81 => self.sim.unresolved_if_active(),
            81..93 => {
                self.sim.pick();
            }
            93..95 => self.sim.connect(),
            95..97 => {
                self.sim.channel.reset_connect_backoff(self.sim.now);
                self.sim.drain();
            }
            97..98 => {
                self.sim.channel.enter_idle();
                self.sim.drain();
            }
            _ => {}
        }
        self.check();
    }

    fn live_event(&mut self, connection: ConnectionId) {
        let reason = DisconnectReason::Unknown;
        let event = match (self.sim.connections[&connection].1, self.rng.bool()) {
            (Phase::Connecting, true) => ConnectionEvent::Connected,
            (Phase::Connecting, false) => refused(),
            (Phase::Ready, true) => ConnectionEvent::Draining(reason),
            (Phase::Ready, false) | (Phase::Draining, _) => ConnectionEvent::Disconnected(reason),
        };
        self.sim.event(connection, event);
    }

    fn late_event(&mut self) {
        let ended = self.rng.choice(self.seen.clone());
        let ended = ended.filter(|c| !self.sim.connections.contains_key(c));
        let Some(connection) = ended else { return };
        let event = match self.rng.u32(..3) {
            0 => refused(),
            1 => ConnectionEvent::Draining(DisconnectReason::Unknown),
            _ => ConnectionEvent::Disconnected(DisconnectReason::Unknown),
        };
        self.sim.event(connection, event);
    }

    fn update(&mut self) {
        let count = self.rng.usize(..5);
        let addresses: Vec<_> = (0..count)
            .map(|_| ADDRESSES[self.rng.usize(..ADDRESSES.len())])
            .collect();
        let active = self.sim.resolving;
        let verdict = self.sim.resolved(&addresses);
        assert_eq!(verdict.is_err(), active && addresses.is_empty());
    }

    fn check(&mut self) {
        let sim = &self.sim;
        let state = sim.channel.state();
        let count = |phase| {
            let all = sim.connections.values();
            all.filter(|(_, p)| *p == phase).count()
        };
        // pick_first uses one connection at most, and none beside it.
        assert_eq!(count(Phase::Ready), usize::from(state == Ready));
        match state {
            Ready | Idle => assert_eq!(count(Phase::Connecting), 0),
            Connecting => {
                let waits = count(Phase::Connecting) > 0 || sim.channel.poll_timeout().is_some();
                assert!(waits || sim.resolving, "connecting, but nothing goes on");
            }
            TransientFailure | Shutdown => {}
        }
        if let Idle | Ready = state {
            assert_eq!(sim.channel.poll_timeout(), None, "timers rest");
        }
        // No address is tried twice at once.
        let mut attempts = sim.attempts();
        attempts.sort_unstable();
        let all = attempts.len();
        attempts.dedup();
        assert_eq!(attempts.len(), all);
        self.check_picker(state);
    }

    fn check_picker(&self, state: ConnectivityState) {
        let info = PickInfo::new("/s/m");
        let pick = self.sim.picker.pick(&info);
        let wakes = info.take_wakes();
        match (state, &pick) {
            (Idle, Pick::Queue) => assert_eq!(wakes.len(), 1),
            (Connecting, Pick::Queue) => assert!(wakes.is_empty()),
            (Ready, Pick::Subchannel(picked)) => {
                let ready = self.sim.connections.iter().any(|(connection, (_, phase))| {
                    connection.subchannel() == picked.subchannel() && *phase == Phase::Ready
                });
                assert!(ready, "the picked subchannel has no connection");
            }
            (TransientFailure, Pick::Fail(_)) | (Shutdown, Pick::Drop(_)) => {}
            (state, pick) => panic!("{state}: {pick:?}"),
        }
    }
}

impl Sim {
    fn unresolved_if_active(&mut self) {
        self.unresolved(Status::unavailable("look-up failed"));
    }
}

#[test]
fn a_thousand_random_lives_of_a_channel_leak_nothing_and_never_lie() {
    let mut visited = [0usize; 5];
    for seed in 0..1000 {
        let mut run = Run {
            sim: Sim::with("dns:///fleet:1", ChannelConfig::new(seed)),
            rng: fastrand::Rng::with_seed(seed),
            seen: Vec::new(),
        };
        for _ in 0..150 {
            run.step();
            visited[run.sim.channel.state() as usize] += 1;
        }
        run.sim.channel.shutdown();
        run.sim.drain();
        run.check();
        assert!(run.sim.connections.is_empty(), "seed {seed} leaks");
        assert!(!run.sim.resolving);
        assert_eq!(run.sim.channel.poll_timeout(), None);
    }
    let [idle, connecting, ready, failing, shutdown] = visited;
    assert!(idle > 5000 && connecting > 5000 && ready > 5000 && failing > 5000);
    assert_eq!(shutdown, 0);
}

#[test]
fn a_backend_that_is_up_is_always_reached_in_the_end() {
    for seed in 0..300 {
        let mut run = Run {
            sim: Sim::with("dns:///fleet:1", ChannelConfig::new(seed)),
            rng: fastrand::Rng::with_seed(!seed),
            seen: Vec::new(),
        };
        for _ in 0..60 {
            run.step();
        }
        run.sim.connect();
        let up = ADDRESSES[run.rng.usize(..ADDRESSES.len())];
        run.sim.resolved(&["10.9.9.9:1", up]).unwrap();
        // A call keeps waiting; everything but `up` refuses.
        for _ in 0..100 {
            if run.sim.channel.state() == Ready {
                break;
            }
            run.sim.pick();
            let tried: Vec<_> = run.sim.attempts().iter().map(|a| a.to_string()).collect();
            for address in tried {
                match run.sim.of(&address, Phase::Connecting) {
                    Some(_) if address == up => run.sim.accept(&address),
                    Some(_) => run.sim.refuse(&address),
                    None => {}
                }
            }
            run.sim.pass(Duration::from_secs(1));
        }
        assert_eq!(run.sim.channel.state(), Ready, "seed {seed}");
        assert_eq!(run.sim.picked(), up);
    }
}

#[test]
fn the_same_seed_gives_the_same_life() {
    let life = |seed| {
        let mut run = Run {
            sim: Sim::with("dns:///fleet:1", ChannelConfig::new(seed)),
            rng: fastrand::Rng::with_seed(3),
            seen: Vec::new(),
        };
        let mut log = Vec::new();
        for _ in 0..200 {
            run.step();
            let next = run.sim.channel.poll_timeout().map(|at| at - run.sim.start);
            log.push((run.sim.channel.state(), next, run.seen.len()));
        }
        log
    };
    assert_eq!(life(5), life(5));
    assert_ne!(life(5), life(6));
}
