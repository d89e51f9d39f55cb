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
        let seen = files.stamps();
        let config = files.material.read_again()?.build()?;
        *lock(&self.config) = config;
        *lock(&files.seen) = seen;
        Ok(())
    }

    /// Reads the files again if they have changed.
    fn look(&self) {
        let Some(files) = &self.files else { return };
        if *lock(&files.seen) == files.stamps() {
            return;
        }
        if let Err(error) = self.reload() {
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
