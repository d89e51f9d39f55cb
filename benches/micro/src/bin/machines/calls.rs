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
        let tapes = [tape(scenario, short)?, tape(scenario, long)?];
        let units = (10 * scenario.rounds * scenario.tasks) as f64;
        let sides = [serve, call].map(|side| {
            let mut best = [Duration::MAX; 2];
            for _ in 0..ROUNDS {
                for ((best, tape), rounds) in best.iter_mut().zip(&tapes).zip([short, long]) {
                    *best = (*best).min(side(scenario, rounds, tape)?);
                }
            }
            Ok::<f64, Error>(best[1].saturating_sub(best[0]).as_nanos() as f64 / units)
        });
        let [server, client] = sides;
        println!("{:24} {:>10.0} {:>10.0}", scenario.name, server?, client?);
    }
    Ok(())
}

fn tape(scenario: &Scenario, rounds: usize) -> Result<Tape, Error> {
    runtime()?.block_on(record(scenario, rounds))
}

fn serve(_: &Scenario, _: usize, tape: &Tape) -> Result<Duration, Error> {
    let (player, end) = Player::new(tape, false);
    runtime()?.block_on(async {
        let start = Instant::now();
        tokio::spawn(server()?.serve(player));
        end.await?;
        Ok(start.elapsed())
    })
}

fn call(scenario: &Scenario, rounds: usize, tape: &Tape) -> Result<Duration, Error> {
    let (player, _) = Player::new(tape, true);
    runtime()?.block_on(async {
        let start = Instant::now();
        run_client(scenario, rounds, player).await?;
        Ok(start.elapsed())
    })
}
