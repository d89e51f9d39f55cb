//! The cost of a call on a connection with very many open streams.

use crate::{
    child::Child,
    load::{Call, Loops, connect},
    roles::hold,
    system::cpu_secs,
    verdict::{Verdict, median},
};
use anyhow::Result;
use std::time::Duration;

const ROUNDS: usize = 3;
const TIME: Duration = Duration::from_secs(1);

/// CPU of server and client per call, in µs, with so many idle streams open on the same connection.
async fn cost(streams: usize) -> Result<[f64; 2]> {
    let (server, address) = Child::server(1).await?;
    let client = connect(&address).await?;
    let mut open = Vec::new();
    for _ in 0..streams {
        open.push(hold(&client).await?);
    }
    Loops::run(&client, 100, Call::Short, TIME / 4).await?;
    let pids = [server.pid, std::process::id()];
    let cpu = || -> Result<[f64; 2]> { Ok([cpu_secs(pids[0])?, cpu_secs(pids[1])?]) };
    let before = cpu()?;
    let calls = Loops::run(&client, 100, Call::Short, TIME).await?;
    let after = cpu()?;
    let per_call = |i: usize| (after[i] - before[i]) * 1e6 / calls.len() as f64;
    Ok([per_call(0), per_call(1)])
}

pub(crate) async fn run(verdict: &mut Verdict) -> Result<()> {
    let mut few = [Vec::new(), Vec::new()];
    let mut many = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (streams, costs) in [(100, &mut few), (10_000, &mut many)] {
            let [server, client] = cost(streams).await?;
            costs[0].push(server);
            costs[1].push(client);
        }
    }
    let (few, many) = (few.map(median), many.map(median));
    for (side, which) in ["server", "client"].into_iter().enumerate() {
        verdict.note(
            &format!("{which} with 100 streams"),
            few[side],
            "µs per call",
        );
        verdict.note(
            &format!("{which} with 10,000 streams"),
            many[side],
            "µs per call",
        );
        let what = format!("{which} with 10,000 against 100");
        verdict.at_most(&what, many[side] / few[side], 1.5, "×");
    }
    Ok(())
}
