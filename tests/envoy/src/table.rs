//! The table of cases.

use crate::Outcome;
use std::{future::Future, process::ExitCode, time::Duration};

/// No case takes nearly as long.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Table {
    /// Only cases with one of them in their names, if there are any.
    words: Vec<String>,
    run: usize,
    failed: usize,
}

impl Table {
    pub(crate) fn new(words: Vec<String>) -> Table {
        Table {
            words,
            run: 0,
            failed: 0,
        }
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word.as_str()))
    }

    /// Runs a case and prints its row.
    pub(crate) async fn case(&mut self, name: &str, case: impl Future<Output = Outcome>) {
        if !self.wants(name) {
            return;
        }
        self.run += 1;
        let outcome = tokio::time::timeout(PATIENCE, case)
            .await
            .unwrap_or_else(|_| Err("it takes too long".into()));
        match outcome {
            Ok(figures) => println!("{name:<52} passed  {figures}"),
            Err(error) => {
                self.failed += 1;
                println!("{name:<52} FAILED  {error}");
            }
        }
    }

    pub(crate) fn finish(self) -> ExitCode {
        println!("{} of {} passed", self.run - self.failed, self.run);
        match (self.run, self.failed) {
            (1.., 0) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }
}
