//! Who tells the clients where the backends are: a name server and a manual resolver, always of one mind.

use crate::wire::{PORT, address};
use farcall::{
    Address, Channel, ChannelBuilder, lb::resolver::ResolverUpdate, resolver::ManualResolver,
};
use farcall_testkit::name_server::NameServer;
use std::{net::SocketAddr, time::Duration};

const NAME: &str = "fleet.test";
/// How long the name server's answers hold, and the least time between two look-ups.
const TTL: Duration = Duration::from_secs(1);

/// How a client learns of the backends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// `dns://SERVER/fleet.test:50051`; news come when an answer has expired.
    Dns,
    /// Updates that the program gives.
    Manual,
}

/// Both sources.
pub struct Directory {
    names: NameServer,
    manual: ManualResolver,
}

impl Directory {
    /// Of nobody yet.
    pub async fn start() -> Directory {
        let names = NameServer::start().await;
        names.set_ttl(TTL);
        Directory {
            names,
            manual: ManualResolver::new("manual"),
        }
    }

    /// From now on the fleet is these.
    pub fn set(&self, backends: &[usize]) {
        let addresses = backends.iter().map(|backend| address(*backend));
        self.names.set_addresses(NAME, addresses.clone());
        let endpoints = addresses.map(|ip| Address::from(SocketAddr::new(ip, PORT)).into());
        self.manual.update(ResolverUpdate::endpoints(endpoints));
    }

    /// A channel to the fleet.
    pub fn channel(&self, source: Source) -> ChannelBuilder {
        let builder = match source {
            Source::Dns => {
                let server = self.names.address();
                Channel::builder(format!("dns://{server}/{NAME}:{PORT}"))
                    .min_resolution_interval(TTL)
            }
            Source::Manual => Channel::builder("manual:///fleet").resolver(self.manual.clone()),
        };
        builder.insecure()
    }
}
