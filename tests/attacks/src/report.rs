//! One table of everything.

use std::time::Duration;

/// Neighbours are well if they wait no longer than three times what they do when it is quiet, or than this: what
/// a machine with little to spare makes calls wait now and then.
pub(crate) const FLOOR: Duration = Duration::from_millis(30);

/// A line of it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) class: String,
    pub(crate) answer: String,
    /// Growth of memory at its peak, in bytes.
    pub(crate) growth: u64,
    pub(crate) cpu: Duration,
    /// Most handlers at a time, where that can be asked.
    pub(crate) handlers: Option<usize>,
    pub(crate) quiet: Duration,
    pub(crate) during: Duration,
    pub(crate) misses: Vec<String>,
}

/// How a miss of the neighbours' begins.
pub(crate) const LATE: &str = "neighbours waited";

impl Row {
    /// An attack that did not come about.
    pub(crate) fn failed(name: &str, class: &str, error: &dyn std::fmt::Display) -> Row {
        Row {
            name: name.into(),
            class: class.into(),
            answer: "-".into(),
            growth: 0,
            cpu: Duration::ZERO,
            handlers: None,
            quiet: Duration::ZERO,
            during: Duration::ZERO,
            misses: vec![format!("the attack did not come about: {error}")],
        }
    }

    /// What was missed may be another program's doing: nothing but the neighbours' time, or the neighbours waited
    /// before the attack began.
    pub(crate) fn is_doubtful(&self) -> bool {
        let late_only = self.misses.iter().all(|miss| miss.starts_with(LATE));
        !self.misses.is_empty() && (late_only || self.quiet > FLOOR)
    }

    pub(crate) fn print(&self, asserted: bool) {
        let verdict = match (asserted, self.misses.is_empty()) {
            (false, _) => "    ",
            (true, true) => "ok  ",
            (true, false) => "MISS",
        };
        println!(
            "{verdict} {:<34} {:>6.1} {:>6.2} {:>5} {:>7} {:>7}  {}",
            self.name,
            self.growth as f64 / f64::from(1 << 20),
            self.cpu.as_secs_f64(),
            count(self.handlers),
            millis(self.quiet),
            millis(self.during),
            shortened(&self.answer, 150),
        );
        if asserted {
            for miss in &self.misses {
                println!("     - {}", shortened(miss, 600));
            }
        }
    }
}

pub(crate) fn print_head(what: &str) {
    println!(
        "     {:<34} {:>6} {:>6} {:>5} {:>7} {:>7}  answer",
        what, "MiB", "CPU s", "calls", "quiet", "during"
    );
}

/// The same for a document.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| attack | class | answer | MiB | CPU s | p99 quiet, ms | p99 during, ms |\n|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        text += &format!(
            "| `{}` | {} | {} | {:.1} | {:.2} | {} | {} |\n",
            row.name,
            row.class,
            shortened(&row.answer, 150).replace('|', "\\|"),
            row.growth as f64 / f64::from(1 << 20),
            row.cpu.as_secs_f64(),
            millis(row.quiet),
            millis(row.during),
        );
    }
    text
}

fn count(handlers: Option<usize>) -> String {
    handlers.map_or("-".into(), |count| count.to_string())
}

fn millis(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

fn shortened(text: &str, most: usize) -> String {
    let line = text.replace('\n', " ");
    match line.char_indices().nth(most) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}
