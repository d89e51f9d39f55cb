//! The same calls over the ways to a server, all in this process: our listener, a pipe inside the process, and hyper with the
//! server mounted into it.

use crate::{
    load::{Call, Loops},
    pb::{Amount, ExperimentsClient, ExperimentsServer},
    server::Service,
    system::cpu_secs,
    verdict::{Verdict, median},
};
use anyhow::Result;
use farcall::{Channel, Server};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tower_service::Service as _;

const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_millis(700);

/// What is measured on each way.
const LOADS: [(&str, Load); 3] = [
    ("one call at a time", Load::Calls(1)),
    ("100 calls at a time", Load::Calls(100)),
    ("stream of 64 KiB messages", Load::Flood),
];

#[derive(Clone, Copy)]
enum Load {
    Calls(usize),
    Flood,
}

async fn over_a_socket() -> Result<Channel> {
    let server = server().bind("127.0.0.1:0").await?;
    let target = format!("ipv4:{}", server.local_addr()?);
    tokio::spawn(server.serve());
    Ok(Channel::builder(target).insecure().build()?)
}

async fn mounted() -> Result<Channel> {
    let service = server().into_service()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let target = format!("ipv4:{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).ok();
            let service = service.clone();
            let serve = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                service.clone().call(request)
            });
            let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http2.serve_connection(TokioIo::new(stream), serve));
        }
    });
    Ok(Channel::builder(target).insecure().build()?)
}

fn server() -> Server {
    Server::builder().add_service(ExperimentsServer::new(Service::idle()))
}

/// Microseconds of CPU of the whole process, and of time, for each call or message.
async fn cost(client: &ExperimentsClient, load: Load) -> Result<[f64; 2]> {
    let (cpu, start) = (cpu_secs(std::process::id())?, Instant::now());
    let count = match load {
        Load::Calls(outstanding) => Loops::run(client, outstanding, Call::Short, TIME)
            .await?
            .len(),
        Load::Flood => flood(client).await?,
    };
    let time = start.elapsed().as_secs_f64();
    let cpu = cpu_secs(std::process::id())? - cpu;
    Ok([cpu, time].map(|secs| secs * 1e6 / count as f64))
}

async fn flood(client: &ExperimentsClient) -> Result<usize> {
    let amount = u64::MAX;
    let (mut chunks, mut count) = (client.flood(Amount { amount }).await?, 0);
    let start = Instant::now();
    while start.elapsed() < TIME {
        chunks.message().await?;
        count += 1;
    }
    Ok(count)
}

pub(crate) async fn run(verdict: &mut Verdict) -> Result<()> {
    let ways = [
        ("socket", over_a_socket().await?),
        ("in-process", server().in_process()?),
        ("mounted into hyper", mounted().await?),
    ];
    for (what, load) in LOADS {
        let mut costs = vec![[Vec::new(), Vec::new()]; ways.len()];
        for _ in 0..ROUNDS {
            for ((_, channel), costs) in ways.iter().zip(&mut costs) {
                channel.connect().await?;
                let client = ExperimentsClient::new(channel.clone());
                let [cpu, time] = cost(&client, load).await?;
                costs[0].push(cpu);
                costs[1].push(time);
            }
        }
        for ((way, _), costs) in ways.iter().zip(costs) {
            let [cpu, time] = costs.map(median);
            verdict.note(&format!("{what}, {way}, CPU"), cpu, "µs");
            verdict.note(&format!("{what}, {way}, time"), time, "µs");
        }
    }
    Ok(())
}
