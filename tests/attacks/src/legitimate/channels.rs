//! Patterns of farcall's own client.

use super::Outcome;
use crate::{
    neighbours::{Secure, channel, one_call},
    pb::{BenchmarkServiceClient, SimpleRequest},
};
use std::{
    future::IntoFuture,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

fn client(addr: SocketAddr) -> Result<BenchmarkServiceClient, String> {
    let channel = channel(addr, Secure::Plaintext).map_err(|error| error.to_string())?;
    Ok(BenchmarkServiceClient::new(channel))
}

fn say(status: farcall::Status) -> String {
    status.to_string()
}

/// Empty messages as fast as they go, to handlers that take a millisecond for each.
pub(super) async fn to_slow_handler(addr: SocketAddr, time: Duration) -> Outcome {
    let client = client(addr)?;
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let client = client.clone();
        tasks.spawn(async move {
            let call = client.streaming_call().metadata("x-do", "slowly");
            let (mut requests, mut replies) = call.split();
            let sent = AtomicU64::new(0);
            let send = async {
                loop {
                    requests.send(SimpleRequest::default()).await.map_err(say)?;
                    sent.fetch_add(1, Relaxed);
                }
            };
            let receive = async {
                while replies.message().await.map_err(say)?.is_some() {}
                Ok::<(), String>(())
            };
            tokio::select! {
                failed = send => failed,
                ended = receive => Err(format!("the stream ended: {ended:?}")),
                // The sender waits for a handler that has thousands of messages left to read.
                () = sleep(time) => Ok(sent.load(Relaxed)),
            }
        });
    }
    sum(tasks).await
}

/// Small messages from our server, of which one is read each millisecond.
pub(super) async fn to_slow_client(addr: SocketAddr, time: Duration) -> Outcome {
    read(addr, time, 16, Duration::from_millis(1)).await
}

/// Reads messages of so many bytes on four streams, with such a pause after each.
pub(super) async fn read(addr: SocketAddr, time: Duration, size: i32, pause: Duration) -> Outcome {
    let client = client(addr)?;
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let client = client.clone();
        tasks.spawn(async move {
            let request = SimpleRequest {
                response_size: size,
                ..SimpleRequest::default()
            };
            let call = client.streaming_from_server(request);
            let mut replies = call.await.map_err(say)?;
            let (end, mut got) = (Instant::now() + time, 0);
            while Instant::now() < end {
                if replies.message().await.map_err(say)?.is_none() {
                    return Err("the stream ended".into());
                }
                got += 1;
                if !pause.is_zero() {
                    sleep(pause).await;
                }
            }
            Ok(got)
        });
    }
    sum(tasks).await
}

/// 1,000 calls a second that are given up while their handlers work, beside calls that are not.
pub(super) async fn cancels(addr: SocketAddr, time: Duration) -> Outcome {
    let client = client(addr)?;
    let end = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let client = client.clone();
        tasks.spawn(async move {
            let mut calls = 0;
            while Instant::now() < end {
                one_call(&client).await?;
                calls += 1;
            }
            Ok(calls)
        });
    }
    for _ in 0..10 {
        let client = client.clone();
        tasks.spawn(async move {
            let mut calls = 0;
            let mut ticks = interval(Duration::from_millis(10));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            while Instant::now() < end {
                ticks.tick().await;
                let call = client.unary_call(SimpleRequest::default());
                let sleeping = call.metadata("x-do", "sleep").into_future();
                match timeout(Duration::from_millis(4), sleeping).await {
                    Err(_) => calls += 1,
                    Ok(ended) => return Err(format!("a call was not cancelled: {ended:?}")),
                }
            }
            Ok(calls)
        });
    }
    sum(tasks).await
}

async fn sum(mut tasks: JoinSet<Outcome>) -> Outcome {
    let mut sum = 0;
    while let Some(outcome) = tasks.join_next().await {
        sum += outcome.map_err(|error| error.to_string())??;
    }
    Ok(sum)
}
