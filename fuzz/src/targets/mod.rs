//! One file for each target.

mod canary;
mod connection;
mod dns;
mod frames;
mod hpack_decoder;
mod hpack_round_trip;
mod lists;
mod messages;
mod metadata;
mod pair;
mod resolv_conf;
mod responses;
mod service_config;
mod target;

/// A function to be fuzzed.
#[derive(Debug)]
pub struct Target {
    /// As `cargo xtask fuzz` and the folders in `corpus/` and `findings/` call it.
    pub name: &'static str,
    /// Runs it over one input. Panics if something is wrong.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "hpack_decoder",
        run: hpack_decoder::run,
    },
    Target {
        name: "hpack_round_trip",
        run: hpack_round_trip::run,
    },
    Target {
        name: "frames",
        run: frames::run,
    },
    Target {
        name: "messages",
        run: messages::run,
    },
    Target {
        name: "metadata",
        run: metadata::run,
    },
    Target {
        name: "responses",
        run: responses::run,
    },
    Target {
        name: "target",
        run: target::run,
    },
    Target {
        name: "service_config",
        run: service_config::run,
    },
    Target {
        name: "canary",
        run: canary::run,
    },
    Target {
        name: "dns",
        run: dns::run,
    },
    Target {
        name: "resolv_conf",
        run: resolv_conf::run,
    },
    Target {
        name: "server",
        run: connection::server,
    },
    Target {
        name: "client",
        run: connection::client,
    },
    Target {
        name: "pair",
        run: pair::run,
    },
];
