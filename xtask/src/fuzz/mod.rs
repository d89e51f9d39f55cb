//! `cargo xtask fuzz`: the targets of `fuzz/` under libFuzzer, on the stable compiler.

mod build;
mod corpus;
mod options;
mod run;

use options::{Options, What};
use std::{io, path::Path};

/// Builds the runner and runs, lists or minimises; true: no finding.
pub fn command(root: &Path, args: &[&str]) -> io::Result<bool> {
    let options = Options::parse(args)?;
    let known = targets(root)?;
    if options.what == What::List {
        known.iter().for_each(|name| println!("{name}"));
        return Ok(true);
    }
    for name in &options.targets {
        if !known.contains(name) {
            return Err(io::Error::other(format!(
                "there is no fuzz target `{name}`; see: cargo xtask fuzz --list"
            )));
        }
    }
    let chosen = if options.targets.is_empty() {
        &known
    } else {
        &options.targets
    };
    let program = build::runner(root)?;
    let mut clean = true;
    for name in chosen {
        match options.what {
            What::Minimise => corpus::minimise(root, &program, name)?,
            What::Run | What::List => clean &= run::target(root, &program, name, &options)?,
        }
    }
    Ok(clean)
}

/// The names, as the table in the source has them.
fn targets(root: &Path) -> io::Result<Vec<String>> {
    let source = std::fs::read_to_string(root.join("fuzz/src/targets/mod.rs"))?;
    let names = source.split("name: \"").skip(1);
    Ok(names
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect())
}
