//! The knobs of one connection.

use crate::budget::Budgets;
use std::time::Duration;

/// Settings and limits of one [`Connection`](crate::Connection). Both roles use the same set.
///
/// Everything that a peer can make us hold has a finite default.
///
/// ```
/// use farcall_http2::{Config, Connection};
///
/// let mut config = Config::default();
/// config.max_concurrent_streams = 100;
/// config.adaptive_window = false; // static windows
/// let server = Connection::server(config, std::time::Instant::now());
/// # drop(server);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Streams that the peer may have open at a time; advertised (RFC 9113 §6.5.2). Default 1,000.
    pub max_concurrent_streams: u32,
    /// Streams that we open before the peer's SETTINGS say how many it allows. Default 100.
    pub initial_max_send_streams: u32,
    /// Receive window of a new stream in bytes; advertised. Default 256 KiB; grows with the bandwidth-delay
    /// product when [`adaptive_window`](Config::adaptive_window) is on.
    pub initial_stream_window: u32,
    /// Receive window of the connection in bytes at the start. Default 1 MiB.
    pub initial_connection_window: u32,
    /// Estimate the bandwidth-delay product and let windows grow. Default on.
    pub adaptive_window: bool,
    /// Bytes received on all streams and not yet released by the reader that the connection holds before it
    /// stops returning credit: the memory one connection's unread data can take. Default 16 MiB.
    pub receive_budget: usize,
    /// Largest frame payload we accept; advertised. Between 16,384 and 16,777,215, other values are taken for the
    /// nearer of these. Default 16,384, the smallest: DATA of
    /// any size is handed on as it arrives and costs the same, and larger header frames help attackers only.
    pub max_frame_size: u32,
    /// Largest DATA payload that we send at once even if the peer allows more: the grain of fairness
    /// between streams. Default 64 KiB.
    pub send_quantum: usize,
    /// Bytes buffered for sending on one stream above which the sender should wait. Default 64 KiB.
    pub send_high_water: usize,
    /// Size of a received header list (names, values and 32 per field) that peers are asked not to pass;
    /// advertised (RFC 9113 §6.5.2). Default 8 KiB.
    pub max_header_list_size: u32,
    /// Size above which a received header list is refused: the advertised size is advice, and not every
    /// peer looks at it. A smaller value than the advertised one means that one. The answer is
    /// RST_STREAM(ENHANCE_YOUR_CALM), which gRPC knows as RESOURCE_EXHAUSTED; a block of more than four times this
    /// ends the connection. Default 16 KiB.
    pub accepted_header_list_size: u32,
    /// Number of fields in a received header list. Default 128.
    pub max_header_count: usize,
    /// Header lists of all requests in work together, in bytes (counted as their sizes): further requests are refused with
    /// REFUSED_STREAM (server). Default 8 MiB.
    pub header_budget: usize,
    /// How long the peer may take for one header block, from its HEADERS to its last CONTINUATION. Default 20 s.
    pub header_block_timeout: Duration,
    /// CONTINUATION frames of one header block; one more is allowed for every 4 KiB of
    /// [`accepted_header_list_size`](Config::accepted_header_list_size). More end the connection (CVE-2024-27316). Default 16.
    pub max_continuations: u32,
    /// HPACK table for receiving, advertised. Default 4,096 bytes.
    pub header_table_size: u32,
    /// Upper bound of the HPACK table that we use for sending, whatever the peer allows. Default 4,096 bytes.
    pub max_send_header_table_size: u32,
    /// Silence after which a PING checks the peer. Default none (off).
    pub keepalive_interval: Option<Duration>,
    /// How long the answer to that PING may take. Default 20 s.
    pub keepalive_timeout: Duration,
    /// Check also when no stream is open. Default off.
    pub keepalive_without_streams: bool,
    /// How long the peer may take to acknowledge a drain's PING, and how long it may be silent before it has acknowledged our
    /// SETTINGS: behind a slow path its answer waits for a long queue of DATA. Default 10 s.
    pub settings_timeout: Duration,
    /// What the peer may do that costs us more than it. See [`Act`](crate::Act) for the defaults.
    pub budgets: Budgets,
    /// Frames that the peer makes us write (acknowledgements, PING answers, resets) and leaves unread; more end the
    /// connection. From a quarter of it on, nothing more is read. Default 2,000.
    pub max_unread_replies: u32,
    /// Bytes of output that a client leaves unread before nothing more is read from it (server): every request would add
    /// to them. Default 1 MiB.
    pub max_unread_output: usize,
    /// DATA that waits for windows of the client on all streams together, in bytes (server). Beyond it new requests are
    /// refused with REFUSED_STREAM; what handlers have already made is still taken. Default 64 MiB.
    pub send_budget: usize,
    /// How long that much DATA may wait while less than 64 KiB of it leave, before the connection ends (CVE-2019-9517).
    /// Slow readers that hold less wait as long as they like. Default 60 s.
    pub stuck_timeout: Duration,
    /// Keepalive PINGs that come more often than this are strikes, unless DATA or a header list was sent in between
    /// (server, gRFC A8). A tenth of it, at most 5 s, is allowed for jitter. While no stream is open it is at least 2 hours,
    /// unless [`allow_pings_without_streams`](Config::allow_pings_without_streams). Default 5 minutes.
    pub min_ping_interval: Duration,
    /// The same interval also when no stream is open (server, gRFC A8). Default off.
    pub allow_pings_without_streams: bool,
    /// Strikes that are forgiven; the next one ends the connection with GOAWAY(ENHANCE_YOUR_CALM, "too_many_pings").
    /// Default 2.
    pub max_ping_strikes: u32,
    /// Whether requests with `:method CONNECT` (RFC 9113 §8.5), which gRPC has no use for, are let through (server). Default off.
    pub allow_connect: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            max_concurrent_streams: 1000,
            initial_max_send_streams: 100,
            initial_stream_window: 256 << 10,
            initial_connection_window: 1 << 20,
            adaptive_window: true,
            receive_budget: 16 << 20,
            max_frame_size: 16 << 10,
            send_quantum: 64 << 10,
            send_high_water: 64 << 10,
            max_header_list_size: 8 << 10,
            accepted_header_list_size: 16 << 10,
            max_header_count: 128,
            header_budget: 8 << 20,
            header_block_timeout: Duration::from_secs(20),
            max_continuations: 16,
            header_table_size: 4096,
            max_send_header_table_size: 4096,
            keepalive_interval: None,
            keepalive_timeout: Duration::from_secs(20),
            keepalive_without_streams: false,
            settings_timeout: Duration::from_secs(10),
            budgets: Budgets::default(),
            max_unread_replies: 2000,
            max_unread_output: 1 << 20,
            send_budget: 64 << 20,
            stuck_timeout: Duration::from_secs(60),
            min_ping_interval: Duration::from_secs(5 * 60),
            allow_pings_without_streams: false,
            max_ping_strikes: 2,
            allow_connect: false,
        }
    }
}
