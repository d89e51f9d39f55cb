//! `attacks client`: a channel to the attacker, and neighbours' channels to an honest server.

use super::log;
use crate::{
    neighbours::{Neighbours, Secure, channel},
    pb::{BenchmarkServiceClient, SimpleRequest},
};
use farcall::{Response, Status, client::UnaryFuture};
use std::{
    error::Error,
    future::{Future, IntoFuture, poll_fn},
    net::SocketAddr,
    pin::Pin,
    task::Poll,
    time::{Duration, Instant},
};
use tokio::io::{AsyncBufReadExt, BufReader};

/// A call's time; long enough for every reaction, short enough for the suite.
const TIMEOUT: Duration = Duration::from_millis(1500);

/// Does what it is told on standard input, a line each, and answers with a line:
///
/// - `phase`: what the neighbours saw since the last time: p99 in microseconds, calls, failures
/// - `call N`: that many unary calls at once; their statuses as `CODE message`, separated by tabs
/// - `stream`: a call with a stream of responses, read to its end
/// - `hold`: the same, but nothing is read for a while
/// - `next`: one more call, which waits until it has a connection that holds
pub(crate) async fn run(mut args: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    log::start(::log::LevelFilter::Warn);
    let mut address = || {
        let text = args.next().ok_or("client TARGET NEIGHBOUR [--tls]")?;
        text.parse::<SocketAddr>()
            .map_err(|error| error.to_string())
    };
    let (target, neighbour) = (address()?, address()?);
    let secure = match args.next() {
        Some(_) => Secure::Tls,
        None => Secure::Plaintext,
    };
    let neighbours = Neighbours::start(neighbour, Secure::Plaintext).await?;
    let client = BenchmarkServiceClient::new(channel(target, secure)?);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = match line.split_once(' ').unwrap_or((line.as_str(), "")) {
            ("phase", _) => {
                let phase = neighbours.take();
                let (p99, calls) = (phase.p99().as_micros(), phase.calls());
                format!("{p99} {calls} {}", phase.failures.len())
            }
            ("call", count) => calls(&client, count.parse()?).await,
            ("stream", _) => said(stream(&client, Duration::ZERO).await),
            ("hold", _) => said(stream(&client, HELD).await),
            _ => next(&client).await,
        };
        println!("{answer}");
    }
    Ok(())
}

/// How long a client that reads slowly reads nothing.
const HELD: Duration = Duration::from_millis(900);

type Call = UnaryFuture<SimpleRequest, crate::pb::SimpleResponse>;

/// Starts the calls in this order, so that the attacker knows which stream is whose.
async fn calls(client: &BenchmarkServiceClient, count: usize) -> String {
    let mut calls: Vec<Call> = (0..count)
        .map(|_| {
            let call = client.unary_call(SimpleRequest::default());
            call.timeout(TIMEOUT).into_future()
        })
        .collect();
    let mut outcomes: Vec<Option<Result<Response<_>, Status>>> = vec![];
    outcomes.resize_with(count, || None);
    poll_fn(|cx| {
        for (call, outcome) in calls.iter_mut().zip(&mut outcomes) {
            if outcome.is_none()
                && let Poll::Ready(ended) = Pin::new(call).poll(cx)
            {
                *outcome = Some(ended);
            }
        }
        if outcomes.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    let said: Vec<_> = outcomes
        .into_iter()
        .flatten()
        .map(|outcome| said(outcome.map(drop)))
        .collect();
    said.join("\t")
}

/// A call that is made again while it fails: the attacked connection may be lost under it.
async fn next(client: &BenchmarkServiceClient) -> String {
    let end = Instant::now() + 3 * TIMEOUT;
    loop {
        let call = client.unary_call(SimpleRequest::default());
        let patient = call.timeout(3 * TIMEOUT).wait_for_ready();
        let said = said(patient.await.map(drop));
        if said == "OK" || Instant::now() > end {
            return said;
        }
        tokio::time::sleep(TIMEOUT / 20).await;
    }
}

/// Reads a stream of responses as fast as they come, after a pause.
async fn stream(client: &BenchmarkServiceClient, pause: Duration) -> Result<(), Status> {
    let call = client.streaming_from_server(SimpleRequest::default());
    let mut replies = call.timeout(TIMEOUT).await?;
    tokio::time::sleep(pause).await;
    while replies.message().await?.is_some() {}
    Ok(())
}

/// `CODE message`, in one line and without tabs.
fn said(outcome: Result<(), Status>) -> String {
    match outcome {
        Ok(()) => "OK".into(),
        Err(status) => status.to_string().escape_debug().to_string(),
    }
}
