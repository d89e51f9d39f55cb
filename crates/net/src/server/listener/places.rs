//! How many connections may be getting ready at a time: from their acceptance to the end of the client's preface.
//!
//! A peer decides how long that takes, so a plain limit would let silent peers keep others out. Here whoever has taken
//! longer than a [grace](GRACE) gives way as soon as somebody waits; a client that is quick gets its turn at the latest then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// What a client has for itself to get ready, also while others wait.
const GRACE: Duration = Duration::from_secs(3);
/// How often those that have taken longer look whether somebody waits.
const LOOK: Duration = Duration::from_secs(1);

/// The places, shared by a server's connections.
#[derive(Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    /// Connections that wait for a place and to which nobody has given way yet.
    waiting: AtomicUsize,
}

/// A place; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    since: Instant,
    _permit: OwnedSemaphorePermit,
}

/// Counted among those that wait, however the waiting ends.
struct Waiting<'a>(&'a Places);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.take_one();
    }
}

impl Places {
    /// So many places, at least one.
    pub(crate) fn new(count: usize) -> Arc<Places> {
        let count = count.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Places {
            free: Arc::new(Semaphore::new(count)),
            waiting: AtomicUsize::new(0),
        })
    }

    /// Waits for a place; those that came before are served first.
    pub(crate) async fn take(self: &Arc<Self>) -> Place {
        let free = || Arc::clone(&self.free);
        let permit = match free().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                let _waiting = Waiting(self);
                free()
                    .acquire_owned()
                    .await
                    .expect("the semaphore is never closed")
            }
        };
        Place {
            places: Arc::clone(self),
            since: Instant::now(),
            _permit: permit,
        }
    }

    /// Takes one off those that wait. Whether there was one.
    fn take_one(&self) -> bool {
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
            .is_ok()
    }
}

impl Place {
    /// Whether the place is to be given to somebody who waits: then the connection ends.
    pub(crate) fn must_yield(&self) -> bool {
        self.since.elapsed() >= GRACE && self.places.take_one()
    }

    /// When to ask.
    pub(crate) fn next_look(&self) -> Instant {
        (self.since + GRACE).max(Instant::now() + LOOK)
    }

    /// What `work` comes to; `None` if it has to give way to others.
    pub(crate) async fn hold<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout_at(self.next_look(), work.as_mut()).await {
                Ok(done) => return Some(done),
                Err(_) if self.must_yield() => return None,
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    #[tokio::test(start_paused = true)]
    async fn whoever_is_slow_keeps_its_place_while_nobody_waits() {
        let places = Places::new(1);
        let place = places.take().await;
        let long = tokio::time::sleep(Duration::from_secs(100));
        assert!(place.hold(long).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn one_slow_holder_gives_way_to_each_that_waits() {
        let (places, start) = (Places::new(3), Instant::now());
        let slow: Vec<_> = (0..3)
            .map(|_| {
                let places = Arc::clone(&places);
                tokio::spawn(async move {
                    let place = places.take().await;
                    place.hold(pending::<()>()).await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let (_one, _two) = tokio::join!(places.take(), places.take());
        assert_eq!(start.elapsed().as_secs(), GRACE.as_secs());
        tokio::time::sleep(Duration::from_secs(60)).await;
        let ended = slow.iter().filter(|task| task.is_finished()).count();
        assert_eq!(ended, 2, "the third is in nobody's way");
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_stop_waiting_are_not_made_way_for() {
        let places = Places::new(1);
        let place = places.take().await;
        tokio::time::timeout(Duration::from_secs(1), places.take())
            .await
            .unwrap_err();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(!place.must_yield());
        assert_eq!(places.waiting.load(Ordering::Relaxed), 0);
    }
}
