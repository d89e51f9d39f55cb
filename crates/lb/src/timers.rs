//! Points in time, each under a key, earliest first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

#[derive(Debug)]
pub(crate) struct Timers<K> {
    order: BTreeSet<(Instant, K)>,
    by_key: BTreeMap<K, Instant>,
}

impl<K: Copy + Ord> Timers<K> {
    pub(crate) fn new() -> Self {
        Self {
            order: BTreeSet::new(),
            by_key: BTreeMap::new(),
        }
    }

    /// Sets the timer of `key`, in place of the one it had; `None` cancels it.
    pub(crate) fn set(&mut self, key: K, at: Option<Instant>) {
        let old = match at {
            Some(at) => self.by_key.insert(key, at),
            None => self.by_key.remove(&key),
        };
        if let Some(old) = old {
            self.order.remove(&(old, key));
        }
        match at {
            Some(at) => {
                self.order.insert((at, key));
            }
            None => self.give_back(),
        }
    }

    /// An empty tree keeps a node with room for eleven, and a connected channel has no timers.
    fn give_back(&mut self) {
        if self.by_key.is_empty() {
            *self = Self::new();
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    pub(crate) fn due(&self, now: Instant) -> usize {
        self.order.iter().take_while(|(at, _)| *at <= now).count()
    }

    /// Takes the earliest timer if its time has come.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (at, key) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.order.pop_first();
        self.by_key.remove(&key);
        self.give_back();
        Some(key)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn timers_fire_in_order_and_only_when_due_and_only_if_still_set() {
        let start = Instant::now();
        let at = |s| Some(start + Duration::from_secs(s));
        let mut timers = Timers::new();
        timers.set('a', at(3));
        timers.set('b', at(1));
        timers.set('c', at(2));
        timers.set('c', None);
        timers.set('a', at(2));
        assert_eq!(timers.next(), at(1));
        assert_eq!(timers.due(at(2).unwrap()), 2);
        assert_eq!(timers.pop_due(at(2).unwrap()), Some('b'));
        assert_eq!(timers.pop_due(at(1).unwrap()), None);
        assert_eq!(timers.pop_due(at(2).unwrap()), Some('a'));
        assert_eq!(timers.next(), None);
    }
}
