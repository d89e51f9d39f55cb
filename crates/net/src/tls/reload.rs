//! TLS whose files may change while it is used, at either end.

use super::error::TlsConfigError;
use crate::clock;
use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// How often files are looked at unless the user says otherwise.
pub(super) const INTERVAL: Duration = Duration::from_secs(60);

/// What a configuration is made of, some of it perhaps read from files.
pub(super) trait Material: Sized + Send + Sync + 'static {
    /// What rustls wants to know.
    type Config: Send + Sync + 'static;

    /// Every file that it was read from.
    fn paths(&self) -> impl Iterator<Item = &Path>;

    /// The same from what is in the files now.
    fn read_again(&self) -> Result<Self, TlsConfigError>;

    fn build(&self) -> Result<Arc<Self::Config>, TlsConfigError>;
}

/// What handshakes are made with now.
pub(super) struct Current<M: Material> {
    config: Mutex<Arc<M::Config>>,
    /// Of files, unless they are not to be looked at.
    files: Option<Files<M>>,
}

struct Files<M> {
    material: M,
    interval: Duration,
    /// When they may be looked at again.
    next: Mutex<Instant>,
    /// How they were when they were read well. Empty at first, so that the first look reads: they may have changed since they were named.
    seen: Mutex<Vec<Option<Stamp>>>,
}

/// By what a file that has changed is known, as far as the system says.
#[derive(PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    /// Device and inode: another file may have been put in its place.
    id: (u64, u64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Stamp> {
        let file = fs::metadata(path).ok()?;
        Some(Stamp {
            modified: file.modified().ok(),
            len: file.len(),
            #[cfg(unix)]
            id: {
                use std::os::unix::fs::MetadataExt;
                (file.dev(), file.ino())
            },
            #[cfg(not(unix))]
            id: (0, 0),
        })
    }
}

impl<M: Material> Current<M> {
    /// What does not change.
    pub(super) fn fixed(config: Arc<M::Config>) -> Current<M> {
        Current {
            config: Mutex::new(config),
            files: None,
        }
    }

    pub(super) fn reloading(material: M, interval: Duration) -> Result<Current<M>, TlsConfigError> {
        let config = material.build()?;
        let any = material.paths().next().is_some();
        let files = any.then(|| Files {
            material,
            interval,
            next: Mutex::new(clock::after(clock::now(), interval)),
            seen: Mutex::default(),
        });
        Ok(Current {
            config: Mutex::new(config),
            files,
        })
    }

    /// What to make a handshake with; before that the files are looked at, if it is time.
    pub(super) async fn config(this: &Arc<Current<M>>) -> Arc<M::Config> {
        if this.files.as_ref().is_some_and(Files::are_due) {
            let this = Arc::clone(this);
            // File systems may take their time. A look that panics has changed nothing.
            tokio::task::spawn_blocking(move || this.look()).await.ok();
        }
        Arc::clone(&lock(&this.config))
    }

    /// Reads the files again.
    pub(super) fn reload(&self) -> Result<(), TlsConfigError> {
        let Some(files) = &self.files else {
            return Ok(());
        };
        self.read(files, &mut lock(&files.seen))
    }

    /// Reads the files again. Who does holds `seen` all the while: of two at once the later one would else be able to finish first, and what it has
    /// read be replaced by what is older.
    fn read(&self, files: &Files<M>, seen: &mut Vec<Option<Stamp>>) -> Result<(), TlsConfigError> {
        // Before they are read: what changes meanwhile is read again.
        let stamps = files.stamps();
        let config = files.material.read_again()?.build()?;
        *lock(&self.config) = config;
        *seen = stamps;
        Ok(())
    }

    /// Reads the files again if they have changed.
    fn look(&self) {
        let Some(files) = &self.files else { return };
        let mut seen = lock(&files.seen);
        if *seen == files.stamps() {
            return;
        }
        if let Err(error) = self.read(files, &mut seen) {
            ::log::warn!(
                target: "farcall",
                "TLS: {error}; what was read before stays in use"
            );
        }
    }
}

impl<M: Material> Files<M> {
    /// Whether it is time to look at them; then for this caller alone.
    fn are_due(&self) -> bool {
        let (now, mut next) = (clock::now(), lock(&self.next));
        let due = *next <= now;
        if due {
            *next = clock::after(now, self.interval);
        }
        due
    }

    fn stamps(&self) -> Vec<Option<Stamp>> {
        self.material.paths().map(Stamp::of).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::{
            atomic::{AtomicU32, Ordering},
            mpsc,
        },
        thread,
    };

    /// A number in place of files. Who reads it says so, and takes as long as the test wants.
    struct Number {
        now: Arc<AtomicU32>,
        read: u32,
        reads: Mutex<mpsc::Sender<mpsc::Sender<()>>>,
    }

    impl Material for Number {
        type Config = u32;

        fn paths(&self) -> impl Iterator<Item = &Path> {
            [Path::new("/nowhere/number")].into_iter()
        }

        fn read_again(&self) -> Result<Number, TlsConfigError> {
            let read = self.now.load(Ordering::SeqCst);
            let (go_on, wait) = mpsc::channel();
            let reads = lock(&self.reads).clone();
            reads.send(go_on).unwrap();
            wait.recv().unwrap();
            Ok(Number {
                now: Arc::clone(&self.now),
                read,
                reads: Mutex::new(reads),
            })
        }

        fn build(&self) -> Result<Arc<u32>, TlsConfigError> {
            Ok(Arc::new(self.read))
        }
    }

    #[test]
    fn of_two_reloads_at_once_the_newer_files_stay_in_use() {
        let now = Arc::new(AtomicU32::new(1));
        let (reads, reading) = mpsc::channel();
        let number = Number {
            now: Arc::clone(&now),
            read: 0,
            reads: Mutex::new(reads),
        };
        let current = Current::reloading(number, Duration::MAX).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| current.reload().unwrap());
            let first = reading.recv().unwrap();
            now.store(2, Ordering::SeqCst);
            let second = scope.spawn(|| current.reload().unwrap());
            // It waits for the first one; if it did not, it would read and be done before that.
            match reading.recv_timeout(Duration::from_millis(200)) {
                Ok(overtaking) => {
                    overtaking.send(()).unwrap();
                    second.join().unwrap();
                    first.send(()).unwrap();
                }
                Err(_) => {
                    first.send(()).unwrap();
                    reading.recv().unwrap().send(()).unwrap();
                    second.join().unwrap();
                }
            }
        });
        assert_eq!(**lock(&current.config), 2);
    }
}
