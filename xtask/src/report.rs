//! What a check found.

use std::path::Path;

/// The findings of one check, and what it looked at.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<String>,
    looked_at: Vec<String>,
}

impl Report {
    /// Records a violation, with the place to look at.
    pub fn violation(&mut self, file: &Path, line: u32, text: impl AsRef<str>) {
        let place = file.display();
        self.findings.push(match line {
            0 => format!("{place}: {}", text.as_ref()),
            _ => format!("{place}:{line}: {}", text.as_ref()),
        });
    }

    /// Records what was checked, so that a check that saw nothing does not look like success.
    pub fn looked_at(&mut self, what: impl Into<String>) {
        self.looked_at.push(what.into());
    }

    /// The violations, in the order in which they were found.
    #[cfg(test)]
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    /// Prints everything; true: there is no violation.
    pub fn print(&self, check: &str) -> bool {
        for line in &self.looked_at {
            println!("{check}: {line}");
        }
        for finding in &self.findings {
            eprintln!("{finding}");
        }
        match self.findings.len() {
            0 => println!("{check}: ok"),
            n => eprintln!("{check}: {n} violation(s)"),
        }
        self.findings.is_empty()
    }
}
