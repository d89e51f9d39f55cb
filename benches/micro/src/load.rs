//! The client's side of every scenario.

use crate::{
    Error, Scenario, Work,
    tenants::{AddTenant, Ends},
};
use bytes::Bytes;
use farcall::{
    Address, Channel, ChannelBuilder, Status,
    client::ByteStream,
    interceptor::{Begin, Call, End, Immediate, Interceptor, Next, Outcome},
    lb::Location,
};
use farcall_bench::{body_len, pb::BenchmarkServiceClient, request};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Runs a scenario with so many rounds for each task on a channel over these streams, as many as the work has
/// [connections](Work::connections), and leaves the channel open.
///
/// # Errors
/// A call failed, or its response was not what it should be.
pub async fn run_client(
    scenario: &Scenario,
    rounds: usize,
    streams: Vec<impl ByteStream>,
) -> Result<Channel, Error> {
    let channel = channel(streams, scenario.work)?;
    channel.connect().await?;
    if scenario.work.connections() > 1 {
        // One of them is ready. The others get their turns without a moment of silence, which would set their tapes going.
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }
    let client = BenchmarkServiceClient::new(channel.clone());
    let work = scenario.work;
    let left = Arc::new(AtomicUsize::new(scenario.tasks * rounds));
    let tasks: Vec<_> = (0..scenario.tasks)
        .map(|task| {
            tokio::spawn(run_task(
                client.clone(),
                work,
                task,
                rounds,
                Arc::clone(&left),
            ))
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(channel)
}

/// A policy for all methods.
const RETRY: &str = r#"{
    "methodConfig": [{"name": [{}], "retryPolicy": {
        "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]
    }}],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}
}"#;

/// With a deadline and all backends, beside the retries of [`RETRY`].
const FULL: &str = r#"{
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [{"name": [{}], "timeout": "10s", "retryPolicy": {
        "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]
    }}],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}
}"#;

/// An interceptor that looks at the outcome of each call.
struct Failures(AtomicU64);

impl Immediate for Failures {
    type State = ();

    fn begin(&self, _: &mut Begin<'_>) -> Result<(), Status> {
        Ok(())
    }

    fn end(&self, _: (), end: &mut End<'_>) {
        if end.status().is_some() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Does nothing but stand around calls.
pub(crate) struct Nothing;

impl Interceptor for Nothing {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        next.run(call).await
    }
}

/// A channel whose connections are these streams, one for each backend, with default settings but for what the work needs.
///
/// # Errors
/// As [`ChannelBuilder::build`].
pub fn channel(streams: Vec<impl ByteStream>, work: Work) -> Result<Channel, Error> {
    let backends: Vec<_> = (1..=streams.len())
        .map(|i| format!("10.0.0.{i}:50051"))
        .collect();
    let streams: Vec<_> = streams
        .into_iter()
        .map(|stream| Some(Box::new(stream) as Box<dyn ByteStream>))
        .collect();
    let streams = Mutex::new(streams);
    let connect = move |address: &Address| {
        let mut streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match address.location() {
            Location::Ip(SocketAddr::V4(ip)) => usize::from(ip.ip().octets()[3]) - 1,
            _ => 0,
        };
        let stream = streams[slot].take();
        let stream = stream.ok_or(std::io::ErrorKind::NotConnected.into());
        Box::pin(async move { stream }) as _
    };
    let builder = |target: String| Channel::builder(target).connector(connect).insecure();
    let alone = || "passthrough:///in-memory:50051".to_owned();
    let channel: ChannelBuilder = match work {
        Work::Retry => builder(alone()).default_service_config(RETRY),
        Work::Full => builder(format!("ipv4:{}", backends.join(",")))
            .default_service_config(FULL)
            .interceptor(Failures(AtomicU64::new(0))),
        Work::Intercepted => builder(alone()).interceptor(Nothing),
        Work::Immediate => builder(alone()).interceptor(AddTenant::default()),
        _ => builder(alone()),
    };
    Ok(channel.build()?)
}

async fn run_task(
    client: BenchmarkServiceClient,
    work: Work,
    task: usize,
    rounds: usize,
    left: Arc<AtomicUsize>,
) -> Result<(), Error> {
    match work {
        Work::Unary(size) => {
            let body = Bytes::from(vec![0; size]);
            for _ in 0..rounds {
                let response = client.unary_call(request(body.clone(), size)).await?;
                check(body_len(response.into_inner()), size)?;
            }
        }
        // Not rounds of its own: a task would come last whose call waits on one connection for another call of the same task,
        // when on the tape two tasks had those at a time.
        Work::Full => {
            let one_less = |left: usize| left.checked_sub(1);
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
                .is_ok()
            {
                let response = client.unary_call(request(Bytes::new(), 0)).await?;
                check(body_len(response.into_inner()), 0)?;
            }
        }
        Work::Retry | Work::Intercepted | Work::Immediate => {
            for _ in 0..rounds {
                let response = client.unary_call(request(Bytes::new(), 0)).await?;
                check(body_len(response.into_inner()), 0)?;
            }
        }
        Work::Tenant => {
            static ENDS: Ends = Ends::new();
            for _ in 0..rounds {
                let call = client.unary_call(request(Bytes::new(), 0));
                let result = call.metadata("tenant", "blue").await;
                ENDS.count(result.as_ref().err());
                check(body_len(result?.into_inner()), 0)?;
            }
        }
        Work::Deadline => {
            for round in 0..rounds {
                // Some microseconds less than five seconds, as after a moment in a queue.
                let spent = (task * 131 + round * 977) % 9973;
                let timeout = Duration::from_secs(5) - Duration::from_micros(spent as u64);
                let call = client.unary_call(request(Bytes::new(), 0));
                check(body_len(call.timeout(timeout).await?.into_inner()), 0)?;
            }
        }
        Work::Metadata => {
            for round in 0..rounds {
                let call = client.unary_call(request(Bytes::new(), 0));
                let call = call
                    .metadata("tenant", "blue")
                    .metadata("x-client-version", "2026.10.1")
                    .metadata("x-request-id", request_id(task, round));
                check(body_len(call.await?.into_inner()), 0)?;
            }
        }
        Work::ServerStream(size) => {
            let count = Bytes::copy_from_slice(&(rounds as u64).to_le_bytes());
            let mut responses = client.streaming_from_server(request(count, size)).await?;
            for _ in 0..rounds {
                let response = responses.message().await?.ok_or_else(ended)?;
                check(body_len(response), size)?;
            }
        }
        Work::PingPong => {
            let (mut requests, mut responses) = client.streaming_call().split();
            for _ in 0..rounds {
                requests.send(request(Bytes::new(), 0)).await?;
                let response = responses.message().await?.ok_or_else(ended)?;
                check(body_len(response), 0)?;
            }
            requests.half_close();
        }
    }
    Ok(())
}

/// 16 hexadecimal digits, made without an allocation of more than themselves.
fn request_id(task: usize, round: usize) -> String {
    format!("{:016x}", (task << 32) + round)
}

fn ended() -> Status {
    Status::internal("the stream ended early")
}

fn check(len: usize, expected: usize) -> Result<(), Error> {
    if len == expected {
        return Ok(());
    }
    Err(format!("a response of {len} bytes instead of {expected}").into())
}
