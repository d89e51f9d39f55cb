//! Each trap that an earlier prototype fell into, as a pair of runs: the product's way beside the trap. The ratio shows
//! that the trap is still there, and the bound that the product's way stays out of it.

use crate::{
    Failure,
    matrix::short,
    run::{Outcome, median, run},
};

struct Trap {
    name: &'static str,
    /// For both runs.
    load: &'static str,
    /// For the second.
    trap: &'static str,
    figure: Figure,
    /// The product's way must stay at or below this …
    bound: f64,
    /// … and at or below the trap's, divided by this.
    factor: f64,
}

#[derive(Clone, Copy)]
enum Figure {
    /// The client's writes in 100 calls.
    Writes,
    /// Its reads, which are the server's writes when that writes little.
    Reads,
    /// CPU microseconds of a call.
    ServerCpu,
    ClientCpu,
    /// Microseconds.
    P99,
}

const TRAPS: [Trap; 8] = [
    Trap {
        name: "The LIFO slot runs a woken driver before the callers that were woken with it",
        load: "",
        trap: "yield=never",
        figure: Figure::Writes,
        bound: 5.0,
        factor: 5.0,
    },
    Trap {
        name: "`yield_now` comes back too early, through the LIFO slot",
        load: "",
        trap: "yield=tokio",
        figure: Figure::Writes,
        bound: 5.0,
        factor: 1.2,
    },
    Trap {
        name: "A driver that is woken by a submission and flushes at once, callers on two connections",
        load: "load=two",
        trap: "yield=never",
        figure: Figure::Writes,
        bound: 10.0,
        factor: 3.0,
    },
    Trap {
        name: "A driver that flushes at once for each of the handlers that a timer wakes together",
        load: "handler=sleep",
        trap: "yield=never",
        figure: Figure::Reads,
        bound: 30.0,
        factor: 1.5,
    },
    Trap {
        name: "More than 256 tasks woken at once spill into the shared queue",
        load: "callers=1000",
        trap: "turn=1000000",
        figure: Figure::P99,
        bound: f64::INFINITY,
        factor: 1.2,
    },
    Trap {
        name: "Handlers use up the driver's cooperation budget and are spawned for nothing",
        load: "handler=coop",
        trap: "budget=false",
        figure: Figure::ServerCpu,
        bound: f64::INFINITY,
        factor: 1.08,
    },
    Trap {
        name: "A timer for each call",
        load: "deadline=lazy",
        trap: "deadline=call",
        figure: Figure::ClientCpu,
        bound: f64::INFINITY,
        factor: 1.05,
    },
    Trap {
        name: "A task for each call",
        load: "",
        trap: "handlers=spawned",
        figure: Figure::ServerCpu,
        bound: f64::INFINITY,
        factor: 1.2,
    },
];

impl Figure {
    fn of(self, outcome: &Outcome) -> f64 {
        match self {
            Figure::Writes => outcome.writes * 100.0,
            Figure::Reads => outcome.reads * 100.0,
            Figure::ServerCpu => outcome.server,
            Figure::ClientCpu => outcome.client,
            Figure::P99 => outcome.p99,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Figure::Writes => "writes in 100 calls",
            Figure::Reads => "reads in 100 calls",
            Figure::ServerCpu => "µs of the server",
            Figure::ClientCpu => "µs of the client",
            Figure::P99 => "µs p99",
        }
    }
}

/// Measures every trap and prints a line for each.
///
/// # Errors
/// A run failed, or the product's way is in a trap.
pub(crate) fn measure(rounds: usize, pairs: &[&str]) -> Result<(), Failure> {
    let mut caught = Vec::new();
    for trap in &TRAPS {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let load = trap.load.split_whitespace().chain(pairs.iter().copied());
            let load: Vec<&str> = load.collect();
            ours.push(run(&load)?);
            theirs.push(run(&[&load[..], &[trap.trap]].concat())?);
        }
        let ours = trap.figure.of(&median(&ours));
        let theirs = trap.figure.of(&median(&theirs));
        let good = ours <= trap.bound && ours * trap.factor <= theirs;
        println!(
            "{} {}: {} {}, with the trap {}: ratio {}",
            if good { "ok  " } else { "TRAP" },
            trap.name,
            short(ours),
            trap.figure.unit(),
            short(theirs),
            short(theirs / ours),
        );
        if !good {
            caught.push(trap.name);
        }
    }
    match caught.len() {
        0 => Ok(()),
        count => Err(format!("caught in {count}, or a trap is gone: {caught:?}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::Setup;

    #[test]
    fn every_trap_is_understood() {
        for trap in &TRAPS {
            let pairs = trap.load.split_whitespace().chain([trap.trap]);
            Setup::parse(pairs).unwrap_or_else(|error| panic!("{}: {error}", trap.name));
        }
    }
}
