//! What is said of each service, and who watches it.

use super::{
    ServingStatus,
    places::{NoPlace, Origin, Places},
};
use farcall_core::Status;
use std::{
    collections::HashMap,
    future::Future,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// The longest name that may be watched before anybody has reported it, in bytes: such names are kept on the word of a peer.
const MAX_UNKNOWN_NAME: usize = 1 << 10;

/// See the module.
pub(super) struct Board {
    state: Mutex<State>,
    /// Watchers who have not been told of the last round.
    behind: watch::Sender<usize>,
}

struct State {
    entries: HashMap<String, Entry>,
    /// Reports do not count.
    shut_down: bool,
    /// Watches end.
    over: bool,
    /// Counts the shutdowns whose announcement somebody waits for.
    round: u64,
    places: Places,
}

struct Entry {
    /// `None`: nobody has said anything; the entry is there for those who watch it.
    status: Option<ServingStatus>,
    watchers: usize,
    news: watch::Sender<News>,
}

/// The newest about a service.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct News {
    pub(super) status: ServingStatus,
    /// There will be no more.
    pub(super) over: bool,
    round: u64,
}

impl State {
    /// Changes the entry of a service, which is made if it is not there, and tells those who watch it.
    fn report(&mut self, service: &str, status: Option<ServingStatus>) {
        let (over, round) = (self.over, self.round);
        let entry = self.entry(service);
        entry.status = status;
        entry.publish(over, round);
        self.forget_if_unused(service);
    }

    fn entry(&mut self, service: &str) -> &mut Entry {
        if !self.entries.contains_key(service) {
            let news = News {
                status: ServingStatus::ServiceUnknown,
                over: self.over,
                round: self.round,
            };
            let entry = Entry {
                status: None,
                watchers: 0,
                news: watch::Sender::new(news),
            };
            self.entries.insert(service.to_owned(), entry);
        }
        self.entries.get_mut(service).expect("it was just made")
    }

    fn forget_if_unused(&mut self, service: &str) {
        let unused = |entry: &Entry| entry.status.is_none() && entry.watchers == 0;
        if self.entries.get(service).is_some_and(unused) {
            self.entries.remove(service);
        }
    }

    /// Gives every known service this status, and tells all watchers how things are.
    fn all(&mut self, status: ServingStatus) {
        for entry in self.entries.values_mut() {
            entry.status = entry.status.map(|_| status);
            entry.publish(self.over, self.round);
        }
    }
}

impl Entry {
    fn publish(&self, over: bool, round: u64) {
        let news = News {
            status: self.status.unwrap_or(ServingStatus::ServiceUnknown),
            over,
            round,
        };
        self.news
            .send_if_modified(|before| mem::replace(before, news) != news);
    }
}

impl Board {
    pub(super) fn new() -> Board {
        let mut state = State {
            entries: HashMap::new(),
            shut_down: false,
            over: false,
            round: 0,
            places: Places::new(10_000),
        };
        state.report("", Some(ServingStatus::Serving));
        Board {
            state: Mutex::new(state),
            behind: watch::Sender::new(0),
        }
    }

    pub(super) fn set_max_watchers(&self, watchers: usize) {
        self.lock().places.set_max(watchers);
    }

    pub(super) fn set(&self, service: &str, status: Option<ServingStatus>) {
        let mut state = self.lock();
        if !state.shut_down {
            state.report(service, status);
        }
    }

    pub(super) fn status(&self, service: &str) -> Option<ServingStatus> {
        self.lock().entries.get(service)?.status
    }

    /// Every service that something is said of, unless there are more than `limit`.
    pub(super) fn list(&self, limit: usize) -> Option<Vec<(String, ServingStatus)>> {
        let state = self.lock();
        let known = state
            .entries
            .iter()
            .filter_map(|(name, entry)| Some((name, entry.status?)));
        (known.clone().count() <= limit)
            .then(|| known.map(|(name, status)| (name.clone(), status)).collect())
    }

    pub(super) fn shut_down(&self) {
        let mut state = self.lock();
        state.shut_down = true;
        state.all(ServingStatus::NotServing);
    }

    /// As [`shut_down`](Self::shut_down); the future is ready when every watcher has been told or is gone.
    pub(super) fn announce_shut_down(&self) -> impl Future<Output = ()> + Send + 'static {
        {
            let mut state = self.lock();
            state.shut_down = true;
            state.round += 1;
            self.behind.send_replace(state.places.taken());
            state.all(ServingStatus::NotServing);
        }
        let mut behind = self.behind.subscribe();
        async move {
            // Without a board there is nobody to tell.
            behind.wait_for(|behind| *behind == 0).await.ok();
        }
    }

    /// Every watch ends.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.over = true;
        let state = &mut *state;
        for entry in state.entries.values() {
            entry.publish(state.over, state.round);
        }
    }

    pub(super) fn resume(&self) {
        let mut state = self.lock();
        state.shut_down = false;
        state.over = false;
        state.all(ServingStatus::Serving);
    }

    /// Watches a service.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if there are too many watchers, or too many of the same origin; `INVALID_ARGUMENT` if the name is long and nobody has reported it.
    pub(super) fn watch(
        self: &Arc<Self>,
        service: &str,
        origin: Origin,
    ) -> Result<Watcher, Status> {
        let mut state = self.lock();
        if service.len() > MAX_UNKNOWN_NAME && !state.entries.contains_key(service) {
            let text = format!("a service's name has at most {MAX_UNKNOWN_NAME} bytes here");
            return Err(Status::invalid_argument(text));
        }
        state.places.take(origin).map_err(refusal)?;
        let round = state.round;
        let entry = state.entry(service);
        entry.watchers += 1;
        Ok(Watcher {
            service: service.to_owned(),
            origin,
            news: entry.news.subscribe(),
            round,
            board: Arc::clone(self),
        })
    }

    /// Whether anything is kept for a service.
    #[cfg(test)]
    pub(super) fn holds(&self, service: &str) -> bool {
        self.lock().entries.contains_key(service)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refusal(no_place: NoPlace) -> Status {
    Status::resource_exhausted(match no_place {
        NoPlace::Full(max) => {
            format!("the server lets {max} watch its health at a time, and they do")
        }
        NoPlace::Share { max, own } => format!(
            "the server lets {max} watch its health at a time; {own} of the same address do, more than there are places left"
        ),
    })
}

/// One who watches a service.
pub(super) struct Watcher {
    board: Arc<Board>,
    service: String,
    origin: Origin,
    news: watch::Receiver<News>,
    /// The last round that it was told of.
    round: u64,
}

impl Watcher {
    /// The newest; what was in between is lost.
    pub(super) fn latest(&mut self) -> News {
        *self.news.borrow_and_update()
    }

    /// Until there is something newer.
    pub(super) async fn changed(&mut self) {
        // The sender lives as long as this watcher keeps its entry.
        self.news.changed().await.ok();
    }

    /// That has been passed on.
    pub(super) fn told(&mut self, news: News) {
        if self.round < news.round {
            self.round = news.round;
            self.board
                .behind
                .send_modify(|behind| *behind = behind.saturating_sub(1));
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut state = self.board.lock();
        state.places.leave(self.origin);
        if let Some(entry) = state.entries.get_mut(&self.service) {
            entry.watchers -= 1;
        }
        state.forget_if_unused(&self.service);
        if self.round < state.round {
            self.board
                .behind
                .send_modify(|behind| *behind = behind.saturating_sub(1));
        }
    }
}
