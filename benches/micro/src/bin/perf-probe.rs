//! The program that `cargo xtask perf` runs under valgrind: one side of a recorded conversation.
//!
//! ```text
//! perf-probe list                               name, units counted, and rounds of the short and of the long run
//! perf-probe record SCENARIO ROUNDS TAPE        client against server, natively
//! perf-probe client|server SCENARIO ROUNDS TAPE that side alone, against the tape
//! ```

use farcall_micro::{
    Error, Player, SCENARIOS, Scenario, Tape, Work, files, record, run_client, runtime, server,
};
use std::path::Path;

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if args == ["list"] {
        for s in SCENARIOS {
            let (short, long) = (s.warm_up, s.warm_up + s.rounds);
            println!("{} {} {short} {long}", s.name, s.tasks * s.rounds);
        }
        return Ok(());
    }
    let [command, name, rounds, tape] = args[..] else {
        return Err("usage: perf-probe list | record|client|server SCENARIO ROUNDS TAPE".into());
    };
    let scenario = Scenario::find(name).ok_or("there is no such scenario")?;
    let (rounds, tape) = (rounds.parse()?, Path::new(tape));
    let runtime = runtime()?;
    match command {
        "record" => {
            let tapes = runtime.block_on(record(scenario, rounds))?;
            for (tape, file) in tapes.iter().zip(files(tape, scenario)) {
                tape.save(&file)?;
            }
        }
        "client" => runtime.block_on(client(scenario, rounds, tape))?,
        "server" => runtime.block_on(serve(scenario, tape))?,
        _ => return Err("record, client or server".into()),
    }
    // Ends here and now: taking everything down is not part of any call.
    std::process::exit(0)
}

async fn client(scenario: &Scenario, rounds: usize, tape: &Path) -> Result<(), Error> {
    let mut players = Vec::new();
    for file in files(tape, scenario) {
        players.push(Player::new(&Tape::load(&file)?, true).0);
    }
    run_client(scenario, rounds, players).await?;
    Ok(())
}

async fn serve(scenario: &Scenario, tape: &Path) -> Result<(), Error> {
    let mut ends = Vec::new();
    for file in files(tape, scenario) {
        let (player, end) = Player::new(&Tape::load(&file)?, false);
        tokio::spawn(server(scenario.work)?.serve(player));
        ends.push(end);
    }
    let streaming = matches!(scenario.work, Work::ServerStream(_));
    for end in ends {
        let report = end.await?;
        if !streaming && (report.written != report.expected || report.silences > 0) {
            return Err(format!("this is not the conversation of the tape: {report:?}").into());
        }
    }
    Ok(())
}
