//! The table: loads down, shapes across. The first column is the product's; every other changes one thing of it.

use crate::{
    Failure,
    run::{Outcome, median, run},
};

/// A name and the pairs that make it.
type Named = (&'static str, &'static str);

pub(crate) const COLUMNS: [Named; 6] = [
    ("(a) owner; inline, 20 µs cut; `writev`", ""),
    ("(b2) callers lock", "shape=locked"),
    ("(c) write when idle", "shape=mixed"),
    ("server: no cut", "cut=none"),
    ("server: spawn", "handlers=spawned"),
    ("copy, one `write`", "write=copied"),
];

pub(crate) const ROWS: &[Named] = &[
    ("1×1", "callers=1"),
    ("1×8", "callers=8"),
    ("1×100", ""),
    ("1×300", "callers=300"),
    ("1×1000", "callers=1000"),
    ("8×32", "conns=8 callers=32"),
    ("two connections, 100", "load=two"),
    ("handlers sleep 1 ms, 100", "handler=sleep"),
    ("1 KiB, 1×100", "request=1024 response=1024"),
    ("64 KiB, 1×10", "callers=10 request=65536 response=65536"),
    ("1 MiB, 1×4", "callers=4 request=1048576 response=1048576"),
    ("ping-pong streams, 1×100", "load=pingpong"),
    ("stream of 16 B", "load=stream callers=1 response=16"),
    ("stream of 64 KiB", "load=stream callers=1 response=65536"),
    ("stream of 1 MiB", "load=stream callers=1 response=1048576"),
    ("1×32 beside a slow reader", "load=slow callers=32"),
    ("TLS, 1×100", "tls=true"),
    (
        "TLS, 64 KiB, 1×10",
        "tls=true callers=10 request=65536 response=65536",
    ),
    (
        "TLS, stream of 1 MiB",
        "tls=true load=stream callers=1 response=1048576",
    ),
    ("two workers, 1×100", "runtime=mt2"),
    ("two workers, 8×32", "runtime=mt2 conns=8 callers=32"),
    (
        "two workers, handlers sleep, 100",
        "runtime=mt2 handler=sleep",
    ),
    ("two workers, no pinning, 1×100", "runtime=mt2 pinned=false"),
    (
        "two workers, no pinning, 8×32",
        "runtime=mt2 pinned=false conns=8 callers=32",
    ),
    ("current thread, 1×1", "runtime=ct callers=1"),
    ("current thread, 1×100", "runtime=ct"),
    ("current thread, 1×1000", "runtime=ct callers=1000"),
    ("current thread, 8×32", "runtime=ct conns=8 callers=32"),
    (
        "current thread, 64 KiB, 1×10",
        "runtime=ct callers=10 request=65536 response=65536",
    ),
    (
        "current thread, ping-pong, 1×100",
        "runtime=ct load=pingpong",
    ),
    (
        "current thread, stream of 1 MiB",
        "runtime=ct load=stream callers=1 response=1048576",
    ),
];

/// What of the table to measure, and how.
#[derive(Debug)]
pub(crate) struct Selection {
    /// Rows with one of these names; empty: all.
    pub(crate) rows: Vec<String>,
    pub(crate) columns: Vec<usize>,
    pub(crate) rounds: usize,
    /// Pairs for every cell.
    pub(crate) pairs: Vec<String>,
}

impl Selection {
    fn rows(&self) -> Vec<Named> {
        let wanted = |(name, pairs): &&Named| {
            let built = cfg!(feature = "tls") || !pairs.contains("tls=true");
            built && (self.rows.is_empty() || self.rows.iter().any(|row| row == name))
        };
        ROWS.iter().filter(wanted).copied().collect()
    }
}

/// Measures and prints.
///
/// # Errors
/// A run failed.
pub(crate) fn measure(selection: &Selection) -> Result<(), Failure> {
    let rows = selection.rows();
    let columns = &selection.columns;
    let mut cells = vec![Vec::new(); rows.len() * columns.len()];
    for _ in 0..selection.rounds {
        for (row, (_, load)) in rows.iter().enumerate() {
            for (at, column) in columns.iter().enumerate() {
                let pairs = load.split_whitespace();
                let pairs = pairs.chain(COLUMNS[*column].1.split_whitespace());
                let pairs = pairs.chain(selection.pairs.iter().map(String::as_str));
                let outcome = run(&pairs.collect::<Vec<_>>())?;
                cells[row * columns.len() + at].push(outcome);
            }
        }
    }
    let names = columns.iter().map(|column| COLUMNS[*column].0);
    println!("| load | {} |", names.collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "---|".repeat(columns.len()));
    for ((name, _), cells) in rows.iter().zip(cells.chunks(columns.len())) {
        let cells: Vec<_> = cells.iter().map(|runs| cell(&median(runs))).collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
    Ok(())
}

fn cell(outcome: &Outcome) -> String {
    format!(
        "{} · {} · {}",
        short(outcome.rate),
        short(outcome.server),
        short(outcome.client)
    )
}

/// Three digits that matter.
pub(crate) fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::Setup;

    #[test]
    fn every_row_and_column_is_understood() {
        for (name, pairs) in ROWS.iter().chain(&COLUMNS) {
            Setup::parse(pairs.split_whitespace())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn figures_have_three_digits() {
        let figures = [1234.5, 56.78, 0.456].map(short);
        assert_eq!(figures, ["1234", "56.8", "0.46"]);
    }
}
