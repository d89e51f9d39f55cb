//! What calls may cost, and what they were found to cost.

use std::{collections::BTreeMap, fmt};

/// What one call, or one message of a stream, costs one side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    pub instructions: f64,
    /// Heap allocations, reallocations included.
    pub allocations: f64,
    /// Their bytes.
    pub bytes: f64,
}

impl Figures {
    const NAMES: [&str; 3] = ["instructions", "allocations", "bytes"];

    fn of(values: [f64; 3]) -> Figures {
        let [instructions, allocations, bytes] = values;
        Figures {
            instructions,
            allocations,
            bytes,
        }
    }

    fn values(&self) -> [f64; 3] {
        [self.instructions, self.allocations, self.bytes]
    }

    /// By how much a longer run cost more.
    pub fn since(&self, short: &Figures) -> Figures {
        let (long, short) = (self.values(), short.values());
        Figures::of([0, 1, 2].map(|i| long[i] - short[i]))
    }

    /// For each of so many units; counts rounded as the budget file has them.
    pub fn per(&self, units: f64) -> Figures {
        let [instructions, allocations, bytes] = self.values().map(|value| value / units);
        Figures {
            instructions: instructions.round(),
            allocations: (allocations * 100.0).round() / 100.0,
            bytes: bytes.round(),
        }
    }
}

/// What no budget may exceed: the goals of this project. Scenario and side, figures.
const GOALS: [(&str, Figures); 4] = [
    ("unary-0B-x100.server", goal(4000.0, 2.0)),
    ("unary-0B-x100.client", goal(6000.0, 3.0)),
    ("unary-0B-x1.server", goal(f64::INFINITY, 2.0)),
    ("unary-0B-x1.client", goal(f64::INFINITY, 3.0)),
];

const fn goal(instructions: f64, allocations: f64) -> Figures {
    Figures {
        instructions,
        allocations,
        bytes: 1024.0,
    }
}

/// What one scenario may cost each side more than another one, in instructions, and what for.
const EXTRAS: [(&str, &str, f64, &str); 1] = [(
    "unary-immediate-x100",
    "unary-tenant-x100",
    300.0,
    "an interceptor",
)];

/// Says what the extras cost of which both scenarios were measured; true: none costs more than it may.
pub fn print_extras(measured: &BTreeMap<String, Figures>) -> bool {
    let mut good = true;
    for (with, without, limit, what) in EXTRAS {
        for side in super::SIDES {
            let of = |name: &str| measured.get(&format!("{name}.{side}"));
            if let (Some(with), Some(without)) = (of(with), of(without)) {
                let cost = with.since(without).instructions;
                println!("perf: {what} costs the {side} {cost} instructions of {limit}");
                good &= cost <= limit;
            }
        }
    }
    good
}

/// By how much a figure may differ from its budget: this factor, and for counts near zero this much more.
const TOLERANCE: f64 = 0.05;
const SLACK: [f64; 3] = [5.0, 0.05, 8.0];

/// How figures compare with their budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Within,
    /// A figure is over the budget, or there is none.
    Over,
    /// A figure is so much better that the budget would not notice its loss.
    Lower,
}

/// The budgets, by scenario and side.
#[derive(Debug, Default, PartialEq)]
pub struct Budget {
    entries: BTreeMap<String, Figures>,
}

impl Budget {
    /// A budget of exactly these figures; the goal, where that is lower.
    pub fn of(figures: &BTreeMap<String, Figures>) -> Budget {
        let mut entries = figures.clone();
        for (name, goal) in GOALS {
            if let Some(figures) = entries.get_mut(name) {
                let (own, goal) = (figures.values(), goal.values());
                *figures = Figures::of([0, 1, 2].map(|i| own[i].min(goal[i])));
            }
        }
        Budget { entries }
    }

    /// Reads the file: tables named after scenario and side, each with the three figures.
    ///
    /// # Errors
    /// What is wrong with which line.
    pub fn parse(toml: &str) -> Result<Budget, String> {
        let mut entries: BTreeMap<String, [Option<f64>; 3]> = BTreeMap::new();
        let mut table = String::new();
        for (line, text) in (1..).zip(toml.lines().map(str::trim)) {
            let wrong = || format!("line {line} of the budget is not understood: {text}");
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if let Some(header) = text.strip_prefix('[') {
                table = header.strip_suffix(']').ok_or_else(wrong)?.to_owned();
                entries.insert(table.clone(), [None; 3]);
                continue;
            }
            let (key, value) = text.split_once('=').ok_or_else(wrong)?;
            let index = Figures::NAMES.iter().position(|name| *name == key.trim());
            let entry = entries.get_mut(&table).ok_or_else(wrong)?;
            entry[index.ok_or_else(wrong)?] = Some(value.trim().parse().map_err(|_| wrong())?);
        }
        let entries = entries.into_iter().map(|(name, figures)| match figures {
            [Some(i), Some(a), Some(b)] => Ok((name, Figures::of([i, a, b]))),
            _ => Err(format!("the budget of {name} is not complete")),
        });
        Ok(Budget {
            entries: entries.collect::<Result<_, _>>()?,
        })
    }

    /// Scenarios and sides that have a budget.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Compares, and prints the comparison.
    pub fn compare(&self, name: &str, found: &Figures) -> Verdict {
        let Some(budget) = self.entries.get(name) else {
            let [instructions, allocations, bytes] = found.values();
            println!("{name:32} {instructions:>12} {allocations:>19} {bytes:>23} NO BUDGET");
            return Verdict::Over;
        };
        let mut verdict = Verdict::Within;
        let mut line = format!("{name:32}");
        for (i, (found, budget)) in found.values().into_iter().zip(budget.values()).enumerate() {
            let single = judge(found, budget, SLACK[i]);
            verdict = match (verdict, single) {
                (Verdict::Over, _) | (_, Verdict::Over) => Verdict::Over,
                (Verdict::Lower, _) | (_, Verdict::Lower) => Verdict::Lower,
                _ => Verdict::Within,
            };
            let sign = match single {
                Verdict::Within => ' ',
                Verdict::Over => '!',
                Verdict::Lower => '-',
            };
            let width = [12, 8, 12][i];
            line += &format!(" {found:>width$} of {budget:>6}{sign}");
        }
        let word = match verdict {
            Verdict::Within => "",
            Verdict::Over => "OVER",
            Verdict::Lower => "lower the budget",
        };
        println!("{line} {word}");
        verdict
    }

    /// Says which budgets are above what no budget may exceed; true: none.
    pub fn print_above_goals(&self) -> bool {
        let mut good = true;
        for (name, goal) in GOALS {
            let Some(budget) = self.entries.get(name) else {
                continue;
            };
            for (i, goal) in goal.values().into_iter().enumerate() {
                let (budget, what) = (budget.values()[i], Figures::NAMES[i]);
                if budget > goal {
                    eprintln!(
                        "perf: the budget of {name} allows {budget} {what}, the goal is {goal}"
                    );
                    good = false;
                }
            }
        }
        good
    }
}

fn judge(found: f64, budget: f64, slack: f64) -> Verdict {
    if found > (budget * (1.0 + TOLERANCE)).max(budget + slack) {
        Verdict::Over
    } else if found < (budget * (1.0 - TOLERANCE)).min(budget - slack) {
        Verdict::Lower
    } else {
        Verdict::Within
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# What a call (of a stream: a message) may cost each side; checked by `cargo xtask perf`, which fails at 5 % more."
        )?;
        writeln!(
            f,
            "# The scenarios are those of micro/src/scenario.rs. Written by `cargo xtask perf --write`."
        )?;
        for (name, figures) in &self.entries {
            writeln!(f, "\n[{name}]")?;
            for (key, value) in Figures::NAMES.iter().zip(figures.values()) {
                writeln!(f, "{key} = {value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(instructions: f64, allocations: f64, bytes: f64) -> Figures {
        Figures::of([instructions, allocations, bytes])
    }

    fn of(name: &str, figures: Figures) -> Budget {
        Budget::of(&BTreeMap::from([(name.to_owned(), figures)]))
    }

    #[test]
    fn a_budget_survives_being_written_and_read() {
        let budget = of("pingpong-x1.server", figures(6078.0, 2.01, 624.0));
        assert_eq!(Budget::parse(&budget.to_string()), Ok(budget));
    }

    #[test]
    fn one_more_allocation_per_call_is_over_the_budget() {
        let budget = of("a.server", figures(4000.0, 2.0, 500.0));
        let verdict = |found| budget.compare("a.server", &found);
        assert_eq!(verdict(figures(4000.0, 2.04, 500.0)), Verdict::Within);
        assert_eq!(verdict(figures(4000.0, 3.0, 500.0)), Verdict::Over);
        assert_eq!(verdict(figures(4201.0, 2.0, 500.0)), Verdict::Over);
        assert_eq!(verdict(figures(4199.0, 2.0, 500.0)), Verdict::Within);
        assert_eq!(verdict(figures(4000.0, 2.0, 530.0)), Verdict::Over);
    }

    #[test]
    fn what_is_much_better_asks_for_a_lower_budget() {
        let budget = of("a.server", figures(4000.0, 2.0, 500.0));
        assert_eq!(
            budget.compare("a.server", &figures(3700.0, 2.0, 500.0)),
            Verdict::Lower
        );
        assert_eq!(
            budget.compare("a.server", &figures(3700.0, 3.0, 500.0)),
            Verdict::Over
        );
    }

    #[test]
    fn what_has_no_budget_is_over_it() {
        assert_eq!(
            Budget::default().compare("a.server", &Figures::default()),
            Verdict::Over
        );
    }

    #[test]
    fn an_interceptor_that_costs_too_much_on_one_side_is_noticed() {
        let mut measured = BTreeMap::new();
        assert!(print_extras(&measured), "nothing was measured");
        for (name, instructions) in [
            ("unary-tenant-x100.client", 6000.0),
            ("unary-tenant-x100.server", 4000.0),
            ("unary-immediate-x100.client", 6300.0),
            ("unary-immediate-x100.server", 4301.0),
        ] {
            measured.insert(name.to_owned(), figures(instructions, 2.0, 500.0));
        }
        assert!(!print_extras(&measured));
        let server = figures(4300.0, 2.0, 500.0);
        measured.insert("unary-immediate-x100.server".to_owned(), server);
        assert!(print_extras(&measured));
    }

    #[test]
    fn no_budget_is_above_the_goals() {
        let written = of("unary-0B-x100.client", figures(9000.0, 8.0, 800.0));
        assert_eq!(
            written,
            of("unary-0B-x100.client", figures(6000.0, 3.0, 800.0))
        );
        let mut all: BTreeMap<_, _> = GOALS
            .iter()
            .map(|(name, goal)| ((*name).to_owned(), *goal))
            .collect();
        assert!(
            Budget {
                entries: all.clone()
            }
            .print_above_goals()
        );
        all.insert(
            "unary-0B-x100.client".to_owned(),
            figures(6001.0, 3.0, 1024.0),
        );
        assert!(!Budget { entries: all }.print_above_goals());
    }
}
