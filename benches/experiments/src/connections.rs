//! Ten thousand connections come, stay and go, and a caller beside them must not notice.

use crate::{
    child::Child,
    system::{cpu_secs, need_files, rss_kib},
    verdict::Verdict,
};
use anyhow::Result;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 10_000;
/// Streams, on a tenth as many connections.
const STREAMS_EACH: usize = 10;
/// A longer pause than this between question and answer is a stall.
const STALL_MS: f64 = 100.0;

async fn mark(verdict: &mut Verdict, probe: &mut Child, when: &str) -> Result<()> {
    let [calls, p50, p99, longest] = probe.ask().await?;
    println!("  beside {when}: {calls} calls, p50 {p50:.3} ms, p99 {p99:.3} ms");
    verdict.at_most(
        &format!("longest call beside {when}"),
        longest,
        STALL_MS,
        "ms",
    );
    Ok(())
}

pub(crate) async fn run(verdict: &mut Verdict) -> Result<()> {
    need_files(CONNECTIONS as u64 + 500)?;
    let (mut server, address) = Child::server(2).await?;
    let mut probe = Child::start("probe", std::slice::from_ref(&address))?;
    let [_] = probe.numbers().await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    mark(verdict, &mut probe, "nothing").await?;

    let start = Instant::now();
    let args = [address.clone(), CONNECTIONS.to_string(), "0".into()];
    let mut crowd = Child::start("hold", &args)?;
    let [_] = crowd.numbers().await?;
    verdict.note(
        "10,000 connections with a call each",
        start.elapsed().as_secs_f64(),
        "s",
    );
    mark(verdict, &mut probe, "connections that come").await?;

    let args = [
        address.clone(),
        (CONNECTIONS / STREAMS_EACH / 10).to_string(),
        (STREAMS_EACH * 10).to_string(),
    ];
    let mut streams = Child::start("hold", &args)?;
    let [_] = streams.numbers().await?;
    mark(verdict, &mut probe, "10,000 streams that come").await?;
    let before = cpu_secs(server.pid)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    mark(verdict, &mut probe, "10,000 idle connections and streams").await?;
    verdict.note(
        "server's CPU meanwhile",
        (cpu_secs(server.pid)? - before) / 2.0,
        "cores",
    );
    verdict.note("server's memory", rss_kib(server.pid)? / 1024.0, "MiB");

    let [_] = crowd.ask().await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    mark(verdict, &mut probe, "connections that go").await?;
    drop(crowd);

    let args = [address, CONNECTIONS.to_string(), "0".into()];
    let mut crowd = Child::start("hold", &args)?;
    let [_] = crowd.numbers().await?;
    mark(verdict, &mut probe, "connections that come again").await?;
    drop((probe, streams));
    let [took, connections_cut, calls_cut] = server.ask().await?;
    verdict.at_most("graceful shutdown of 10,000 connections", took, 5.0, "s");
    verdict.at_most("connections cut by it", connections_cut, 0.0, "");
    verdict.at_most("calls cut by it", calls_cut, 0.0, "");
    Ok(())
}
