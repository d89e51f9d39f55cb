//! A life as a list of steps, that can be written down, read again and made shorter.

use farcall_testkit::Rng;
use std::{fmt, str::FromStr};

/// What happens in a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The client opens a stream.
    Open,
    /// A message on some stream.
    Message,
    /// One side of some stream says that it is done.
    Finish,
    /// A response's head.
    Head,
    /// Some stream is reset.
    Reset,
    /// One side sends a PING.
    Ping,
    /// One side stops reading from its socket, or goes on.
    Stall,
    /// Everything comes to rest, and the books are compared.
    Settle,
    /// One side drains.
    Drain,
    /// One side shuts down.
    Shutdown,
    /// The connection is lost.
    Lose,
    /// The connection is cut after an exact number of bytes.
    Cut,
    /// What one side writes vanishes.
    HalfOpen,
    /// Nothing arrives anywhere for some seconds.
    Partition,
    /// The clock jumps.
    Jump,
}

use Kind::{
    Cut, Drain, Finish, HalfOpen, Head, Jump, Lose, Message, Open, Partition, Ping, Reset, Settle,
    Shutdown, Stall,
};

const NAMES: [(Kind, &str); 15] = [
    (Open, "open"),
    (Message, "message"),
    (Finish, "finish"),
    (Head, "head"),
    (Reset, "reset"),
    (Ping, "ping"),
    (Stall, "stall"),
    (Settle, "settle"),
    (Drain, "drain"),
    (Shutdown, "shutdown"),
    (Lose, "lose"),
    (Cut, "cut"),
    (HalfOpen, "half-open"),
    (Partition, "partition"),
    (Jump, "jump"),
];

/// A step: what happens, and from what number everything follows that the kind leaves open (which stream, how long, …).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// What happens.
    pub kind: Kind,
    /// The source of what is left open.
    pub salt: u64,
}

/// A whole life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// Decides the configurations, the network and the order of what may happen at one instant.
    pub seed: u64,
    /// In order.
    pub steps: Vec<Step>,
}

impl Script {
    /// The script that belongs to a seed.
    pub fn of_seed(seed: u64) -> Script {
        let mut rng = Rng::new(seed ^ 0x5eed_5c21_b700_0000);
        let len = rng.range(20..120);
        let mut steps: Vec<Step> = (0..len)
            .map(|_| Step {
                kind: ordinary(&mut rng),
                salt: rng.next_u64(),
            })
            .collect();
        // Seldom things, at most once in a life.
        for (kind, percent) in [
            (Lose, 10),
            (Cut, 10),
            (HalfOpen, 8),
            (Drain, 15),
            (Shutdown, 5),
            (Jump, 20),
            (Partition, 20),
        ] {
            if rng.chance(percent) {
                let at = rng.range(0..steps.len());
                steps[at].kind = kind;
            }
        }
        Script { seed, steps }
    }

    /// Leaves out steps as long as `fails` holds of what is left.
    pub fn shrink(self, fails: impl Fn(&Script) -> bool) -> Script {
        let (mut best, mut chunk) = (self, usize::MAX);
        while chunk > 0 && !best.steps.is_empty() {
            chunk = chunk.min(best.steps.len());
            let mut at = 0;
            while at < best.steps.len() {
                let mut shorter = best.clone();
                shorter.steps.drain(at..(at + chunk).min(best.steps.len()));
                if fails(&shorter) {
                    best = shorter;
                } else {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
        best
    }
}

fn ordinary(rng: &mut Rng) -> Kind {
    match rng.range(0..100) {
        0..22 => Open,
        22..58 => Message,
        58..69 => Finish,
        69..77 => Reset,
        77..81 => Ping,
        81..84 => Stall,
        84..88 => Settle,
        _ => Head,
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(kind, _)| *kind == self.kind);
        write!(f, "{} {:x}", name.map_or("?", |(_, name)| name), self.salt)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl FromStr for Script {
    type Err = String;

    /// Reads what `Display` writes; empty lines and those that begin with `#` are skipped.
    fn from_str(text: &str) -> Result<Script, String> {
        let lines = text.lines().map(str::trim);
        let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let seed = lines
            .next()
            .and_then(|line| line.strip_prefix("seed ")?.parse().ok());
        let seed = seed.ok_or("a script begins with `seed` and a number")?;
        let step = |line: &str| {
            let (name, salt) = line.split_once(' ')?;
            let (kind, _) = NAMES.iter().find(|(_, known)| *known == name)?;
            let salt = u64::from_str_radix(salt, 16).ok()?;
            Some(Step { kind: *kind, salt })
        };
        let steps = lines.map(|line| step(line).ok_or(format!("not a step: {line}")));
        Ok(Script {
            seed,
            steps: steps.collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_can_be_written_down_and_read_again() {
        for seed in 0..200 {
            let script = Script::of_seed(seed);
            let text = format!("# found on a Monday\n\n{script}");
            assert_eq!(text.parse(), Ok(script));
        }
        assert!("open 1".parse::<Script>().is_err());
        assert!("seed 1\nfly 1".parse::<Script>().is_err());
    }

    #[test]
    fn a_shrunk_script_holds_what_it_needs_to_fail_and_nothing_else() {
        let script = Script::of_seed(1);
        let needed = [script.steps[3], script.steps[17]];
        let shrunk = script.shrink(|script| needed.iter().all(|step| script.steps.contains(step)));
        assert_eq!(shrunk.steps, needed);
    }
}
