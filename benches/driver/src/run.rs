//! One run: a server process on one core, a client process on another.

use crate::{Failure, setup::Setup};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// What a client reported.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Outcome {
    /// Thousand calls in a second.
    pub(crate) rate: f64,
    /// CPU microseconds of the server for a call.
    pub(crate) server: f64,
    pub(crate) client: f64,
    /// The client's system calls and sleeps for a call.
    pub(crate) writes: f64,
    pub(crate) reads: f64,
    pub(crate) sleeps: f64,
    /// Microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// Runs what the pairs say.
///
/// # Errors
/// A process could not be started, or failed.
pub(crate) fn run(pairs: &[&str]) -> Result<Outcome, Failure> {
    let mut server = start("0", "server", pairs, &[])?;
    let reached = with_server(&mut server, pairs);
    let _ = server.kill();
    let _ = server.wait();
    reached.map_err(|error| format!("{}: {error}", pairs.join(" ")).into())
}

fn with_server(server: &mut Child, pairs: &[&str]) -> Result<Outcome, Failure> {
    let address = first_line(server)?;
    let pid = server.id().to_string();
    let mut client = start("1", "client", pairs, &[address.trim(), &pid])?;
    let line = first_line(&mut client)?;
    client.wait()?;
    parse(&line).ok_or_else(|| format!("the client said {line:?}").into())
}

/// `taskset` becomes the program, so that the child's id is the program's.
fn start(core: &str, role: &str, pairs: &[&str], rest: &[&str]) -> Result<Child, Failure> {
    let program = std::env::current_exe()?;
    let mut command = match Setup::parse(pairs.iter().copied())?.pinned {
        true => Command::new("taskset"),
        false => Command::new(&program),
    };
    if command.get_program() == "taskset" {
        command.args(["-c", core]).arg(program);
    }
    command.arg(role).args(rest).args(pairs);
    let child = command.stdout(Stdio::piped()).spawn();
    child.map_err(|error| format!("{role}: {error}").into())
}

fn first_line(child: &mut Child) -> Result<String, Failure> {
    let stdout = child.stdout.take().ok_or("no output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    Ok(line)
}

fn parse(line: &str) -> Option<Outcome> {
    let value = |key: &str| -> Option<f64> {
        let mut pairs = line
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == key)?.1.parse().ok()
    };
    let calls = value("calls").filter(|calls| *calls > 0.0)?;
    Some(Outcome {
        rate: calls / value("nanos")? * 1e6,
        server: value("server")? / calls / 1e3,
        client: value("client")? / calls / 1e3,
        writes: value("writes")? / calls,
        reads: value("reads")? / calls,
        sleeps: value("sleeps")? / calls,
        p50: value("p50")? / 1e3,
        p99: value("p99")? / 1e3,
    })
}

/// The median of each figure.
pub(crate) fn median(runs: &[Outcome]) -> Outcome {
    let of = |figure: fn(&Outcome) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        (low + high) / 2.0
    };
    Outcome {
        rate: of(|run| run.rate),
        server: of(|run| run.server),
        client: of(|run| run.client),
        writes: of(|run| run.writes),
        reads: of(|run| run.reads),
        sleeps: of(|run| run.sleeps),
        p50: of(|run| run.p50),
        p99: of(|run| run.p99),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_for_one_call() {
        let line = "calls=1000 nanos=2000000 client=3000000 server=1000000 writes=10 reads=20 sleeps=30 p50=1000 p99=2000";
        let outcome = parse(line).unwrap();
        assert_eq!(
            (outcome.rate, outcome.server, outcome.client),
            (500.0, 1.0, 3.0)
        );
        assert_eq!((outcome.writes, outcome.p50, outcome.p99), (0.01, 1.0, 2.0));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_ones() {
        let rate = |rate| Outcome {
            rate,
            ..Outcome::default()
        };
        let runs = [rate(1.0), rate(9.0), rate(3.0), rate(5.0)];
        assert_eq!(median(&runs).rate, 4.0);
    }
}
