//! Figures and their limits.

/// What the experiments have found.
#[derive(Default)]
pub(crate) struct Verdict {
    missed: usize,
}

impl Verdict {
    /// A figure without a limit.
    pub(crate) fn note(&self, what: &str, value: f64, unit: &str) {
        println!("  {what}: {value:.3} {unit}");
    }

    pub(crate) fn at_most(&mut self, what: &str, value: f64, limit: f64, unit: &str) {
        self.judge(what, value, limit, unit, "at most", value <= limit);
    }

    pub(crate) fn at_least(&mut self, what: &str, value: f64, limit: f64, unit: &str) {
        self.judge(what, value, limit, unit, "at least", value >= limit);
    }

    /// Whether every limit was kept.
    pub(crate) fn is_good(&self) -> bool {
        self.missed == 0
    }

    fn judge(&mut self, what: &str, value: f64, limit: f64, unit: &str, bound: &str, good: bool) {
        self.missed += usize::from(!good);
        let word = if good { "ok" } else { "MISSED" };
        println!("  {what}: {value:.3} {unit} ({bound} {limit}): {word}");
    }
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The largest.
pub(crate) fn best(values: Vec<f64>) -> f64 {
    values.into_iter().fold(f64::NAN, f64::max)
}
