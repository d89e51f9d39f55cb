//! How many connections there are, what they may cost and how long they last.

use super::Server;
use crate::{
    clock,
    error::MIN_UNREAD_REPLIES,
    peer::{Act, Budget, PeerReports},
};
use std::time::Duration;

impl Server {
    /// Calls that one connection may have open at a time; advertised (RFC 9113 §6.5.2). More are refused with
    /// `REFUSED_STREAM`. Also the number of handlers that one connection keeps busy, those of reset calls included.
    /// Default 1,000.
    pub fn max_concurrent_streams(mut self, streams: u32) -> Self {
        self.http2.max_concurrent_streams = streams;
        self
    }

    /// Size of received header lists (names, values and 32 bytes per field), in bytes; advertised. Default 8 KiB.
    pub fn max_header_list_size(mut self, bytes: u32) -> Self {
        self.http2.max_header_list_size = bytes;
        self
    }

    /// What HPACK may remember of the headers that a connection receives, in bytes (counted as for header lists; RFC 7541 §4.1); advertised
    /// (SETTINGS_HEADER_TABLE_SIZE). Default 4,096. More helps callers whose metadata is long and always the same, as they send it once
    /// for each connection then; each connection can make the server hold that much. 0: they send everything in full.
    pub fn header_table_size(mut self, bytes: u32) -> Self {
        self.http2.header_table_size = bytes;
        self
    }

    /// Connections that the server has open at a time, over all its [shards](Server::shards), those that shake hands
    /// included. One more is accepted and closed at once, so that its client tries another server rather than waiting in
    /// the system's queue; nothing is read from it, and the log says so once a second. Default 100,000: mostly the process's
    /// limit of file descriptors comes first, and when that is reached new connections wait.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Connections that one client address has open at a time, as [`max_connections`](Server::max_connections) of all
    /// addresses. Addresses of IPv6 count as one if their first 64 bits are the same; Unix sockets have no such limit. Default:
    /// none, since all clients behind a proxy or a translating router share an address.
    pub fn max_connections_per_address(mut self, connections: usize) -> Self {
        self.max_of_address = connections;
        self
    }

    /// How long a new connection may take to get ready: from its acceptance through its TLS handshake to its HTTP/2
    /// preface. Default 20 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout.min(clock::FOREVER);
        self
    }

    /// Connections that get ready (see [`handshake_timeout`](Server::handshake_timeout)) at a time; of each shard, if there
    /// are several. Others wait for their turn, and each that waits ends one that has taken more than 3 s. Default 512.
    /// Each costs some 50 KiB while its TLS handshake goes on.
    pub fn max_concurrent_handshakes(mut self, connections: usize) -> Self {
        self.max_handshakes = connections;
        self
    }

    /// How long a connection may be without calls, from its making or the end of its last call; then its client is told to go away
    /// (GOAWAY, "max_idle") and the connection ends. Default: for ever. Too short: clients that call now and then pay for a new
    /// connection each time.
    ///
    /// ```
    /// use farcall::Server;
    /// use std::time::Duration;
    ///
    /// let server = Server::builder()
    ///     .max_connection_idle(Duration::from_secs(15 * 60))
    ///     .max_connection_age(Duration::from_secs(30 * 60))
    ///     .max_connection_age_grace(Duration::from_secs(60));
    /// # let _ = server;
    /// ```
    pub fn max_connection_idle(mut self, limit: Duration) -> Self {
        self.lifetimes.idle = Some(limit.min(clock::FOREVER));
        self
    }

    /// How long a connection may last, give or take a tenth by chance (gRFC A9); then its client is told to go away (GOAWAY, "max_age"),
    /// its handlers [hear of it](crate::Request::draining), and open calls go on for the
    /// [grace](Server::max_connection_age_grace). Default: for ever. With it clients look for their backends again now and then, which
    /// spreads them after servers were added. Too short: handshakes are what the server is busy with.
    pub fn max_connection_age(mut self, limit: Duration) -> Self {
        self.lifetimes.age = Some(limit.min(clock::FOREVER));
        self
    }

    /// How long open calls may go on after the [age](Server::max_connection_age) of their connection; then they are cut, and their
    /// callers see `UNAVAILABLE`. Default: for ever. Too short: long streams never come to their end.
    pub fn max_connection_age_grace(mut self, grace: Duration) -> Self {
        self.lifetimes.grace = Some(grace.min(clock::FOREVER));
        self
    }

    /// How often clients may send keepalive PINGs: once in `min_interval`, and while they have no call open not more often
    /// than every 2 hours, unless `without_calls`. PINGs between which DATA or header lists were sent do not count. Two that
    /// come early are forgiven; the third ends the connection with GOAWAY(ENHANCE_YOUR_CALM, "too_many_pings") (gRFC A8,
    /// A9). Default: 5 minutes, not without calls.
    pub fn keepalive_enforcement(mut self, min_interval: Duration, without_calls: bool) -> Self {
        self.http2.min_ping_interval = min_interval;
        self.http2.allow_pings_without_streams = without_calls;
        self
    }

    /// How often a client may do what costs the server more than it, see [`Act`] for each and its default. Beyond it the
    /// connection ends with GOAWAY(ENHANCE_YOUR_CALM).
    pub fn peer_budget(mut self, act: Act, budget: Budget) -> Self {
        self.http2.budgets.set(act, budget);
        self
    }

    /// Frames that a client makes the server write (answers to PING and SETTINGS, resets) and leaves unread, on each
    /// connection. From a quarter of it on nothing more is read from the client; beyond it the connection ends with
    /// GOAWAY(ENHANCE_YOUR_CALM). Default 2,000, at least 8. A low one ends connections of clients that cancel much on slow
    /// links.
    pub fn max_unread_replies(mut self, frames: u32) -> Self {
        self.http2.max_unread_replies = frames.max(MIN_UNREAD_REPLIES);
        self
    }

    /// Bytes that the server has ready for a client's socket and the client does not read; while there are as many, nothing
    /// more is read from that client, since every request would add to them. Default 1 MiB; 0 is taken for 1. A low one lets clients wait that
    /// send much before they read; a high one costs as much memory for each connection.
    pub fn max_unread_output(mut self, bytes: usize) -> Self {
        self.http2.max_unread_output = bytes.max(1);
        self
    }

    /// CONTINUATION frames that a client may cut one header list into; one more is allowed for every 4 KiB of the size of
    /// lists that is accepted. More end the connection with GOAWAY(ENHANCE_YOUR_CALM) (CVE-2024-27316). Default 16.
    pub fn max_continuations(mut self, frames: u32) -> Self {
        self.http2.max_continuations = frames;
        self
    }

    /// How long a client may take for one header list, from its HEADERS to its last CONTINUATION; then the connection ends
    /// with GOAWAY(ENHANCE_YOUR_CALM). Default 20 s. No call of the connection goes on meanwhile. Too short: clients on bad
    /// links lose their connection.
    pub fn header_block_timeout(mut self, timeout: Duration) -> Self {
        self.http2.header_block_timeout = timeout.min(clock::FOREVER);
        self
    }

    /// Counters of what this server's clients will do wrong, and of what is done about it. To be taken before the server
    /// is served, and read at any time; [`Bound`](crate::server::Bound) and [`Unbound`](crate::server::Unbound) give them too.
    pub fn peer_reports(&self) -> PeerReports {
        self.reports.clone()
    }

    /// Header lists of a connection's open calls together, in bytes (names, values and 32 bytes per field); further calls
    /// are refused with `REFUSED_STREAM`. Default 8 MiB.
    pub fn max_header_memory(mut self, bytes: usize) -> Self {
        self.http2.header_budget = bytes;
        self
    }

    /// Responses that wait for a client to read them, in bytes of all calls of a connection: beyond it further calls are
    /// refused with `REFUSED_STREAM`, and if the client then reads less than 64 KiB in `patience`, the connection ends.
    /// Default 64 MiB and 60 s. What handlers make is taken whatever it comes to.
    pub fn max_unread_responses(mut self, bytes: usize, patience: Duration) -> Self {
        self.http2.send_budget = bytes;
        self.http2.stuck_timeout = patience.min(clock::FOREVER);
        self
    }

    /// Receive windows of streams and connections in bytes, fixed: the bandwidth-delay product is not estimated.
    /// Default: 256 KiB and 1 MiB at the start, growing with the estimate. A stream's from 1, a connection's from 65,535, to
    /// 2^31−1 bytes, else [`bind`](Server::bind) fails. A connection can make the server hold as much as its window, and
    /// 16 MiB in any case.
    ///
    /// The last of this and [`initial_windows`](Server::initial_windows) counts.
    pub fn static_windows(mut self, stream: u32, connection: u32) -> Self {
        self.http2.initial_stream_window = stream;
        self.http2.initial_connection_window = connection;
        self.http2.adaptive_window = false;
        self
    }

    /// Receive windows of streams and connections at the start, in bytes, from which they grow with the estimate of the bandwidth-delay product.
    /// Default 256 KiB and 1 MiB; what is allowed is as for [`static_windows`](Server::static_windows), the last of which and this counts. Larger
    /// ones spare the first calls of far clients the growing; smaller ones make slow handlers hold less.
    pub fn initial_windows(mut self, stream: u32, connection: u32) -> Self {
        self.http2.initial_stream_window = stream;
        self.http2.initial_connection_window = connection;
        self.http2.adaptive_window = true;
        self
    }

    /// Checks a silent client with a PING after `interval` and gives it `timeout` to answer, else the connection ends
    /// (gRFC A8). Default: 2 h and 20 s. `interval` below 1 s is raised to 1 s. On Linux `timeout` is also how long written
    /// bytes may stay unacknowledged, or the client's receive buffer full (TCP_USER_TIMEOUT, gRFC A18).
    pub fn keepalive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.http2.keepalive_interval =
            Some(interval.clamp(Duration::from_secs(1), clock::FOREVER));
        self.http2.keepalive_timeout = timeout.min(clock::FOREVER);
        self
    }
}
