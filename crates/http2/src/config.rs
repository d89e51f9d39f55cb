//! The knobs of one connection.

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
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Streams that the peer may have open at a time; advertised (RFC 9113 §6.5.2). Default 1,000.
    pub max_concurrent_streams: u32,
    /// Streams that we open before the peer's SETTINGS say how many it allows. Default 100.
    pub initial_max_send_streams: u32,
    /// Receive window of a new stream in bytes; advertised. Default 65,535; grows with the bandwidth-delay
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
    /// How long the peer may take to acknowledge our SETTINGS and a drain's PING. Default 10 s.
    pub settings_timeout: Duration,
    /// Whether request and response lists must be gRPC's or any HTTP: when set, `:method CONNECT` is allowed. Default off.
    pub allow_connect: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            max_concurrent_streams: 1000,
            initial_max_send_streams: 100,
            initial_stream_window: 65_535,
            initial_connection_window: 1 << 20,
            adaptive_window: true,
            receive_budget: 16 << 20,
            max_frame_size: 16 << 10,
            send_quantum: 64 << 10,
            send_high_water: 64 << 10,
            max_header_list_size: 8 << 10,
            accepted_header_list_size: 16 << 10,
            max_header_count: 128,
            header_table_size: 4096,
            max_send_header_table_size: 4096,
            keepalive_interval: None,
            keepalive_timeout: Duration::from_secs(20),
            keepalive_without_streams: false,
            settings_timeout: Duration::from_secs(10),
            allow_connect: false,
        }
    }
}
