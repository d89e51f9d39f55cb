//! `cargo xtask perf`: instructions and heap allocations per call, against the committed budget.
//!
//! Each side of a scenario runs alone against a recording of the other (`benches/micro`), once short and once long,
//! under valgrind. The difference between the two runs belongs to the calls alone: start-up and connecting cancel out.
//! Instructions are counted, not timed, so a busy machine makes no difference.

mod budget;
mod probe;
mod profile;
mod valgrind;

use budget::{Budget, Figures, Verdict};
use probe::{Probe, SIDES, Scenario};
use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::Mutex,
    thread::{self, available_parallelism},
};

/// The committed budget.
const BUDGET: &str = "benches/budget.toml";

/// Runs the command with what follows `perf`; `None`: that is not understood.
pub fn run(root: &Path, args: &[&str]) -> Option<io::Result<bool>> {
    let outcome = match args {
        [] => check(root, "", false),
        ["--write"] => check(root, "", true),
        ["profile", scenario, side] if SIDES.contains(side) => show(root, scenario, side),
        [only] if !only.starts_with('-') => check(root, only, false),
        _ => return None,
    };
    Some(outcome)
}

/// Measures all scenarios whose name begins with `only`, and compares; true: nothing is over its budget.
fn check(root: &Path, only: &str, write: bool) -> io::Result<bool> {
    if !valgrind::is_installed() {
        eprintln!("perf: valgrind is not installed: NOTHING WAS MEASURED");
        return Ok(false);
    }
    let path = root.join(BUDGET);
    let budget = Budget::parse(&std::fs::read_to_string(&path)?).map_err(io::Error::other)?;
    let probe = Probe::build(root)?;
    let scenarios: Vec<Scenario> = probe
        .scenarios()?
        .into_iter()
        .filter(|scenario| scenario.name.starts_with(only))
        .collect();
    if scenarios.is_empty() {
        return Err(io::Error::other(format!("no scenario begins with {only}")));
    }
    let measured = measure_all(&probe, &scenarios)?;
    let mut good = budget.print_above_goals();
    println!(
        "{:32} {:>22} {:>19} {:>23}",
        "per call or message", "instructions", "allocations", "bytes"
    );
    let mut lower = 0;
    for (name, figures) in &measured {
        let verdict = budget.compare(name, figures);
        good &= verdict != Verdict::Over;
        lower += usize::from(verdict == Verdict::Lower);
    }
    good &= budget::print_extras(&measured);
    if only.is_empty() {
        for name in budget.names().filter(|name| !measured.contains_key(*name)) {
            eprintln!("perf: {name} has a budget and is not measured");
            good = false;
        }
    }
    if lower > 0 {
        println!(
            "perf: {lower} of {} cost over 5 % less than their budget: lower it (cargo xtask perf --write)",
            measured.len()
        );
    }
    if write {
        std::fs::write(&path, Budget::of(&measured).to_string())?;
        println!("perf: wrote {BUDGET}");
    }
    println!("perf: {}", if good { "ok" } else { "OVER THE BUDGET" });
    Ok(good)
}

/// Both sides of all scenarios, as many at a time as there are processors.
fn measure_all(probe: &Probe, scenarios: &[Scenario]) -> io::Result<BTreeMap<String, Figures>> {
    let jobs = scenarios
        .iter()
        .flat_map(|scenario| SIDES.map(|side| (scenario, side)));
    let (jobs, measured) = (Mutex::new(jobs), Mutex::new(BTreeMap::new()));
    let next = || jobs.lock().expect("no panic").next();
    let work = || -> io::Result<()> {
        while let Some((scenario, side)) = next() {
            let figures = probe.figures(scenario, side)?;
            let name = format!("{}.{side}", scenario.name);
            measured.lock().expect("no panic").insert(name, figures);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers = available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("no panic"))
    })?;
    Ok(measured.into_inner().expect("no panic"))
}

/// Prints where the instructions of one side of a scenario go.
fn show(root: &Path, name: &str, side: &str) -> io::Result<bool> {
    let probe = Probe::build(root)?;
    let scenarios = probe.scenarios()?;
    let Some(scenario) = scenarios.iter().find(|scenario| scenario.name == name) else {
        return Err(io::Error::other(format!("there is no scenario {name}")));
    };
    probe.profile(scenario, side)?.print();
    Ok(true)
}
