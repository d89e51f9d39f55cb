//! Where instructions go: what callgrind counted, by function and by source file.

use std::collections::HashMap;

/// Instructions by function, and by the file of the source code, inlined code at its own file.
#[derive(Debug, Default, PartialEq)]
pub struct Profile {
    functions: HashMap<String, f64>,
    files: HashMap<String, f64>,
}

impl Profile {
    /// Reads callgrind's file format (version 1, one event): cost lines below `fn=` and `fl=`, `fi=`, `fe=`; the line
    /// after `calls=` is what a callee cost and is counted there.
    pub fn parse(text: &str) -> Profile {
        let (mut functions, mut files) = (Names::default(), Names::default());
        let mut profile = Profile::default();
        let (mut function, mut file) = (String::new(), String::new());
        let mut skip = false;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("fn=") {
                function = functions.resolve(name);
            } else if let Some(name) = ["fl=", "fi=", "fe="]
                .iter()
                .find_map(|p| line.strip_prefix(p))
            {
                file = files.resolve(name);
            } else if let Some(name) = line.strip_prefix("cfn=") {
                functions.resolve(name);
            } else if let Some(name) = ["cfi=", "cfl="].iter().find_map(|p| line.strip_prefix(p)) {
                files.resolve(name);
            } else if line.starts_with("calls=") {
                skip = true;
            } else if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) {
                let cost = line.split(' ').nth(1).and_then(|cost| cost.parse().ok());
                if let Some(cost) = cost.filter(|_: &f64| !std::mem::take(&mut skip)) {
                    *profile.functions.entry(function.clone()).or_default() += cost;
                    *profile.files.entry(place(&file, &function)).or_default() += cost;
                }
                skip = false;
            }
        }
        profile
    }

    /// All instructions.
    pub fn total(&self) -> f64 {
        self.functions.values().sum()
    }

    /// By how much a longer run cost more.
    pub fn since(mut self, short: &Profile) -> Profile {
        for (own, short) in [
            (&mut self.functions, &short.functions),
            (&mut self.files, &short.files),
        ] {
            for (name, cost) in short {
                *own.entry(name.clone()).or_default() -= cost;
            }
        }
        self
    }

    /// For each of so many units.
    pub fn per(mut self, units: f64) -> Profile {
        let costs = self.functions.values_mut().chain(self.files.values_mut());
        costs.for_each(|cost| *cost /= units);
        self
    }

    /// Prints the lines that matter.
    pub fn print(&self) {
        println!("{:.0} instructions per call or message", self.total());
        for (title, costs) in [
            ("by source file (inlined code at its own)", &self.files),
            ("by function (inlined code at its caller)", &self.functions),
        ] {
            println!("\n{title}");
            let mut costs: Vec<_> = costs.iter().filter(|(_, cost)| **cost >= 10.0).collect();
            costs.sort_by(|a, b| b.1.total_cmp(a.1));
            for (name, cost) in costs {
                println!("{cost:>8.0}  {name}");
            }
        }
    }
}

/// Names that callgrind spells out once: `(7) name`, then `(7)`.
#[derive(Default)]
struct Names {
    known: HashMap<String, String>,
}

impl Names {
    fn resolve(&mut self, text: &str) -> String {
        let Some((id, name)) = text.strip_prefix('(').and_then(|t| t.split_once(')')) else {
            return text.to_owned();
        };
        match name.strip_prefix(' ') {
            Some(name) => {
                self.known.insert(id.to_owned(), name.to_owned());
                name.to_owned()
            }
            None => self.known.get(id).cloned().unwrap_or_default(),
        }
    }
}

/// A file as a reader of the profile wants to see it: ours by crate and module, others by crate.
fn place(file: &str, function: &str) -> String {
    if let Some((_, rest)) = file.split_once("/crates/") {
        return rest.replacen("/src/", " ", 1);
    }
    if let Some((_, rest)) = file.split_once("/benches/") {
        return format!("benches {}", rest.replacen("/src/", " ", 1));
    }
    if file.starts_with("crates/") || file.starts_with("benches/") {
        return place(&format!("/{file}"), function);
    }
    if let Some((_, rest)) = file.split_once("/registry/src/") {
        return rest.split('/').nth(1).unwrap_or(rest).to_owned();
    }
    if let Some((_, rest)) = file.split_once("/library/") {
        return format!("std {}", rest.split('/').next().unwrap_or_default());
    }
    if file.contains("/out/") {
        return "generated code".to_owned();
    }
    match function.split(['@', '\'']).next().unwrap_or_default() {
        "malloc"
        | "free"
        | "realloc"
        | "calloc"
        | "_int_malloc"
        | "_int_free"
        | "malloc_consolidate"
        | "unlink_chunk.isra.0"
        | "_int_realloc" => "libc malloc".to_owned(),
        name if name.starts_with("__mem") => "libc memcpy".to_owned(),
        _ => "others".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: &str = "\
version: 1
positions: line
events: Ir

ob=(1) /bin/probe
fl=(1) /repository/crates/net/src/client/start.rs
fn=(1) farcall_net::client::start
10 5
+2 7
fi=(2) /rustc/1/library/core/src/option.rs
300 2
fe=(1)
* 1
cfi=(3) ???
cfn=(2) malloc
calls=4 0
12 400

fl=(3)
fn=(2)
0 100

totals: 115
";

    #[test]
    fn costs_belong_to_their_function_and_inlined_ones_to_their_own_file() {
        let profile = Profile::parse(COUNTS);
        assert_eq!(profile.total(), 115.0);
        assert_eq!(profile.functions["farcall_net::client::start"], 15.0);
        assert_eq!(profile.functions["malloc"], 100.0);
        assert_eq!(profile.files["net client/start.rs"], 13.0);
        assert_eq!(profile.files["std core"], 2.0);
        assert_eq!(profile.files["libc malloc"], 100.0);
    }

    #[test]
    fn the_difference_of_two_runs_is_what_the_calls_cost() {
        let doubled = COUNTS.replace("10 5", "10 25").replace("0 100", "0 200");
        let calls = Profile::parse(&doubled)
            .since(&Profile::parse(COUNTS))
            .per(10.0);
        assert_eq!(calls.functions["malloc"], 10.0);
        assert_eq!(calls.functions["farcall_net::client::start"], 2.0);
    }
}
