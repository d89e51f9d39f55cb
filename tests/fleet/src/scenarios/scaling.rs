//! More connections to one backend: when its limit of streams is reached (gRFC A105), and by choice.

use crate::{
    backend::Backend,
    client::payload,
    directory::{Directory, Source},
    options::Options,
    report::{Report, millis},
    wire::{Places, Sent, Wire},
};
use farcall::{Channel, ChannelBuilder};
use farcall_interop::pb::{SimpleRequest, TestServiceClient};
use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

const STREAMS: u32 = 10;
const CALLS: usize = 100;
/// What each call takes at the backend.
const WORK: Duration = Duration::from_millis(500);
const CONFIG: &str = r#"{"connectionScaling": {"maxConnectionsPerSubchannel": 10}}"#;

/// Runs it.
pub(super) async fn scaling(options: &Options) -> Result<Report, Box<dyn Error>> {
    let (directory, places) = (Directory::start().await, Arc::<Places>::default());
    let mut report = Report::default();
    directory.set(&[1]);
    let channel = |settings: fn(ChannelBuilder) -> ChannelBuilder| {
        let sent = Arc::new(Sent::default());
        let wire = Wire {
            places: Arc::clone(&places),
            sent: Arc::clone(&sent),
        };
        let builder = directory.channel(Source::Manual).connector(wire);
        Ok::<_, Box<dyn Error>>((settings(builder).build()?, sent))
    };

    let mut backend = Backend::start_with_streams(1, STREAMS, &places).await?;
    backend.slow(WORK).await?;
    let (scaled, sent) = channel(|channel| channel.default_service_config(CONFIG))?;
    report.line(format!(
        "a backend with {STREAMS} streams on a connection, {CALLS} calls at once of {} ms, at most 10 connections:",
        WORK.as_millis()
    ));
    for (round, queued) in [("first", true), ("second", false)] {
        let slowest = at_once(&scaled).await?;
        let connections = sent.connections()[1];
        report.line(format!(
            "  {round} hundred: {connections} connections, the slowest call {} ms",
            millis(slowest)
        ));
        report.expect(
            connections == 10,
            format!("{connections} connections, not 10"),
        );
        // A call that had to queue behind another would take twice its time.
        report.expect(
            queued || slowest < WORK * 2,
            "a call queued although all connections were up",
        );
    }
    let (single, sent) = channel(|channel| channel)?;
    let slowest = at_once(&single).await?;
    let connections = sent.connections()[1];
    report.line(format!(
        "  without it: {connections} connection, the slowest call {} ms",
        millis(slowest)
    ));
    report.expect(
        connections == 1 && slowest > WORK * 5,
        "one connection took more than ten calls at once",
    );

    let mut backend = Backend::start_with_streams(1, 1000, &places).await?;
    let seconds = Duration::from_secs(if options.short { 2 } else { 5 });
    for (name, settings) in [
        (
            "1",
            (|channel| channel) as fn(ChannelBuilder) -> ChannelBuilder,
        ),
        ("4", |channel| channel.connections_per_backend(4)),
    ] {
        let (channel, sent) = channel(settings)?;
        let before = backend.calls().await?;
        let calls = hammer(&channel, seconds).await?;
        let connections = sent.connections()[1];
        report.line(format!(
            "connections_per_backend({name}): {connections} connections, {:.0} calls per second, {CALLS} at a time",
            calls as f64 / seconds.as_secs_f64()
        ));
        report.expect(
            connections.to_string() == name,
            format!("{connections} connections, not {name}"),
        );
        let got = backend.calls().await? - before;
        report.expect(
            got == calls,
            format!("the backend got {got} calls of {calls}"),
        );
    }
    Ok(report)
}

fn request() -> SimpleRequest {
    SimpleRequest {
        response_size: 100,
        payload: payload(100),
        ..SimpleRequest::default()
    }
}

/// So many calls at once; how long the slowest took.
async fn at_once(channel: &Channel) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    let client = TestServiceClient::new(channel.clone());
    let calls: Vec<_> = (0..CALLS)
        .map(|_| tokio::spawn(client.unary_call(request()).into_future()))
        .collect();
    for call in calls {
        call.await??;
    }
    Ok(start.elapsed())
}

/// So many calls at a time for a while; how many were made.
async fn hammer(channel: &Channel, time: Duration) -> Result<u64, Box<dyn Error>> {
    channel.connect().await?;
    let end = Instant::now() + time;
    let workers: Vec<_> = (0..CALLS)
        .map(|_| {
            let client = TestServiceClient::new(channel.clone());
            tokio::spawn(async move {
                let mut calls = 0;
                while Instant::now() < end {
                    client.unary_call(request()).await?;
                    calls += 1;
                }
                Ok::<u64, farcall::Status>(calls)
            })
        })
        .collect();
    let mut calls = 0;
    for worker in workers {
        calls += worker.await??;
    }
    Ok(calls)
}
