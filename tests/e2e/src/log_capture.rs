//! What the library writes to the log.

use crate::{PATIENCE, within};
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::{
    sync::{Mutex, Once, PoisonError},
    time::Duration,
};

struct Capture;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Log for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{}: {}", record.level(), record.args());
            LINES
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line);
        }
    }

    fn flush(&self) {}
}

/// Warnings and errors of this process that mention `what`, such as a peer's address, since the first call. Call
/// it once before what is to be captured.
pub fn logged(what: &str) -> Vec<String> {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        log::set_logger(&Capture).expect("no other logger is installed");
        log::set_max_level(LevelFilter::Warn);
    });
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines
        .iter()
        .filter(|line| line.contains(what))
        .cloned()
        .collect()
}

/// The lines of [`logged`], once there are so many.
///
/// # Panics
/// They do not come.
pub async fn lines(what: &str, count: usize) -> Vec<String> {
    let found = async {
        loop {
            let lines = logged(what);
            if lines.len() >= count {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    within(PATIENCE, what, found).await
}
