//! Whole calls on an in-memory pair, each side alone against a recording of the other: the scenarios of `cargo xtask perf`
//! in nanoseconds. The runtime's part and the client's and the server's tasks are in them, system calls are not.

use farcall_micro::{
    Error, Player, SCENARIOS, Scenario, Tape, record, run_client, runtime, server,
};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;

pub(crate) fn run() -> Result<(), Error> {
    println!(
        "{:24} {:>10} {:>10}",
        "ns per call or message", "server", "client"
    );
    for scenario in SCENARIOS {
        let (short, long) = (scenario.warm_up, scenario.warm_up + 10 * scenario.rounds);
        let tapes = [tapes(scenario, short)?, tapes(scenario, long)?];
        let units = (10 * scenario.rounds * scenario.tasks) as f64;
        let sides = [serve, call].map(|side| {
            let mut best = [Duration::MAX; 2];
            for _ in 0..ROUNDS {
                for ((best, tapes), rounds) in best.iter_mut().zip(&tapes).zip([short, long]) {
                    *best = (*best).min(side(scenario, rounds, tapes)?);
                }
            }
            Ok::<f64, Error>(best[1].saturating_sub(best[0]).as_nanos() as f64 / units)
        });
        let [server, client] = sides;
        println!("{:24} {:>10.0} {:>10.0}", scenario.name, server?, client?);
    }
    Ok(())
}

fn tapes(scenario: &Scenario, rounds: usize) -> Result<Vec<Tape>, Error> {
    runtime()?.block_on(record(scenario, rounds))
}

fn serve(scenario: &Scenario, _: usize, tapes: &[Tape]) -> Result<Duration, Error> {
    let players: Vec<_> = tapes.iter().map(|tape| Player::new(tape, false)).collect();
    runtime()?.block_on(async {
        let start = Instant::now();
        let mut ends = Vec::new();
        for (player, end) in players {
            tokio::spawn(server(scenario.work)?.serve(player));
            ends.push(end);
        }
        for end in ends {
            end.await?;
        }
        Ok(start.elapsed())
    })
}

fn call(scenario: &Scenario, rounds: usize, tapes: &[Tape]) -> Result<Duration, Error> {
    let players = tapes.iter().map(|tape| Player::new(tape, true).0).collect();
    runtime()?.block_on(async {
        let start = Instant::now();
        run_client(scenario, rounds, players).await?;
        Ok(start.elapsed())
    })
}
