//! One direction of a simulated connection.

use crate::Rng;
use bytes::{Buf, Bytes, BytesMut};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How a simulated connection treats bytes, the same in both directions. The default: 1 ms of delay, no jitter,
/// 256 KiB of room, cut at random places.
///
/// ```
/// use farcall_testkit::sim::{NetConfig, Slicing};
/// use std::time::Duration;
///
/// // A thin line to the other side of the world, byte by byte.
/// let far = NetConfig {
///     delay: Duration::from_millis(150),
///     jitter: Duration::from_millis(20),
///     capacity: 1000,
///     slicing: Slicing::AtMost(1),
/// };
/// # let _ = far;
/// ```
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// Time from a write until the bytes can be read. Default 1 ms.
    pub delay: Duration,
    /// Up to so much more, at random; order is kept. Default none.
    pub jitter: Duration,
    /// Bytes that may be under way and unread: what a system's socket buffers hold. Default 256 KiB. At least 1.
    pub capacity: usize,
    /// Where the stream of bytes is cut into pieces that are read one at a time.
    pub slicing: Slicing,
}

/// Where a simulated connection cuts the stream of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slicing {
    /// Each write arrives as it was made.
    Whole,
    /// Pieces of at most so many bytes.
    AtMost(usize),
    /// Pieces of random length: now single bytes, now whole frames, now everything.
    Random,
}

impl Default for NetConfig {
    fn default() -> NetConfig {
        NetConfig {
            delay: Duration::from_millis(1),
            jitter: Duration::ZERO,
            capacity: 256 << 10,
            slicing: Slicing::Random,
        }
    }
}

/// What a reader gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// So many bytes were appended, at least 1.
    Bytes(usize),
    /// Nothing now; see [`Link::next_arrival`].
    Nothing,
    /// The writer has closed, or the connection was lost: nothing more will come.
    End,
}

/// One direction: bytes that are under way, each piece with its time of arrival.
///
/// ```
/// use bytes::BytesMut;
/// use farcall_testkit::{Rng, sim::{Arrival, Clock, Link, NetConfig}};
///
/// let (mut clock, mut link) = (Clock::new(), Link::new(NetConfig::default(), Rng::new(1)));
/// link.write(clock.now(), &mut &b"x"[..]);
/// let mut read = BytesMut::new();
/// assert_eq!(link.read(clock.now(), &mut read), Arrival::Nothing);
/// clock.advance_to(link.next_arrival().unwrap());
/// assert_eq!(link.read(clock.now(), &mut read), Arrival::Bytes(1));
/// ```
#[derive(Debug)]
pub struct Link {
    config: NetConfig,
    rng: Rng,
    pieces: VecDeque<(Instant, Bytes)>,
    /// Of all pieces.
    held: usize,
    /// When the last piece arrives; later ones do not overtake it.
    last: Option<Instant>,
    /// The writer has closed; readers get the end at that time, behind the bytes.
    closed: Option<Instant>,
    lost: bool,
    stalled: bool,
    /// Bytes vanish, and nobody is told.
    black_hole: bool,
    /// Everything that was written, if that is wanted.
    record: Option<Vec<u8>>,
}

impl Link {
    /// An open link with nothing under way.
    pub fn new(config: NetConfig, rng: Rng) -> Link {
        Link {
            config,
            rng,
            pieces: VecDeque::new(),
            held: 0,
            last: None,
            closed: None,
            lost: false,
            stalled: false,
            black_hole: false,
            record: None,
        }
    }

    /// Takes bytes off the front of `from` while there is room, and says how many. A link that is lost, closed or a black
    /// hole swallows everything.
    pub fn write(&mut self, now: Instant, from: &mut impl Buf) -> usize {
        let len = self.room().min(from.remaining());
        let mut rest = from.copy_to_bytes(len);
        if let Some(record) = &mut self.record {
            record.extend_from_slice(&rest);
        }
        if self.swallows() {
            return len;
        }
        while !rest.is_empty() {
            let piece = rest.split_to(self.piece(rest.len()));
            let at = self.arrival(now);
            self.pieces.push_back((at, piece));
        }
        self.held += len;
        len
    }

    /// Bytes that [`write`](Link::write) would take now.
    pub fn room(&self) -> usize {
        if self.swallows() {
            return usize::MAX;
        }
        self.config.capacity.max(1).saturating_sub(self.held)
    }

    /// Appends the next piece that has arrived to `to`.
    pub fn read(&mut self, now: Instant, to: &mut BytesMut) -> Arrival {
        if self.stalled {
            return Arrival::Nothing;
        }
        match self.pieces.front() {
            Some((at, _)) if *at > now => Arrival::Nothing,
            None if self.black_hole && !self.lost => Arrival::Nothing,
            None if self.lost || self.closed.is_some_and(|at| at <= now) => Arrival::End,
            None => Arrival::Nothing,
            Some(_) => {
                let piece = self
                    .pieces
                    .pop_front()
                    .map(|(_, piece)| piece)
                    .unwrap_or_default();
                to.extend_from_slice(&piece);
                self.held -= piece.len();
                Arrival::Bytes(piece.len())
            }
        }
    }

    /// When the next piece, or the end, can be read. `None`: nothing is under way, or the reader is stalled.
    pub fn next_arrival(&self) -> Option<Instant> {
        if self.stalled {
            return None;
        }
        let end = self.closed.filter(|_| !self.black_hole);
        self.pieces.front().map(|(at, _)| *at).or(end)
    }

    /// Bytes that are under way or unread.
    pub fn held(&self) -> usize {
        self.held
    }

    /// The writer is done; the reader gets the end behind what is under way.
    pub fn close(&mut self, now: Instant) {
        if self.closed.is_none() {
            self.closed = Some(self.arrival(now));
        }
    }

    /// The connection breaks: a random part of what is under way still arrives, then the end.
    pub fn lose(&mut self) {
        let kept = self.rng.range(0..self.pieces.len() + 1);
        let bytes = self.pieces.iter().take(kept);
        self.truncate(bytes.map(|(_, piece)| piece.len()).sum());
    }

    /// The connection breaks: exactly `bytes` of what is under way still arrive (or all of it, if it is less), then the end.
    pub fn truncate(&mut self, bytes: usize) {
        self.lost = true;
        let mut left = bytes;
        for (_, piece) in &mut self.pieces {
            piece.truncate(left);
            left -= piece.len();
        }
        self.pieces.retain(|(_, piece)| !piece.is_empty());
        self.held = self.pieces.iter().map(|(_, piece)| piece.len()).sum();
    }

    /// From now on bytes vanish, those under way too, and neither end is told: one half of a half-open connection.
    pub fn swallow(&mut self) {
        self.black_hole = true;
        self.pieces.clear();
        self.held = 0;
    }

    /// Keeps a copy of all that is written from now on, for [`take_record`](Link::take_record).
    pub fn record(&mut self) {
        self.record.get_or_insert_default();
    }

    /// What was written since it was asked for last; nothing without [`record`](Link::record).
    pub fn take_record(&mut self) -> Vec<u8> {
        self.record.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn swallows(&self) -> bool {
        self.lost || self.black_hole || self.closed.is_some()
    }

    /// Whether [`lose`](Link::lose) was called.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// The reader stops reading (`true`) or goes on.
    pub fn stall(&mut self, stalled: bool) {
        self.stalled = stalled;
    }

    fn arrival(&mut self, now: Instant) -> Instant {
        let jitter = self
            .rng
            .range(0..self.config.jitter.as_micros() as usize + 1);
        let at = now + self.config.delay + Duration::from_micros(jitter as u64);
        let at = self.last.map_or(at, |last| at.max(last));
        self.last = Some(at);
        at
    }

    fn piece(&mut self, rest: usize) -> usize {
        let longest = match self.config.slicing {
            Slicing::Whole => rest,
            Slicing::AtMost(longest) => longest.max(1),
            Slicing::Random => match self.rng.range(0..16) {
                0 => 1,
                1 => self.rng.range(2..10),
                2..5 => self.rng.range(1..300),
                5..12 => self.rng.range(1..20_000),
                _ => rest,
            },
        };
        longest.min(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(config: NetConfig) -> (Link, Instant) {
        (Link::new(config, Rng::new(1)), Instant::now())
    }

    #[test]
    fn bytes_arrive_in_order_after_the_delay_however_they_are_cut() {
        let data = Rng::new(2).bytes(100_000);
        let jitter = Duration::from_millis(3);
        let (mut link, now) = link(NetConfig {
            jitter,
            ..NetConfig::default()
        });
        assert_eq!(link.write(now, &mut &data[..]), data.len());
        let mut got = BytesMut::new();
        assert_eq!(link.read(now, &mut got), Arrival::Nothing);
        let (mut at, mut pieces) = (now, 0);
        while let Some(next) = link.next_arrival() {
            assert!(next >= at && next >= now + Duration::from_millis(1));
            at = next;
            assert!(matches!(link.read(at, &mut got), Arrival::Bytes(_)));
            pieces += 1;
        }
        assert!(pieces > 5 && got[..] == data[..]);
    }

    #[test]
    fn a_full_link_takes_no_more_until_something_is_read() {
        let (mut link, now) = link(NetConfig {
            capacity: 10,
            slicing: Slicing::AtMost(4),
            ..NetConfig::default()
        });
        let mut data = &[7_u8; 25][..];
        assert_eq!(link.write(now, &mut data), 10);
        assert_eq!((data.len(), link.room(), link.held()), (15, 0, 10));
        let mut got = BytesMut::new();
        assert_eq!(
            link.read(now + Duration::from_millis(1), &mut got),
            Arrival::Bytes(4)
        );
        assert_eq!(link.room(), 4);
    }

    #[test]
    fn the_end_comes_behind_the_bytes() {
        let (mut link, now) = link(NetConfig {
            slicing: Slicing::Whole,
            ..NetConfig::default()
        });
        link.write(now, &mut &b"last"[..]);
        link.close(now);
        let (later, mut got) = (now + Duration::from_millis(1), BytesMut::new());
        assert_eq!(link.read(later, &mut got), Arrival::Bytes(4));
        assert_eq!(link.read(later, &mut got), Arrival::End);
    }

    #[test]
    fn a_stalled_reader_gets_nothing_and_a_lost_link_ends() {
        let (mut link, now) = link(NetConfig::default());
        link.write(now, &mut &[1_u8; 1000][..]);
        link.stall(true);
        let (later, mut got) = (now + Duration::from_secs(1), BytesMut::new());
        assert_eq!(
            (link.read(later, &mut got), link.next_arrival()),
            (Arrival::Nothing, None)
        );
        link.stall(false);
        link.lose();
        while link.read(later, &mut got) != Arrival::End {}
        assert_eq!(link.write(now, &mut &[1_u8; 9][..]), 9);
        assert_eq!(link.read(later, &mut got), Arrival::End);
    }

    #[test]
    fn a_truncated_link_delivers_exactly_so_many_bytes_and_then_the_end() {
        for kept in [0, 1, 999, 1000, 5000] {
            let (mut link, now) = link(NetConfig::default());
            link.write(now, &mut &[1_u8; 1000][..]);
            link.truncate(kept);
            let (later, mut got) = (now + Duration::from_secs(1), BytesMut::new());
            while link.read(later, &mut got) != Arrival::End {}
            assert_eq!(got.len(), kept.min(1000));
        }
    }

    #[test]
    fn a_black_hole_takes_everything_and_says_nothing() {
        let (mut link, now) = link(NetConfig::default());
        link.record();
        link.write(now, &mut &b"abc"[..]);
        link.swallow();
        assert_eq!(link.write(now, &mut &[1_u8; 1 << 20][..]), 1 << 20);
        link.close(now);
        let later = now + Duration::from_secs(1);
        assert_eq!(link.read(later, &mut BytesMut::new()), Arrival::Nothing);
        assert_eq!((link.next_arrival(), link.held()), (None, 0));
        assert_eq!(link.take_record().len(), 3 + (1 << 20));
    }
}
