//! Retries by the policy of a service config (gRFC A6), whole: a channel, a server, what both see.

mod attempts;
mod buffers;
mod connections;
mod hedged_streams;
mod hedging;
mod interceptors;
mod pauses;
mod picks;
mod streams;
mod throttling;

use bytes::Bytes;
use farcall_net::{Channel, ChannelBuilder, Code, Request, Status};
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{SimulatedStub, StubServer, calls},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

const PATH: &str = "/t.T/Any";
const SECOND: Duration = Duration::from_secs(1);

/// A policy for everything: pauses of 1, 2 and 4 s, before jitter.
fn policy(attempts: u32, codes: &str) -> String {
    format!(
        r#"{{"methodConfig": [{{"name": [{{}}], "retryPolicy": {{
            "maxAttempts": {attempts}, "initialBackoff": "1s", "maxBackoff": "4s", "backoffMultiplier": 2,
            "retryableStatusCodes": [{codes}]
        }}}}]}}"#
    )
}

fn unavailable(attempts: u32) -> String {
    policy(attempts, r#""UNAVAILABLE""#)
}

/// What a server has seen of attempts: when each came, and what the client said about those before it.
#[derive(Clone)]
struct Seen {
    start: Instant,
    attempts: Arc<Mutex<Vec<(Duration, u32)>>>,
}

impl Seen {
    fn new() -> Seen {
        Seen {
            start: Instant::now(),
            attempts: Arc::default(),
        }
    }

    /// Notes one; answers how many there were before it.
    fn note<T>(&self, request: &Request<T>) -> usize {
        let mut attempts = self.attempts.lock().unwrap();
        attempts.push((self.start.elapsed(), request.previous_attempts()));
        attempts.len() - 1
    }

    fn count(&self) -> usize {
        self.attempts.lock().unwrap().len()
    }

    fn previous(&self) -> Vec<u32> {
        let attempts = self.attempts.lock().unwrap();
        attempts.iter().map(|(_, previous)| *previous).collect()
    }

    /// The pauses between the attempts.
    fn pauses(&self) -> Vec<Duration> {
        let attempts = self.attempts.lock().unwrap();
        attempts.windows(2).map(|two| two[1].0 - two[0].0).collect()
    }
}

/// A unary method that answers its attempts, counted from 0, in turn.
fn answering(
    seen: &Seen,
    answer: impl Fn(usize) -> Result<Bytes, Status> + Send + Sync + 'static,
) -> StubServer {
    let (seen, answer) = (seen.clone(), Arc::new(answer));
    StubServer::unary(PATH, move |request| {
        let outcome = answer(seen.note(&request));
        async move { outcome }
    })
}

/// A unary method that fails so many times.
fn failing(seen: &Seen, times: usize, status: Status) -> StubServer {
    answering(seen, move |index| match index < times {
        true => Err(status.clone()),
        false => Ok(Bytes::from("done")),
    })
}

fn down() -> Status {
    Status::unavailable("down")
}

fn simulated(stub: StubServer, config: &str) -> SimulatedStub {
    simulated_with(stub, config, |channel| channel)
}

fn simulated_with(
    stub: StubServer,
    config: &str,
    settings: impl FnOnce(ChannelBuilder) -> ChannelBuilder,
) -> SimulatedStub {
    let config = config.to_owned();
    stub.simulated_with(7, NetConfig::default(), |channel| {
        settings(channel.default_service_config(config))
    })
}

async fn unary(channel: &Channel) -> Result<Bytes, Status> {
    let call = calls::unary(channel, PATH, Bytes::from("request"));
    call.await.map(|response| response.into_inner())
}

fn code(outcome: Result<Bytes, Status>) -> Code {
    outcome.map_or_else(|status| status.code(), |_| Code::Ok)
}
