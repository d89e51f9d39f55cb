//! The program that is measured, and how.

use super::{budget::Figures, profile::Profile, valgrind};
use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The two ends, each measured alone.
pub const SIDES: [&str; 2] = ["server", "client"];

/// What the probe says of a scenario.
pub struct Scenario {
    pub name: String,
    /// Calls or messages by which the long run is longer.
    units: f64,
    short: String,
    long: String,
}

/// The built probe.
pub struct Probe {
    program: PathBuf,
    /// Where recordings and counts go.
    folder: PathBuf,
}

impl Probe {
    /// Builds it as the benchmark programs are built.
    pub fn build(root: &Path) -> io::Result<Probe> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root);
        cargo.args(["build", "--quiet", "--profile", "perf"]);
        cargo.args(["--package", "farcall-micro", "--bin", "perf-probe"]);
        if !cargo.status()?.success() {
            return Err(io::Error::other("perf-probe does not build"));
        }
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |dir| root.join(dir));
        let folder = target.join("perf/counts");
        std::fs::create_dir_all(&folder)?;
        Ok(Probe {
            program: target.join("perf/perf-probe"),
            folder,
        })
    }

    /// All scenarios, in the probe's order.
    pub fn scenarios(&self) -> io::Result<Vec<Scenario>> {
        let output = Command::new(&self.program)
            .arg("list")
            .stderr(Stdio::inherit())
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let scenario = |line: &str| {
            let mut words = line.split(' ').map(str::to_owned);
            Some(Scenario {
                name: words.next()?,
                units: words.next()?.parse().ok()?,
                short: words.next()?,
                long: words.next()?,
            })
        };
        let list: Option<Vec<_>> = text.lines().map(scenario).collect();
        list.ok_or_else(|| io::Error::other("perf-probe lists its scenarios otherwise"))
    }

    /// What a call costs that side.
    pub fn figures(&self, scenario: &Scenario, side: &str) -> io::Result<Figures> {
        let mut of_runs = [Figures::default(); 2];
        for (figures, rounds) in of_runs.iter_mut().zip([&scenario.short, &scenario.long]) {
            let run = self.run(scenario, side, rounds)?;
            let counts = valgrind::callgrind(&run, &self.file(scenario, side, rounds))?;
            let (allocations, bytes) = valgrind::allocations(&run)?;
            *figures = Figures {
                instructions: Profile::parse(&counts).total(),
                allocations,
                bytes,
            };
        }
        let [short, long] = of_runs;
        Ok(long.since(&short).per(scenario.units))
    }

    /// Where the instructions of a call go on that side.
    pub fn profile(&self, scenario: &Scenario, side: &str) -> io::Result<Profile> {
        let mut profiles = [&scenario.short, &scenario.long].map(|rounds| {
            let run = self.run(scenario, side, rounds)?;
            let counts = valgrind::callgrind(&run, &self.file(scenario, side, rounds))?;
            Ok::<_, io::Error>(Profile::parse(&counts))
        });
        let short = std::mem::replace(&mut profiles[0], Ok(Profile::default()))?;
        let [_, long] = profiles;
        Ok(long?.since(&short).per(scenario.units))
    }

    /// Records the conversation; the command line of that side's run against it.
    fn run(&self, scenario: &Scenario, side: &str, rounds: &str) -> io::Result<Vec<String>> {
        let tape = self.file(scenario, side, rounds).with_extension("tape");
        let tape = tape.to_string_lossy().into_owned();
        let line = |command: &str| {
            let program = self.program.to_string_lossy().into_owned();
            let (name, rounds) = (scenario.name.clone(), rounds.to_owned());
            vec![program, command.to_owned(), name, rounds, tape.clone()]
        };
        let record = line("record");
        let recorded = Command::new(&record[0]).args(&record[1..]).status()?;
        if !recorded.success() {
            return Err(io::Error::other(format!("failed: {}", record.join(" "))));
        }
        Ok(line(side))
    }

    fn file(&self, scenario: &Scenario, side: &str, rounds: &str) -> PathBuf {
        let name = format!("{}-{side}-{rounds}.callgrind", scenario.name);
        self.folder.join(name)
    }
}
