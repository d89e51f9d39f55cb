//! The client's side of every scenario.

use crate::{Error, Scenario, Work};
use bytes::Bytes;
use farcall::{Channel, Status, client::ByteStream};
use farcall_bench::{body_len, pb::BenchmarkServiceClient, request};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Runs a scenario with so many rounds for each task on a channel over `stream`, and leaves the channel open.
///
/// # Errors
/// A call failed, or its response was not what it should be.
pub async fn run_client(
    scenario: &Scenario,
    rounds: usize,
    stream: impl ByteStream,
) -> Result<Channel, Error> {
    let channel = channel(stream, scenario.work)?;
    channel.connect().await?;
    let client = BenchmarkServiceClient::new(channel.clone());
    let work = scenario.work;
    let tasks: Vec<_> = (0..scenario.tasks)
        .map(|task| tokio::spawn(run_task(client.clone(), work, task, rounds)))
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

/// A channel whose only connection is `stream`, with default settings but for what the work needs.
///
/// # Errors
/// As [`ChannelBuilder::build`](farcall::ChannelBuilder::build).
pub fn channel(stream: impl ByteStream, work: Work) -> Result<Channel, Error> {
    let stream = Mutex::new(Some(Box::new(stream) as Box<dyn ByteStream>));
    let connect = move |_: &farcall::Address| {
        let stream = stream
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .ok_or(std::io::ErrorKind::NotConnected.into());
        Box::pin(async move { stream }) as _
    };
    let channel = Channel::builder("passthrough:///in-memory:50051")
        .connector(connect)
        .insecure();
    let channel = match work {
        Work::Retry => channel.default_service_config(RETRY),
        _ => channel,
    };
    Ok(channel.build()?)
}

async fn run_task(
    client: BenchmarkServiceClient,
    work: Work,
    task: usize,
    rounds: usize,
) -> Result<(), Error> {
    match work {
        Work::Unary(size) => {
            let body = Bytes::from(vec![0; size]);
            for _ in 0..rounds {
                let response = client.unary_call(request(body.clone(), size)).await?;
                check(body_len(response.into_inner()), size)?;
            }
        }
        Work::Retry => {
            for _ in 0..rounds {
                let response = client.unary_call(request(Bytes::new(), 0)).await?;
                check(body_len(response.into_inner()), 0)?;
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
