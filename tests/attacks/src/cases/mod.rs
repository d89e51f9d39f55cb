//! The attacks on a server, by what they abuse.

mod compression;
mod connections;
mod floods;
mod flow;
mod messages;
mod requests;
mod resets;
mod settings;
mod tls;

pub(crate) use messages::bomb;
pub(crate) use requests::SECRET;

use crate::{seen::Verdict, victim::server::Options};
use std::{future::Future, io, net::SocketAddr, pin::Pin};

/// What an attack does; it runs on a thread of its own.
pub(crate) type Attack = fn(SocketAddr) -> Pin<Box<dyn Future<Output = io::Result<Verdict>>>>;

/// One attack on a server.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The class: its names in public lists.
    pub(crate) class: &'static str,
    pub(crate) attack: Attack,
    /// How the server is set up for it.
    pub(crate) options: Options,
    /// MiB that configured limits let an attacker take, beyond which 32 more are allowed.
    pub(crate) limit_mib: u64,
    /// Handlers that may be running at a time.
    pub(crate) handlers: usize,
    /// Handlers that may be started at all.
    pub(crate) starts: Option<usize>,
}

impl Case {
    fn new(name: &'static str, class: &'static str, attack: Attack) -> Case {
        Case {
            name,
            class,
            attack,
            options: Options::default(),
            limit_mib: 0,
            handlers: 1000,
            starts: None,
        }
    }

    fn options(mut self, set: impl FnOnce(&mut Options)) -> Case {
        set(&mut self.options);
        self
    }

    fn limit_mib(mut self, mib: u64) -> Case {
        self.limit_mib = mib;
        self
    }

    fn starts(mut self, handlers: usize) -> Case {
        self.starts = Some(handlers);
        self
    }
}

/// All of them, in the order of the table.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = resets::cases();
    cases.extend(compression::cases());
    cases.extend(floods::cases());
    cases.extend(flow::cases());
    cases.extend(settings::cases());
    cases.extend(messages::cases());
    cases.extend(requests::cases());
    cases.extend(connections::cases());
    cases.extend(tls::cases());
    cases
}

/// The id of a client's n-th stream.
pub(crate) fn stream(n: usize) -> u32 {
    2 * n as u32 + 1
}
