//! The table, and what is wrong in it.

use super::{
    event::{Event, name},
    stage::{PATIENCE, Row},
};
use crate::{
    report::{Report, millis},
    tally::{Phase, Tally},
};

/// Adds them to the report.
pub(super) fn judge(report: &mut Report, rows: &[Row], mut tally: Tally) {
    report.line(format!(
        "{:<24} {:>8} {:>7} {:>7} {:>8} {:>7} {:>6} {:>6} {:>6} {:>8} {:>8}",
        "event",
        "noticed",
        "calls",
        "windows",
        "fewest",
        "spread",
        "unary",
        "early",
        "late",
        "p50 ms",
        "p99 ms"
    ));
    let mut total = Phase::default();
    for (number, row) in rows.iter().enumerate() {
        let phase = tally.phase(number);
        let (name, spread) = (name(row.event), row.spread);
        let noticed = row.noticed.map_or("never".into(), millis);
        let [p50, p99] = [500, 990].map(|part| millis(phase.quantile(part)));
        report.line(format!(
            "{name:<24} {noticed:>8} {:>7} {:>7} {:>8} {:>6.2}% {:>6} {:>6} {:>6} {p50:>8} {p99:>8}",
            phase.calls,
            spread.windows,
            spread.fewest,
            100.0 * spread.worst,
            phase.unary,
            phase.uncommitted,
            phase.committed,
        ));
        total.calls += phase.calls;
        judge_row(report, &name, row, phase);
    }
    report.line(format!(
        "{} calls; spread: between the most and the least that a backend got in the worst window of 2 s, of the mean",
        total.calls
    ));
    report.line("unary, early, late: calls that failed; early: streams before their first reply, late: after it");
}

fn judge_row(report: &mut Report, name: &str, row: &Row, phase: &Phase) {
    let spread = row.spread;
    let killed = matches!(row.event, Some(Event::Kill(_)));
    report.expect(
        row.noticed.is_some(),
        format!("{name}: a client did not act on it for {PATIENCE:?}"),
    );
    report.expect(spread.windows > 0, format!("{name}: there was no window"));
    report.expect(
        spread.uneven == 0,
        format!(
            "{name}: {} windows are uneven, the spread is {:.2} %",
            spread.uneven,
            100.0 * spread.worst
        ),
    );
    report.expect(
        spread.strays == 0,
        format!(
            "{name}: {} calls went to a backend that is gone",
            spread.strays
        ),
    );
    report.expect(
        phase.avoidable() == 0,
        format!("{name}: {} calls failed that need not", phase.avoidable()),
    );
    report.expect(
        phase.committed == 0 || killed,
        format!("{name}: {} streams broke", phase.committed),
    );
    for (code, example) in &phase.examples {
        let told = format!("{name}: {example}");
        match *code == farcall::Code::Unavailable as i32 {
            true => report.line(told),
            false => report.problems.push(told),
        }
    }
}
