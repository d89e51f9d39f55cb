//! What servers have executed, written where the death of the process does not reach it.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// A file of ids, eight bytes each, that several processes append to.
#[derive(Debug)]
pub struct Ledger {
    file: File,
}

impl Ledger {
    /// Opens or makes it.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Ledger> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Ledger { file })
    }

    /// Notes that the call with this id is being executed. One `write` in append mode: whole, or not at all.
    ///
    /// # Panics
    /// The file cannot be written: nothing that is measured would be true.
    pub fn note(&self, id: u64) {
        (&self.file)
            .write_all(&id.to_le_bytes())
            .expect("the ledger can be written");
    }
}

/// The path of a ledger, removed in the end.
#[derive(Debug)]
pub struct Book(PathBuf);

impl Book {
    /// A new, empty one.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Book {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("farcall-faults-{}-{number}", std::process::id());
        Book(std::env::temp_dir().join(name))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// How often each id was executed.
    pub fn executed(&self) -> HashMap<u64, u32> {
        let bytes = fs::read(&self.0).unwrap_or_default();
        let mut counts = HashMap::new();
        for id in bytes.chunks_exact(8) {
            let id = u64::from_le_bytes(id.try_into().expect("chunks of eight"));
            *counts.entry(id).or_default() += 1;
        }
        counts
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}
