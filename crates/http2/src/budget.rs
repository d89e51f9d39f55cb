//! What a peer may do that costs us more than it: the kinds of such acts and how much of each is allowed.

use crate::error::PeerMisbehaved;

/// A kind of frame, or of fault, that costs the receiver more than the sender. Each has a [`Budget`] per connection, which time
/// refills, and for most of them useful work too.
///
/// The answer comes in steps. Half of the budget is free: the act is answered as RFC 9113 says. Beyond it the budget is
/// refilled first, and when that leaves it more than half spent, [`reads_paused`](crate::Connection::reads_paused) asks the
/// driver to leave the socket alone for up to 50 ms, so that time can refill it. When it is used up, the connection ends with
/// GOAWAY(ENHANCE_YOUR_CALM), whose debug text is the [crime](Act::crime)'s sentence.
///
/// The defaults leave ordinary peers far away from every edge.
///
/// ```
/// use farcall_http2::{Act, Budget, Config, PeerMisbehaved};
///
/// assert_eq!(Act::Reset.crime(), PeerMisbehaved::TooManyResets);
/// let mut config = Config::default();
/// assert_eq!(config.budgets.of(Act::Reset), Budget { burst: 2000, per_second: 1000 });
/// config.budgets.set(Act::Reset, Budget { burst: 200, per_second: 100 });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Act {
    /// RST_STREAM on a stream that the server was working on (rapid reset, CVE-2023-44487). Earned back by each stream that
    /// ends as it should. Clients count it and have no limit: they choose what they open. Default 2,000 and 1,000 a second.
    Reset,
    /// A stream that had to be reset for the peer's fault (MadeYouReset, CVE-2025-8671). Earned back by each stream that
    /// ends as it should. Default 1,000 and 100 a second.
    StreamError,
    /// A request that was refused with REFUSED_STREAM: beyond the limit of streams, of header memory, or of responses that
    /// nobody reads. Earned back by each stream that ends as it should. Default 10,000 and 1,000 a second.
    Refusal,
    /// SETTINGS, each of which is acknowledged (CVE-2019-9515); one more for every 32 parameters in it.
    /// Default 100 and 10 a second.
    Settings,
    /// PING, each of which is answered (CVE-2019-9512). Earned back by each DATA and header list in either direction, since
    /// peers measure the path with PINGs. Default 1,000 and 100 a second. What servers allow for keepalive is stricter:
    /// [`Config::min_ping_interval`](crate::Config::min_ping_interval).
    Ping,
    /// DATA without payload and without END_STREAM (CVE-2019-9518, RUSTSEC-2026-0258). Default 1,000 and 100 a second.
    EmptyData,
    /// DATA with one to four bytes of payload and without END_STREAM: less than the prefix of a gRPC message (CVE-2026-84304).
    /// Earned back by each larger DATA and each header list. Default 10,000 and 1,000 a second.
    TinyData,
    /// DATA of less than 256 bytes that we had to send although more was there, because the peer opened its window by no
    /// more (data dribble, CVE-2019-9511). Earned back by every other DATA and header list. Default 1,000 and 100 a second.
    Dribble,
    /// DATA and header lists on streams that we reset. Each of our resets earns as many back as may have been on their way:
    /// what the window of its stream allowed, in messages of five bytes. Default 10,000 and 1,000 a second.
    Late,
    /// GOAWAY. Default 20 and 1 a second.
    GoAway,
    /// Any other frame that does no work: PRIORITY (CVE-2019-9513), unknown types, WINDOW_UPDATE, RST_STREAM on streams that
    /// are gone, interim responses, CONTINUATION of less than 1 KiB, PING answers to nothing. Each DATA and header list in
    /// either direction earns two back, and so does each KiB that was sent one. Default 10,000 and 1,000 a second.
    Idle,
}

/// How often an act is allowed: `burst` times at once, and `per_second` in the long run, beside what useful work earns.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Budget {
    /// Times in a row; the next one ends the connection. Reading is slowed down from half of it on.
    pub burst: u32,
    /// What comes back with time.
    pub per_second: u32,
}

/// The [`Budget`] of each [`Act`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Budgets {
    list: [Budget; Act::COUNT],
}

impl Act {
    /// Every act there is.
    pub const ALL: &[Act] = &[
        Act::Reset,
        Act::StreamError,
        Act::Refusal,
        Act::Settings,
        Act::Ping,
        Act::EmptyData,
        Act::TinyData,
        Act::Dribble,
        Act::Late,
        Act::GoAway,
        Act::Idle,
    ];

    pub(crate) const COUNT: usize = Act::ALL.len();

    /// What it is called when its budget is used up.
    pub const fn crime(self) -> PeerMisbehaved {
        match self {
            Act::Reset => PeerMisbehaved::TooManyResets,
            Act::StreamError => PeerMisbehaved::TooManyStreamErrors,
            Act::Refusal => PeerMisbehaved::TooManyRefusals,
            Act::Settings => PeerMisbehaved::TooManySettings,
            Act::Ping => PeerMisbehaved::TooManyPings,
            Act::EmptyData => PeerMisbehaved::TooManyEmptyFrames,
            Act::TinyData => PeerMisbehaved::TooManyTinyFrames,
            Act::Dribble => PeerMisbehaved::TooManyDribbles,
            Act::Late => PeerMisbehaved::TooManyLateFrames,
            Act::GoAway => PeerMisbehaved::TooManyGoAways,
            Act::Idle => PeerMisbehaved::TooManyIdleFrames,
        }
    }
}

impl Budget {
    const fn new(burst: u32, per_second: u32) -> Budget {
        Budget { burst, per_second }
    }

    /// How much of it is free of any reaction.
    #[inline]
    pub(crate) const fn free(self) -> u32 {
        self.burst - self.burst / 2
    }
}

impl Budgets {
    /// The budget of `act`.
    #[inline]
    pub const fn of(&self, act: Act) -> Budget {
        self.list[act as usize]
    }

    /// Changes the budget of `act`. A low one lets ordinary peers trip it; see [`Act`] for what the act is.
    pub fn set(&mut self, act: Act, budget: Budget) {
        self.list[act as usize] = budget;
    }
}

impl Default for Budgets {
    fn default() -> Budgets {
        let of = |act: &Act| match act {
            Act::Reset => Budget::new(2000, 1000),
            Act::StreamError | Act::Ping | Act::EmptyData | Act::Dribble => Budget::new(1000, 100),
            Act::Refusal | Act::TinyData | Act::Late | Act::Idle => Budget::new(10_000, 1000),
            Act::Settings => Budget::new(100, 10),
            Act::GoAway => Budget::new(20, 1),
        };
        let mut list = [Budget::new(0, 0); Act::COUNT];
        for act in Act::ALL {
            list[*act as usize] = of(act);
        }
        Budgets { list }
    }
}
