//! What one run is made of. Rows and columns of the table are lists of `key=value` pairs; later ones win.

use std::time::Duration;

/// The runtime of both processes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Runtime {
    Workers(usize),
    CurrentThread,
}

/// How callers reach the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// (a) One task owns it; callers submit.
    Owner,
    /// (b2) Callers lock it and encode; the first of them yields once and flushes.
    Locked,
    /// (c) A caller that finds the driver at rest writes at once; others submit.
    Mixed,
}

/// What the driver does between having something to write and writing it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Yield {
    /// Goes to the back of the run queue by waking itself.
    Once,
    Never,
    /// `tokio::task::yield_now`.
    Tokio,
}

/// Where a server's handlers run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handlers {
    /// Polled where the request was read; in a task if they wait.
    Inline,
    /// Always in a task.
    Spawned,
}

/// How output reaches the socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Write {
    /// `writev` of the machine's chunks.
    Vectored,
    /// All chunks copied into one buffer first.
    Copied,
}

/// Who watches a call's deadline, which is a second away and never passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deadline {
    None,
    /// The connection: one timer for the earliest.
    Lazy,
    /// `tokio::time::timeout` around each call.
    PerCall,
}

/// What the callers do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Load {
    Unary,
    /// Every caller uses two connections in turn.
    TwoConnections,
    /// Streams on which one message goes there and one comes back.
    PingPong,
    /// Streams of messages from the server; a message counts as a call.
    Stream,
    /// Unary calls beside a stream of 64 KiB messages whose reader takes one each millisecond.
    SlowReader,
}

/// What the server's unary handler does before it answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handler {
    Echo,
    /// Sleeps a millisecond.
    Sleep,
    /// Awaits two ready resources that take from tokio's cooperation budget.
    Coop,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) runtime: Runtime,
    pub(crate) shape: Shape,
    pub(crate) yields: Yield,
    /// Events after which a driver lets others run; a unary response makes three.
    pub(crate) turn: usize,
    pub(crate) handlers: Handlers,
    /// Work after which the server writes in the middle of a read batch.
    pub(crate) cut: Option<Duration>,
    /// Whether an inline poll is exempt from the driver's cooperation budget.
    pub(crate) own_budget: bool,
    pub(crate) write: Write,
    pub(crate) tls: bool,
    pub(crate) deadline: Deadline,
    pub(crate) load: Load,
    pub(crate) handler: Handler,
    pub(crate) conns: usize,
    /// Callers, or streams, on each connection.
    pub(crate) callers: usize,
    pub(crate) request: usize,
    pub(crate) response: usize,
    /// Bytes of a stream on their way to the wire above which its sender waits.
    pub(crate) water: usize,
    /// Bytes of a stream that its reader lets come at first.
    pub(crate) window: u32,
    pub(crate) time: Duration,
    /// Server and client each on a core of its own, however many workers they have.
    pub(crate) pinned: bool,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            runtime: Runtime::Workers(1),
            shape: Shape::Owner,
            yields: Yield::Once,
            turn: 384,
            handlers: Handlers::Inline,
            cut: Some(Duration::from_micros(20)),
            own_budget: true,
            write: Write::Vectored,
            tls: false,
            deadline: Deadline::None,
            load: Load::Unary,
            handler: Handler::Echo,
            conns: 1,
            callers: 100,
            request: 0,
            response: 0,
            water: 64 << 10,
            window: 65_535,
            time: Duration::from_millis(500),
            pinned: true,
        }
    }
}

impl Setup {
    /// Reads pairs such as `callers=8`.
    ///
    /// # Errors
    /// Says which pair is not understood.
    pub(crate) fn parse<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Result<Setup, String> {
        let mut setup = Setup::default();
        for pair in pairs {
            let understood = pair
                .split_once('=')
                .and_then(|(key, value)| setup.set(key, value));
            understood.ok_or_else(|| format!("what is {pair:?}?"))?;
        }
        Ok(setup)
    }

    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "runtime" => self.runtime = runtime(value)?,
            "shape" => self.shape = shape(value)?,
            "yield" => self.yields = yields(value)?,
            "handlers" => self.handlers = handlers(value)?,
            "write" => self.write = write(value)?,
            "deadline" => self.deadline = deadline(value)?,
            "load" => self.load = load(value)?,
            "handler" => self.handler = handler(value)?,
            "cut" => self.cut = micros(value)?,
            "budget" => self.own_budget = value.parse().ok()?,
            "pinned" => self.pinned = value.parse().ok()?,
            "tls" => self.tls = value.parse().ok()?,
            "turn" => self.turn = value.parse().ok()?,
            "conns" => self.conns = value.parse().ok()?,
            "callers" => self.callers = value.parse().ok()?,
            "request" => self.request = value.parse().ok()?,
            "response" => self.response = value.parse().ok()?,
            "water" => self.water = value.parse().ok()?,
            "window" => self.window = value.parse().ok()?,
            "time" => self.time = Duration::from_millis(value.parse().ok()?),
            _ => return None,
        }
        Some(())
    }
}

fn micros(value: &str) -> Option<Option<Duration>> {
    match value {
        "none" => Some(None),
        value => Some(Some(Duration::from_micros(value.parse().ok()?))),
    }
}

fn runtime(value: &str) -> Option<Runtime> {
    Some(match value {
        "ct" => Runtime::CurrentThread,
        value => Runtime::Workers(value.strip_prefix("mt")?.parse().ok()?),
    })
}

fn shape(value: &str) -> Option<Shape> {
    Some(match value {
        "owner" => Shape::Owner,
        "locked" => Shape::Locked,
        "mixed" => Shape::Mixed,
        _ => return None,
    })
}

fn yields(value: &str) -> Option<Yield> {
    Some(match value {
        "once" => Yield::Once,
        "never" => Yield::Never,
        "tokio" => Yield::Tokio,
        _ => return None,
    })
}

fn handlers(value: &str) -> Option<Handlers> {
    Some(match value {
        "inline" => Handlers::Inline,
        "spawned" => Handlers::Spawned,
        _ => return None,
    })
}

fn write(value: &str) -> Option<Write> {
    Some(match value {
        "vectored" => Write::Vectored,
        "copied" => Write::Copied,
        _ => return None,
    })
}

fn deadline(value: &str) -> Option<Deadline> {
    Some(match value {
        "none" => Deadline::None,
        "lazy" => Deadline::Lazy,
        "call" => Deadline::PerCall,
        _ => return None,
    })
}

fn load(value: &str) -> Option<Load> {
    Some(match value {
        "unary" => Load::Unary,
        "two" => Load::TwoConnections,
        "pingpong" => Load::PingPong,
        "stream" => Load::Stream,
        "slow" => Load::SlowReader,
        _ => return None,
    })
}

fn handler(value: &str) -> Option<Handler> {
    Some(match value {
        "echo" => Handler::Echo,
        "sleep" => Handler::Sleep,
        "coop" => Handler::Coop,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_pairs_win_and_unknown_ones_are_named() {
        let setup = Setup::parse(["callers=8", "cut=none", "callers=9"]).unwrap();
        assert_eq!((setup.callers, setup.cut), (9, None));
        assert!(Setup::parse(["shape=round"]).unwrap_err().contains("round"));
    }
}
