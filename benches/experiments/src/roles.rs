//! What the processes do that the experiments start.

use crate::{
    load::connect,
    pb::{Amount, Done, ExperimentsClient},
    server,
    system::rss_kib,
};
use anyhow::{Context, Result, bail};
use farcall::client::BidiCall;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    sync::Semaphore,
    task::JoinSet,
};

/// Connections that are made at a time.
const AT_A_TIME: usize = 256;

pub(crate) fn run(args: &[String]) -> Result<()> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let threads = match args[..] {
        ["serve", threads, ..] => threads.parse()?,
        _ => 1,
    };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(threads).enable_all().build()?;
    runtime.block_on(async {
        match args[..] {
            ["serve", _, limit] => server::serve(None, limit).await,
            ["hold", address, connections, streams] => {
                hold_many(address, connections.parse()?, streams.parse()?).await
            }
            ["channels", address] => crate::channels::measure(address).await,
            ["probe", address] => probe(address).await,
            _ => bail!("no such role: {args:?}"),
        }
    })
}

/// An open stream on which each side has sent one message.
pub(crate) type Held = (farcall::Sender<Amount>, farcall::Streaming<Done>);

pub(crate) async fn hold(client: &ExperimentsClient) -> Result<Held> {
    let call: BidiCall<Amount, Done> = client.hold();
    let (mut requests, mut answers) = call.split();
    requests.send(Amount { amount: 0 }).await?;
    answers.message().await?.context("the stream has ended")?;
    Ok((requests, answers))
}

/// Opens connections, makes a call on each and opens streams on it, says by how many KiB that made the process grow (and
/// how long it took to connect, in seconds: after a line has come in), and keeps them until the standard input ends.
async fn hold_many(address: &str, connections: usize, streams: usize) -> Result<()> {
    let before = rss_kib(std::process::id())?;
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let mut opening = JoinSet::new();
    for _ in 0..connections {
        let (address, permits) = (address.to_owned(), Arc::clone(&permits));
        opening.spawn(async move {
            let _permit = permits.acquire().await?;
            let client = connect(&address).await?;
            client.short(Amount { amount: 0 }).await?;
            let mut held = Vec::with_capacity(streams);
            for _ in 0..streams {
                held.push(hold(&client).await?);
            }
            anyhow::Ok((client, held))
        });
    }
    let mut open = Vec::with_capacity(connections);
    while let Some(connection) = opening.join_next().await {
        open.push(connection??);
    }
    drop(opening);
    tokio::time::sleep(Duration::from_millis(500)).await;
    println!("{}", rss_kib(std::process::id())? - before);
    let mut lines = BufReader::new(stdin()).lines();
    if lines.next_line().await?.is_some() {
        let start = Instant::now();
        drop(open);
        println!("{}", start.elapsed().as_secs_f64());
        lines.next_line().await?;
    }
    // Not one after the other, as a runtime that is dropped ends its tasks.
    std::process::exit(0)
}

/// One call after the other on a connection; for each line that comes in, how many there were since the last one, and the
/// median, 99th percentile and longest of their latencies in ms.
async fn probe(address: &str) -> Result<()> {
    let client = connect(address).await?;
    let mut lines = BufReader::new(stdin()).lines();
    let mut latencies = Vec::new();
    println!("0");
    loop {
        let start = Instant::now();
        tokio::select! {
            biased;
            line = lines.next_line() => {
                if line?.is_none() {
                    return Ok(());
                }
                latencies.sort_unstable();
                let at = |q: f64| latencies.get(((latencies.len() as f64 - 1.0) * q) as usize);
                let ms = |q| at(q).map_or(f64::NAN, |d: &Duration| d.as_secs_f64() * 1e3);
                println!("{} {} {} {}", latencies.len(), ms(0.5), ms(0.99), ms(1.0));
                latencies.clear();
            }
            called = client.short(Amount { amount: 0 }) => {
                called?;
                latencies.push(start.elapsed());
            }
        }
    }
}
