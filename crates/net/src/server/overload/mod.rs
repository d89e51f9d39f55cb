//! What a server does with more calls than it can answer in time: it refuses some, so that the others are answered.

mod gate;
mod gradient;

pub(crate) use gate::{Gate, Gates, Permit};

use farcall_core::Code;
use std::time::Duration;

/// How many calls a server handles at a time, over all its connections, and what those get that are too many. See
/// [`Server::overload`](crate::Server::overload).
///
/// Without a limit a server that is offered more than it can do answers everything late: its queue grows until callers give up, and the
/// work for those who did is lost. With one it does what it can, and says no to the rest at once, for a small part of the price.
///
/// ```
/// use farcall::{Code, server::Overload};
/// use std::time::Duration;
///
/// let fixed = Overload::fixed(200).code(Code::ResourceExhausted);
/// let adaptive = Overload::adaptive().between(8, 500).pushback(Duration::from_millis(100));
/// # let _ = (fixed, adaptive);
/// ```
#[derive(Clone, Debug)]
pub struct Overload {
    limit: Limit,
    code: Code,
    pushback: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    Fixed(usize),
    Adaptive { min: usize, max: usize },
}

impl Overload {
    /// At most so many calls, at least one.
    pub fn fixed(calls: usize) -> Overload {
        Overload::new(Limit::Fixed(calls.max(1)))
    }

    /// As many calls as do not slow each other down by much more than a factor of two: 20 times a second the mean of how long the handlers of
    /// each method took is compared with its lowest so far, and the limit moved (a gradient on latency). For handlers that compute, or
    /// whose backends become slow under load. Once a second, while they are slower than that, the limit is cut to a half for an instant, to
    /// tell calls that wait for each other from calls that have become slow by themselves. Default: between 4 and 1,000 calls, beginning with 4.
    pub fn adaptive() -> Overload {
        Overload::new(Limit::Adaptive { min: 4, max: 1000 })
    }

    fn new(limit: Limit) -> Overload {
        Overload {
            limit,
            code: Code::Unavailable,
            pushback: None,
        }
    }

    /// (adaptive) The least and the most that the limit may be. No effect on a fixed one, which is both.
    pub fn between(mut self, min: usize, max: usize) -> Overload {
        if let Limit::Adaptive { .. } = self.limit {
            let min = min.max(1);
            let max = max.max(min);
            self.limit = Limit::Adaptive { min, max };
        }
        self
    }

    /// What refused calls end with. Default `UNAVAILABLE`, upon which callers may try another server; `RESOURCE_EXHAUSTED` says that they
    /// should not.
    pub fn code(mut self, code: Code) -> Overload {
        self.code = code;
        self
    }

    /// Asks callers whose retry policy lets them try again to wait so long (`grpc-retry-pushback-ms`, gRFC A6). Default: it is left to
    /// them.
    pub fn pushback(mut self, pause: Duration) -> Overload {
        self.pushback = Some(pause);
        self
    }
}
