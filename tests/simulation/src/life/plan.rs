//! What a seed decides at the start.

use farcall_http2::Config;
use farcall_testkit::{
    Rng,
    sim::{NetConfig, Side, Slicing},
};
use std::time::Duration;

/// The kind of life that this connection will have.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) client: Config,
    pub(crate) server: Config,
    pub(crate) net: NetConfig,
    /// Streams that the test wants open at a time.
    pub(crate) breadth: usize,
    pub(crate) largest_message: usize,
    /// Whether readers may hold on to incomplete messages: only if the budget has room for all of them.
    pub(crate) hoarders: bool,
}

impl Plan {
    pub(crate) fn new(rng: &mut Rng) -> Plan {
        let (mut client, mut server) = (config(rng), config(rng));
        let net = net(rng);
        if net.capacity < 5000 && net.delay >= Duration::from_millis(1) {
            // On so thin a line a PING waits behind the data for longer than a keepalive does.
            (client.keepalive_interval, server.keepalive_interval) = (None, None);
        }
        let smallest_window = client
            .initial_stream_window
            .min(server.initial_stream_window) as usize;
        Plan {
            net,
            breadth: rng.pick(&[1, 3, 8, 30]),
            largest_message: (smallest_window * 40).min(300_000),
            hoarders: client.receive_budget.min(server.receive_budget) >= 16 << 20,
            client,
            server,
        }
    }

    pub(crate) fn config(&self, side: Side) -> &Config {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }
}

fn config(rng: &mut Rng) -> Config {
    let mut config = Config::default();
    // Ends ping as they please.
    config.min_ping_interval = Duration::ZERO;
    config.allow_pings_without_streams = true;
    config.max_concurrent_streams = rng.pick(&[1, 3, 10, 1000]);
    config.initial_max_send_streams = rng.pick(&[1, 3, 100]);
    config.initial_stream_window = rng.pick(&[100, 5000, 65_535, 65_535, 65_535, 300_000]);
    config.initial_connection_window = rng.pick(&[65_535, 70_000, 1 << 20]);
    config.adaptive_window = rng.chance(50);
    config.receive_budget = rng.pick(&[70_000, 200_000, 16 << 20, 16 << 20]);
    config.max_frame_size = rng.pick(&[16_384, 20_000, 64 << 10]);
    config.send_quantum = rng.pick(&[100, 16_384, 64 << 10]);
    config.settings_timeout = Duration::from_secs(60);
    config.send_high_water = rng.pick(&[1, 3000, 64 << 10]);
    config.header_table_size = rng.pick(&[0, 100, 4096, 4096, 20_000]);
    config.max_send_header_table_size = rng.pick(&[0, 300, 4096, 4096, 20_000]);
    if rng.chance(30) {
        config.keepalive_interval = Some(Duration::from_secs(rng.range(1..6) as u64));
        config.keepalive_without_streams = rng.chance(50);
    }
    config
}

fn net(rng: &mut Rng) -> NetConfig {
    NetConfig {
        delay: Duration::from_micros(rng.pick(&[0, 50, 1000, 40_000])),
        jitter: Duration::from_micros(rng.pick(&[0, 0, 500, 10_000])),
        capacity: rng.pick(&[100, 5000, 256 << 10, 256 << 10]),
        slicing: rng.pick(&[
            Slicing::Random,
            Slicing::Random,
            Slicing::Whole,
            Slicing::AtMost(7),
            Slicing::AtMost(1500),
        ]),
    }
}
