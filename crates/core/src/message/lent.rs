//! Large buffers that go out and come back.

use bytes::{Bytes, BytesMut};
use std::cell::RefCell;

/// Buffers of these sizes are remembered. Smaller ones are cheap to allocate; for larger ones allocators learn not to give
/// their memory back to the system at once.
const SIZES: std::ops::RangeInclusive<usize> = (32 << 10)..=(128 << 10);
/// How many a thread remembers.
const SLOTS: usize = 8;

thread_local! {
    static LENT: RefCell<Lent> = const { RefCell::new(Lent::new()) };
}

/// The last large buffers that left this thread, each with a handle beside that of whoever has it now. Once that one has let
/// go of it, it serves again.
///
/// An allocator gives memory of this size back to the system when it is freed and has to ask for it again, page by page:
/// with glibc that is a fifth of what a call with 64 KiB in each direction costs.
struct Lent {
    slots: [Slot; SLOTS],
    /// The slot that was filled longest ago.
    oldest: usize,
}

/// `bytes` is empty where there is none.
#[derive(Default)]
struct Slot {
    bytes: Bytes,
    capacity: usize,
}

impl Lent {
    const fn new() -> Lent {
        const NONE: Slot = Slot {
            bytes: Bytes::new(),
            capacity: 0,
        };
        Lent {
            slots: [NONE; SLOTS],
            oldest: 0,
        }
    }

    /// A buffer that has come back, with room for `size` bytes and at most twice that.
    fn take(&mut self, size: usize) -> Option<Vec<u8>> {
        let fits = |slot: &&mut Slot| (size..=2 * size).contains(&slot.capacity);
        let slot = self
            .slots
            .iter_mut()
            .filter(fits)
            .find(|slot| slot.bytes.is_unique())?;
        let mut buffer: BytesMut = std::mem::take(slot).bytes.try_into_mut().ok()?;
        buffer.clear();
        Some(buffer.into())
    }

    fn remember(&mut self, bytes: Bytes, capacity: usize) {
        let empty = self.slots.iter().position(|slot| slot.bytes.is_empty());
        let at = empty.unwrap_or_else(|| {
            let oldest = self.oldest;
            self.oldest = (oldest + 1) % SLOTS;
            oldest
        });
        self.slots[at] = Slot { bytes, capacity };
    }
}

/// An empty buffer with room for `size` bytes.
#[inline]
pub(super) fn buffer(size: usize) -> Vec<u8> {
    if !SIZES.contains(&size) {
        return Vec::with_capacity(size);
    }
    let back = LENT.try_with(|lent| lent.borrow_mut().take(size));
    back.ok()
        .flatten()
        .unwrap_or_else(|| Vec::with_capacity(size))
}

/// `buffer` as shared memory, which serves this thread again once nobody has it any more.
#[inline]
pub(super) fn lend(buffer: Vec<u8>) -> Bytes {
    let (len, capacity) = (buffer.len(), buffer.capacity());
    let bytes = Bytes::from(buffer);
    if len > 0 && SIZES.contains(&capacity) {
        // A thread that is ending does without.
        let _ = LENT.try_with(|lent| lent.borrow_mut().remember(bytes.clone(), capacity));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 64 << 10;

    fn filled(size: usize) -> Bytes {
        let mut vec = buffer(size);
        assert!(vec.is_empty() && vec.capacity() >= size);
        vec.resize(size, 7);
        lend(vec)
    }

    #[test]
    fn a_buffer_serves_again_when_nobody_has_it_any_more() {
        let first = filled(SIZE);
        let at = first.as_ptr();
        let piece = first.slice(100..200);
        drop(first);
        let second = filled(SIZE);
        assert_ne!(second.as_ptr(), at, "a piece of the first is in use");
        assert_eq!(piece, [7; 100][..]);
        drop(piece);
        let third = filled(SIZE - 1000);
        assert_eq!(third.as_ptr(), at);
        assert_eq!(third.len(), SIZE - 1000);
    }

    #[test]
    fn a_buffer_is_not_used_for_messages_that_are_much_smaller() {
        drop(filled(128 << 10));
        assert!(buffer(40 << 10).capacity() <= 80 << 10);
    }

    #[test]
    fn buffers_of_other_sizes_are_not_remembered() {
        for size in [0, 1000, (32 << 10) - 1, (128 << 10) + 1, 1 << 20] {
            drop(filled(size));
            let none = |lent: &Lent| lent.slots.iter().all(|slot| slot.bytes.is_empty());
            assert!(LENT.with_borrow(none), "{size}");
        }
    }

    #[test]
    fn a_thread_remembers_a_few_and_forgets_the_oldest() {
        let all: Vec<Bytes> = (0..3 * SLOTS).map(|_| filled(SIZE)).collect();
        let remembered = |bytes: &&Bytes| !bytes.is_unique();
        assert_eq!(all.iter().filter(remembered).count(), SLOTS);
        assert!(all.iter().rev().take(SLOTS).all(|bytes| !bytes.is_unique()));
    }
}
