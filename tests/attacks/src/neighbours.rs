//! Neighbours: calls on connections of their own, at an even pace, while somebody else is attacked.

use crate::{
    pb::{BenchmarkServiceClient, Payload, SimpleRequest},
    victim::certificates,
};
use bytes::Bytes;
use farcall::{Channel, ClientTls, ConfigError};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::MissedTickBehavior};

/// How many neighbours there are, and how often each of them calls.
const NEIGHBOURS: usize = 4;
const PACE: Duration = Duration::from_millis(4);
/// What a call of a neighbour may take at most.
const LIMIT: Duration = Duration::from_secs(10);

/// What the neighbours have seen in one phase.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phase {
    micros: Vec<u64>,
    pub(crate) failures: Vec<String>,
}

impl Phase {
    /// The time within which 99 of 100 calls were answered.
    pub(crate) fn p99(&self) -> Duration {
        let mut micros = self.micros.clone();
        micros.sort_unstable();
        let at = (micros.len() * 99).div_ceil(100).saturating_sub(1);
        Duration::from_micros(micros.get(at).copied().unwrap_or_default())
    }

    pub(crate) fn calls(&self) -> usize {
        self.micros.len() + self.failures.len()
    }
}

/// Neighbours at work. They go home when this is dropped.
pub(crate) struct Neighbours {
    phase: Arc<Mutex<Phase>>,
    _tasks: JoinSet<()>,
}

impl Neighbours {
    /// Returns when each has a connection.
    pub(crate) async fn start(addr: SocketAddr, secure: Secure) -> Result<Neighbours, String> {
        let (phase, mut tasks) = (Arc::<Mutex<Phase>>::default(), JoinSet::new());
        for _ in 0..NEIGHBOURS {
            let channel = channel(addr, secure).map_err(|error| error.to_string())?;
            channel.connect().await.map_err(|error| error.to_string())?;
            tasks.spawn(call_evenly(channel, Arc::clone(&phase)));
        }
        Ok(Neighbours {
            phase,
            _tasks: tasks,
        })
    }

    /// What was seen since the last time.
    pub(crate) fn take(&self) -> Phase {
        self.phase
            .lock()
            .map(|mut phase| std::mem::take(&mut *phase))
            .unwrap_or_default()
    }
}

/// How connections are secured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Secure {
    Plaintext,
    Tls,
    /// With a certificate of the client's.
    MutualTls,
}

/// A channel that trusts our tests' authority and the peers'.
pub(crate) fn channel(addr: SocketAddr, secure: Secure) -> Result<Channel, ConfigError> {
    let builder = Channel::builder(format!("ipv4:{addr}"));
    if secure == Secure::Plaintext {
        return builder.insecure().build();
    }
    let tls = ClientTls::ca_pem(certificates::CA)
        .and_then(|tls| tls.add_ca_pem(certificates::PEERS_CA))
        .and_then(|tls| tls.server_name("localhost"))
        .and_then(|tls| match secure {
            Secure::MutualTls => tls.identity_pem(certificates::CLIENT, certificates::CLIENT_KEY),
            _ => Ok(tls),
        });
    match tls {
        Ok(tls) => builder.tls(tls).build(),
        // The files are part of this program.
        Err(error) => panic!("our own certificates: {error}"),
    }
}

/// A call like any other: a payload of 64 bytes each way.
pub(crate) async fn one_call(client: &BenchmarkServiceClient) -> Result<(), String> {
    let request = SimpleRequest {
        response_size: 64,
        payload: Some(Payload {
            body: Bytes::from_static(&[0; 64]),
            ..Payload::default()
        }),
        ..SimpleRequest::default()
    };
    let call = client.unary_call(request).timeout(LIMIT).wait_for_ready();
    let response = call.await.map_err(|status| status.to_string())?;
    match response.payload.as_ref().map(|payload| payload.body.len()) {
        Some(64) => Ok(()),
        other => Err(format!("a response of {other:?} bytes")),
    }
}

async fn call_evenly(channel: Channel, phase: Arc<Mutex<Phase>>) {
    let client = BenchmarkServiceClient::new(channel);
    let mut ticks = tokio::time::interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let start = Instant::now();
        let outcome = one_call(&client).await;
        let Ok(mut phase) = phase.lock() else { return };
        match outcome {
            Ok(()) => phase.micros.push(start.elapsed().as_micros() as u64),
            Err(failure) => phase.failures.push(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_of_100_calls_is_the_slowest_but_one() {
        let micros = (1..=100).rev().collect();
        let phase = Phase {
            micros,
            failures: Vec::new(),
        };
        assert_eq!(phase.p99(), Duration::from_micros(99));
        assert_eq!(Phase::default().p99(), Duration::ZERO);
    }
}
