//! The same call again and again.

use super::{
    basic,
    payload::{check_payload, simple},
};
use crate::{
    env::{Env, ServerAddress, Soak},
    failure::{Failure, Outcome, check},
    pb::{SimpleRequest, TestServiceClient},
};
use farcall::Request;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// 20 large calls on one channel, with a pause between them.
pub(super) async fn long_lived_channel(env: &Env) -> Outcome {
    for call in 0..20 {
        if call > 0 {
            tokio::time::sleep(env.long_lived_interval).await;
        }
        basic::large_unary(env).await?;
    }
    Ok(())
}

/// Large calls on one channel.
pub(super) async fn rpc_soak(env: &Env) -> Outcome {
    soak(env, Clients::Shared(env.client())).await
}

/// Large calls, each on a channel of its own.
pub(super) async fn channel_soak(env: &Env) -> Outcome {
    soak(env, Clients::Fresh(env.server().clone())).await
}

/// What calls go over.
#[derive(Clone)]
enum Clients {
    /// One channel for all of them.
    Shared(TestServiceClient),
    /// A channel for each call, made before it and gone after it.
    Fresh(ServerAddress),
}

impl Clients {
    fn next(&self) -> Result<TestServiceClient, Failure> {
        match self {
            Clients::Shared(client) => Ok(client.clone()),
            Clients::Fresh(server) => server.connect().map(TestServiceClient::new),
        }
    }
}

/// What one iteration came to.
struct Iteration {
    latency: Duration,
    error: Option<String>,
}

async fn soak(env: &Env, clients: Clients) -> Outcome {
    let soak = &env.soak;
    check!(soak.threads > 0, "--soak_num_threads must be at least 1");
    check!(
        soak.iterations.is_multiple_of(soak.threads),
        "--soak_iterations ({}) must be a multiple of --soak_num_threads ({})",
        soak.iterations,
        soak.threads,
    );
    let end = Instant::now() + soak.overall_timeout;
    let mut tasks = JoinSet::new();
    for _ in 0..soak.threads {
        let request = env
            .request(simple(soak.request_size, soak.response_size))
            .into_parts();
        tasks.spawn(one_thread(soak.clone(), clients.clone(), request, end));
    }
    let mut done = Vec::new();
    while let Some(iterations) = tasks.join_next().await {
        done.extend(iterations.map_err(|error| Failure::new(error.to_string()))??);
    }
    judge(soak, done)
}

async fn one_thread(
    soak: Soak,
    clients: Clients,
    (message, metadata): (SimpleRequest, farcall::Metadata),
    end: Instant,
) -> Result<Vec<Iteration>, Failure> {
    let mut done = Vec::new();
    for _ in 0..soak.iterations / soak.threads {
        if Instant::now() >= end {
            break;
        }
        let earliest_next = Instant::now() + soak.min_time_between_calls;
        let mut request = Request::new(message.clone());
        request.metadata_mut().extend(&metadata);
        done.push(iteration(&soak, clients.next()?, request, end).await);
        tokio::time::sleep_until(earliest_next.into()).await;
    }
    Ok(done)
}

async fn iteration(
    soak: &Soak,
    client: TestServiceClient,
    request: Request<SimpleRequest>,
    end: Instant,
) -> Iteration {
    let start = Instant::now();
    let reply = client.unary_call(request).deadline(end).await;
    let latency = start.elapsed();
    let outcome = match reply {
        Ok(reply) => check_payload(reply.payload.as_ref(), soak.response_size),
        Err(status) => Err(status.into()),
    };
    let mut error = outcome.err().map(|failure| failure.to_string());
    if error.is_none() && latency > soak.max_latency {
        error = Some(format!("slower than {:?}", soak.max_latency));
    }
    match &error {
        None => eprintln!(
            "soak iteration: elapsed_ms: {} succeeded",
            latency.as_millis()
        ),
        Some(error) => eprintln!(
            "soak iteration: elapsed_ms: {} failed: {error}",
            latency.as_millis()
        ),
    }
    Iteration { latency, error }
}

fn judge(soak: &Soak, done: Vec<Iteration>) -> Outcome {
    let failures = done
        .iter()
        .filter(|iteration| iteration.error.is_some())
        .count();
    let mut latencies: Vec<_> = done
        .iter()
        .map(|iteration| iteration.latency.as_millis())
        .collect();
    latencies.sort_unstable();
    let at = |percent: usize| {
        let index = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
        latencies.get(index).copied().unwrap_or_default()
    };
    eprintln!(
        "soak: {} of {} iterations done, {failures} failed; latency in ms: median {}, 90th percentile {}, worst {}",
        done.len(),
        soak.iterations,
        at(50),
        at(90),
        at(100),
    );
    check!(
        done.len() == soak.iterations as usize,
        "only {} of {} iterations were done within {:?}",
        done.len(),
        soak.iterations,
        soak.overall_timeout,
    );
    check!(
        failures <= soak.max_failures as usize,
        "{failures} iterations failed, {} were allowed; one of them: {}",
        soak.max_failures,
        done.iter()
            .find_map(|iteration| iteration.error.as_deref())
            .unwrap_or_default(),
    );
    Ok(())
}
