//! Random numbers that are the same on every machine and in every run.

use std::ops::Range;

/// A stream of pseudo-random numbers, wholly determined by its seed (splitmix64). Not for secrets.
///
/// ```
/// use farcall_testkit::Rng;
///
/// let (mut a, mut b) = (Rng::new(7), Rng::new(7));
/// assert_eq!(a.next_u64(), b.next_u64());
/// assert!((10..20).contains(&a.range(10..20)));
/// ```
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Rng {
        Rng { state: seed }
    }

    /// A stream of its own, so that what one part draws does not move what another part gets.
    pub fn fork(&mut self) -> Rng {
        Rng::new(self.next_u64())
    }

    /// Any number.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of the range; its start if the range is empty.
    pub fn range(&mut self, range: Range<usize>) -> usize {
        let width = range.end.saturating_sub(range.start).max(1) as u64;
        range.start + (self.next_u64() % width) as usize
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.range(0..100) < percent
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// There are none.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.range(0..choices.len())]
    }

    /// `len` random bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.next_u64().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_chances_are_kept() {
        let mut rng = Rng::new(1);
        assert!((0..1000).all(|_| (3..9).contains(&rng.range(3..9))));
        assert_eq!(rng.range(5..5), 5);
        let hits = (0..1000).filter(|_| rng.chance(20)).count();
        assert!((120..280).contains(&hits), "{hits}");
        assert!(!rng.chance(0) && rng.chance(100));
        assert_eq!(rng.bytes(13).len(), 13);
    }

    #[test]
    fn a_fork_is_independent_of_what_its_parent_draws_later() {
        let (mut a, mut b) = (Rng::new(9), Rng::new(9));
        let (mut fork_a, mut fork_b) = (a.fork(), b.fork());
        a.bytes(100);
        assert_eq!(fork_a.next_u64(), fork_b.next_u64());
    }
}
