//! Whose DATA goes next: round robin over the streams that have something to send.
//!
//! A stream is in one of two rows, or in none: *ready* (its own window allows it to send, or it has only an ending left)
//! and *parked* (only the connection's window is in its way). Streams whose own window is used up are in none: their WINDOW_UPDATE
//! puts them back. The rows own these facts; streams carry no flags about them.

use crate::event::StreamKey;

/// The two rows, linked through an array by slot: everything takes constant time.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    links: Vec<Link>,
    ready: Row,
    parked: Row,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    first: Option<u32>,
    last: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Nowhere,
    Ready,
    Parked,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    place: Place,
    id: u32,
    previous: Option<u32>,
    next: Option<u32>,
}

const NOWHERE: Link = Link {
    place: Place::Nowhere,
    id: 0,
    previous: None,
    next: None,
};

impl Schedule {
    /// Whether some stream waits for its turn.
    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        self.ready.first.is_some()
    }

    /// Puts a stream at the end of the ready row, unless it is in a row already.
    pub(crate) fn make_ready(&mut self, key: StreamKey) {
        self.append(Place::Ready, key);
    }

    /// Puts a stream at the end of the parked row, unless it is in a row already.
    pub(crate) fn park(&mut self, key: StreamKey) {
        self.append(Place::Parked, key);
    }

    /// The stream whose turn it is; it leaves the row.
    pub(crate) fn next(&mut self) -> Option<StreamKey> {
        let slot = self.ready.first?;
        let key = StreamKey {
            slot,
            id: self.links[slot as usize].id,
        };
        self.forget(key);
        Some(key)
    }

    /// The connection's window has room again: the parked streams are ready, behind those that are.
    pub(crate) fn unpark(&mut self) {
        let mut at = self.parked.first;
        while let Some(slot) = at {
            at = self.links[slot as usize].next;
            let key = StreamKey {
                slot,
                id: self.links[slot as usize].id,
            };
            self.forget(key);
            self.make_ready(key);
        }
    }

    /// Takes a stream out of its row, if it is in one.
    #[inline]
    pub(crate) fn forget(&mut self, key: StreamKey) {
        let Some(link) = self.links.get(key.slot as usize).copied() else {
            return;
        };
        if link.place == Place::Nowhere || link.id != key.id {
            return;
        }
        match link.previous {
            Some(previous) => self.links[previous as usize].next = link.next,
            None => self.row(link.place).first = link.next,
        }
        match link.next {
            Some(next) => self.links[next as usize].previous = link.previous,
            None => self.row(link.place).last = link.previous,
        }
        self.links[key.slot as usize] = NOWHERE;
    }

    /// Gives a large array back; there are no streams.
    pub(crate) fn shrink(&mut self) {
        if self.links.len() > 128 {
            self.links = Vec::new();
        }
    }

    #[cfg(test)]
    pub(crate) fn retained(&self) -> usize {
        self.links.capacity() * size_of::<Link>()
    }

    fn row(&mut self, place: Place) -> &mut Row {
        match place {
            Place::Ready => &mut self.ready,
            Place::Parked | Place::Nowhere => &mut self.parked,
        }
    }

    fn append(&mut self, place: Place, key: StreamKey) {
        let slot = key.slot as usize;
        if self.links.len() <= slot {
            self.links.resize(slot + 1, NOWHERE);
        }
        if self.links[slot].place != Place::Nowhere {
            return;
        }
        let last = self.row(place).last.replace(key.slot);
        match last {
            Some(last) => self.links[last as usize].next = Some(key.slot),
            None => self.row(place).first = Some(key.slot),
        }
        self.links[slot] = Link {
            place,
            id: key.id,
            previous: last,
            next: None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(slot: u32) -> StreamKey {
        StreamKey {
            slot,
            id: 2 * slot + 1,
        }
    }

    fn drain(schedule: &mut Schedule) -> Vec<u32> {
        std::iter::from_fn(|| schedule.next())
            .map(|key| key.slot)
            .collect()
    }

    #[test]
    fn streams_take_turns_in_the_order_in_which_they_became_ready() {
        let mut schedule = Schedule::default();
        [3, 1, 2, 1]
            .into_iter()
            .for_each(|slot| schedule.make_ready(key(slot)));
        assert_eq!(schedule.next(), Some(key(3)));
        schedule.make_ready(key(3));
        assert_eq!(drain(&mut schedule), [1, 2, 3]);
    }

    #[test]
    fn a_stream_can_leave_from_anywhere() {
        for gone in 0..4 {
            let mut schedule = Schedule::default();
            (0..4).for_each(|slot| schedule.make_ready(key(slot)));
            schedule.forget(key(gone));
            schedule.forget(key(gone));
            let left: Vec<_> = (0..4).filter(|&slot| slot != gone).collect();
            assert_eq!(drain(&mut schedule), left);
            assert!(!schedule.has_ready());
        }
    }

    #[test]
    fn a_key_of_an_earlier_stream_of_the_slot_changes_nothing() {
        let mut schedule = Schedule::default();
        schedule.make_ready(key(1));
        schedule.forget(StreamKey { slot: 1, id: 99 });
        schedule.forget(StreamKey::NONE);
        assert_eq!(drain(&mut schedule), [1]);
    }

    #[test]
    fn parked_streams_come_back_behind_the_ready_ones() {
        let mut schedule = Schedule::default();
        schedule.park(key(1));
        schedule.park(key(2));
        schedule.make_ready(key(0));
        schedule.make_ready(key(2)); // it is parked: stays there
        assert_eq!(schedule.next(), Some(key(0)));
        assert!(!schedule.has_ready());
        schedule.make_ready(key(0));
        schedule.unpark();
        assert_eq!(drain(&mut schedule), [0, 1, 2]);
    }
}
