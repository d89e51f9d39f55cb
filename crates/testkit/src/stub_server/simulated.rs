//! A stub server behind a simulated network.

use super::StubServer;
use crate::{
    Rng,
    sim::{Control, NetConfig, duplex},
};
use farcall_net::{Channel, ChannelBuilder, ShutdownReport, client::ByteStream, server::Unbound};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A stub server and a channel to it over simulated connections, for tests under `tokio::time::pause`. Made by
/// [`StubServer::simulated`].
pub struct SimulatedStub {
    server: Unbound,
    channel: Channel,
    controls: Arc<Mutex<Vec<Control>>>,
}

impl SimulatedStub {
    pub(super) fn new(
        stub: StubServer,
        seed: u64,
        net: NetConfig,
        settings: impl FnOnce(ChannelBuilder) -> ChannelBuilder,
    ) -> SimulatedStub {
        let server = stub.unbound();
        let controls = Arc::new(Mutex::new(Vec::<Control>::new()));
        let (accepting, connections) = (server.clone(), Arc::clone(&controls));
        let rng = Mutex::new(Rng::new(seed));
        let connect = move |_: &farcall_net::Address| {
            let seed = rng
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next_u64();
            let (near, far, control) = duplex(seed, net.clone());
            connections
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(control);
            tokio::spawn(accepting.serve(far));
            Box::pin(async move { Ok(Box::new(near) as Box<dyn ByteStream>) }) as _
        };
        let builder = Channel::builder("passthrough:///simulated").connector(connect);
        let channel = settings(builder.insecure())
            .build()
            .expect("the channel's settings are right");
        SimulatedStub {
            server,
            channel,
            controls,
        }
    }

    /// The channel; all clones share the simulated connections.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.lock().len()
    }

    /// The network under the newest connection.
    ///
    /// # Panics
    /// There was none yet.
    pub fn control(&self) -> Control {
        self.lock()
            .last()
            .expect("the channel has connected")
            .clone()
    }

    /// Drains the server; what it had to cut after `drain`.
    pub async fn shut_down(&self, drain: Duration) -> ShutdownReport {
        self.server.shut_down(drain).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Control>> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SimulatedStub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedStub")
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}
