//! What can be said about single connections: windows, keepalive, and what a server may cost.

use super::ChannelBuilder;
use crate::{
    clock,
    error::{ConfigError, MIN_UNREAD_REPLIES},
    peer::{Act, Budget},
};
use farcall_core::backoff::BackoffConfig;
use std::time::Duration;

impl ChannelBuilder {
    /// The pauses between attempts to connect to one address that fail in a row, each counted from the start of an attempt: `first`, then
    /// `factor` times as long each time up to `longest`, spread by ± 20 %; a connection that gets ready ends the series. Default 1 s, 1.6 and
    /// 120 s (gRPC's connection-backoff document). Shorter ones find a server that comes back sooner, and all clients of one that is down
    /// knock at it so much more often. A `first` that is longer than `longest` is as `longest`. A pause of zero, and a factor that is below 1 or
    /// no number, are errors of [`build`](ChannelBuilder::build).
    ///
    /// ```
    /// use farcall::Channel;
    /// use std::time::Duration;
    ///
    /// let builder = || Channel::builder("dns:///shop:50051").insecure();
    /// let (first, longest) = (Duration::from_millis(100), Duration::from_secs(10));
    /// assert!(builder().connect_backoff(first, 2.0, longest).build().is_ok());
    /// assert!(builder().connect_backoff(first, 0.5, longest).build().is_err());
    /// assert!(builder().connect_backoff(Duration::ZERO, 2.0, longest).build().is_err());
    /// ```
    pub fn connect_backoff(mut self, first: Duration, factor: f64, longest: Duration) -> Self {
        self.connect_backoff.base_delay = first;
        self.connect_backoff.multiplier = factor;
        self.connect_backoff.max_delay = longest;
        self
    }

    /// Size of received header lists (names, values and 32 bytes per field), in bytes; advertised to servers.
    /// Default 8 KiB.
    pub fn max_header_list_size(mut self, bytes: u32) -> Self {
        self.http2.max_header_list_size = bytes;
        self
    }

    /// Receive windows of streams and connections in bytes, fixed: the bandwidth-delay product is not estimated.
    /// Default: 256 KiB and 1 MiB at the start, growing with the estimate. A stream's from 1, a connection's from 65,535, to
    /// 2^31−1 bytes, else [`build`](ChannelBuilder::build) fails. A connection can make this end hold as much as its window,
    /// and 16 MiB in any case.
    ///
    /// The last of this and [`initial_windows`](ChannelBuilder::initial_windows) counts.
    pub fn static_windows(mut self, stream: u32, connection: u32) -> Self {
        self.http2.initial_stream_window = stream;
        self.http2.initial_connection_window = connection;
        self.http2.adaptive_window = false;
        self
    }

    /// Receive windows of streams and connections at the start, in bytes, from which they grow with the estimate of the bandwidth-delay product.
    /// Default 256 KiB and 1 MiB; what is allowed is as for [`static_windows`](ChannelBuilder::static_windows), the last of which and this
    /// counts. Larger ones spare the first large responses of far servers the growing.
    pub fn initial_windows(mut self, stream: u32, connection: u32) -> Self {
        self.http2.initial_stream_window = stream;
        self.http2.initial_connection_window = connection;
        self.http2.adaptive_window = true;
        self
    }

    /// Checks a silent server with a PING after `interval` and gives it `timeout` to answer; else the connection ends
    /// and its calls fail with `UNAVAILABLE`. Only while calls are open, unless `without_calls`. Default off. Values of
    /// `interval` below 10 s are raised to 10 s (gRFC A8): servers end connections that ping more often. When one does, with
    /// GOAWAY "too_many_pings", the connections made after that ping half as often.
    pub fn keepalive(mut self, interval: Duration, timeout: Duration, without_calls: bool) -> Self {
        self.http2.keepalive_interval =
            Some(interval.clamp(Duration::from_secs(10), clock::FOREVER));
        self.http2.keepalive_timeout = timeout.min(clock::FOREVER);
        self.http2.keepalive_without_streams = without_calls;
        self
    }

    /// Trades CPU for latency: a connection with nothing to do asks for input again and again for at most `limit` before
    /// its task goes to sleep. Default zero: it sleeps at once. At most 1 ms; 25 µs is a good value.
    ///
    /// For calls that are answered faster than a core falls asleep and is woken, which takes tens of microseconds on many
    /// virtual machines. Best when the server does it too.
    /// Measured there with 25 µs on both sides, one call at a time: the median went from 55 to 12 µs, the CPU of a call from 23
    /// to 12 µs on each side; with 100 calls at a time there was nothing to gain (CPU +10 % on the server).
    /// The price is CPU: up to `limit` of a core for each wait that is longer than that. It is bounded for each worker
    /// thread: one connection at a time polls, and after a time in vain the next eight waits of that thread are
    /// without. Of no use where waits are long or connections many.
    pub fn poll_before_sleeping(mut self, limit: Duration) -> Self {
        self.polling = limit;
        self
    }

    /// How often a server may do what costs the channel more than it, see [`Act`] for each and its default. Beyond it the
    /// connection ends with GOAWAY(ENHANCE_YOUR_CALM).
    pub fn peer_budget(mut self, act: Act, budget: Budget) -> Self {
        self.http2.budgets.set(act, budget);
        self
    }

    /// Frames that a server makes the channel write (answers to PING and SETTINGS, resets) and leaves unread, on each
    /// connection. From a quarter of it on nothing more is read from the server; beyond it the connection ends with
    /// GOAWAY(ENHANCE_YOUR_CALM). Default 2,000, at least 8.
    pub fn max_unread_replies(mut self, frames: u32) -> Self {
        self.http2.max_unread_replies = frames.max(MIN_UNREAD_REPLIES);
        self
    }

    /// CONTINUATION frames that a server may cut one header list into; one more is allowed for every 4 KiB of the size of
    /// lists that is accepted. More end the connection with GOAWAY(ENHANCE_YOUR_CALM) (CVE-2024-27316). Default 16.
    pub fn max_continuations(mut self, frames: u32) -> Self {
        self.http2.max_continuations = frames;
        self
    }

    /// How long a server may take for one header list, from its HEADERS to its last CONTINUATION; then the connection ends
    /// with GOAWAY(ENHANCE_YOUR_CALM). Default 20 s. No call of the connection goes on meanwhile. Too short: connections
    /// over bad links are lost.
    pub fn header_block_timeout(mut self, timeout: Duration) -> Self {
        self.http2.header_block_timeout = timeout.min(clock::FOREVER);
        self
    }
}

/// What was said about pauses between attempts to connect.
///
/// # Errors
/// They would become shorter, or there are none.
pub(super) fn checked_backoff(backoff: BackoffConfig) -> Result<BackoffConfig, ConfigError> {
    for (name, pause) in [
        ("first", backoff.base_delay),
        ("longest", backoff.max_delay),
    ] {
        if pause.is_zero() {
            return Err(ConfigError::new(format!(
                "connect_backoff: the {name} pause is zero; there must be one"
            )));
        }
    }
    match backoff.multiplier {
        factor if factor.is_finite() && factor >= 1.0 => Ok(backoff),
        factor => Err(ConfigError::new(format!(
            "connect_backoff: the factor is {factor}; it must be at least 1"
        ))),
    }
}
