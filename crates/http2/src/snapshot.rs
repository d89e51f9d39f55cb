//! Tables of rules as committed text: a changed rule is a visible diff. `UPDATE=1` writes them anew.

use std::{fs, path::Path};

/// Compares `actual` with the file, a path below the crate.
#[track_caller]
pub(crate) fn assert_committed(path: &str, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, actual).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    let pairs = actual
        .lines()
        .zip(expected.lines().chain(std::iter::repeat("")));
    let changed = pairs.filter(|(now, then)| now != then).take(10);
    let lines: String = changed
        .map(|(now, then)| format!("- {then}\n+ {now}\n"))
        .collect();
    assert!(
        actual == expected,
        "{path} has changed; if that is meant, run this test with UPDATE=1:\n{lines}"
    );
}
