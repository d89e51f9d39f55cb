//! The command line.

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The scenarios, in order.
    pub scenarios: Vec<String>,
    /// The form for CI: every event once, with the shortest quiet times.
    pub short: bool,
}

impl Options {
    /// Reads the words after the program's name.
    ///
    /// # Errors
    /// A word that nobody knows.
    pub fn parse(words: &[String], known: &[&str]) -> Result<Options, String> {
        let mut options = Options {
            scenarios: Vec::new(),
            short: false,
        };
        for word in words {
            match word.as_str() {
                "--short" => options.short = true,
                name if known.contains(&name) => options.scenarios.push(name.into()),
                other => return Err(format!("{other} is neither an option nor one of {known:?}")),
            }
        }
        if options.scenarios.is_empty() {
            options.scenarios = known.iter().map(|name| (*name).to_owned()).collect();
        }
        Ok(options)
    }
}
