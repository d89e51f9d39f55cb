//! The server of the experiments.

use crate::pb::{Amount, Chunk, Done, Experiments, ExperimentsServer};
use anyhow::{Result, bail};
use bytes::Bytes;
use farcall::{Request, Response, Sender, Server, Status, Streaming, server::Overload};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// How long a shutdown may take.
const DRAIN: Duration = Duration::from_secs(20);
const CHUNK: usize = 64 << 10;

/// A fixed amount of work that a core does in about a microsecond when nobody disturbs it.
#[derive(Clone, Copy)]
struct Work {
    rounds_per_us: u64,
}

impl Work {
    /// Measures the core: the fastest of many batches is the one that nobody disturbed.
    fn calibrated() -> Work {
        const ROUNDS: u64 = 100_000;
        let batch = |_| {
            let start = Instant::now();
            spin(ROUNDS);
            start.elapsed()
        };
        let best = (0..200).map(batch).min().unwrap_or_default();
        let rounds_per_us = ROUNDS as f64 / (best.as_secs_f64() * 1e6);
        Work {
            rounds_per_us: rounds_per_us as u64,
        }
    }

    fn burn(self, micros: u64) {
        spin(self.rounds_per_us * micros);
    }
}

fn spin(rounds: u64) {
    let mut state = 1u64;
    for _ in 0..rounds {
        state = black_box(
            state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1),
        );
    }
}

pub(crate) struct Service {
    work: Work,
}

impl Service {
    /// For servers that nobody asks to compute.
    pub(crate) fn idle() -> Service {
        let work = Work { rounds_per_us: 1 };
        Service { work }
    }
}

impl Experiments for Service {
    async fn short(&self, _: Request<Amount>) -> Result<Response<Done>, Status> {
        Ok(Done {}.into())
    }

    async fn burn(&self, request: Request<Amount>) -> Result<Response<Done>, Status> {
        self.work.burn(request.amount);
        Ok(Done {}.into())
    }

    async fn flood(
        &self,
        request: Request<Amount>,
        replies: &mut Sender<Chunk>,
    ) -> Result<(), Status> {
        let data = Bytes::from_static(&[0; CHUNK]);
        let mut left = request.amount as usize;
        while left > 0 {
            let data = data.slice(..left.min(CHUNK));
            left -= data.len();
            replies.send(Chunk { data }).await?;
        }
        Ok(())
    }

    async fn hold(
        &self,
        mut requests: Request<Streaming<Amount>>,
        replies: &mut Sender<Done>,
    ) -> Result<(), Status> {
        while requests.message().await?.is_some() {
            replies.send(Done {}).await?;
        }
        Ok(())
    }
}

/// Serves, with a limit of calls (`none`, `fixed` to 8, `adaptive`), until a line comes in, then shuts down; says the port first, and last how the shutdown went. Ends also when the
/// standard input does.
pub(crate) async fn serve(shards: Option<usize>, limit: &str) -> Result<()> {
    let work = Work::calibrated();
    let mut server = Server::builder()
        .add_service(ExperimentsServer::new(Service { work }))
        .max_concurrent_streams(20_000);
    server = match limit {
        "none" => server,
        "fixed" => server.overload(Overload::fixed(8)),
        "adaptive" => server.overload(Overload::adaptive()),
        other => bail!("no such limit: {other}"),
    };
    if let Some(shards) = shards {
        server = server.shards(shards);
    }
    let server = server.bind("127.0.0.1:0").await?;
    println!("{}", server.local_addr()?);
    let mut asked = None;
    let stop = async {
        let mut lines = BufReader::new(stdin()).lines();
        if !matches!(lines.next_line().await, Ok(Some(_))) {
            std::process::exit(0);
        }
        asked = Some(Instant::now());
    };
    let report = server.serve_with_shutdown(stop, DRAIN).await;
    let took = asked.map_or(0.0, |asked| asked.elapsed().as_secs_f64());
    println!("{took} {} {}", report.connections_cut, report.calls_cut);
    Ok(())
}
