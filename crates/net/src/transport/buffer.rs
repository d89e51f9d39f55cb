//! Read buffers: a connection owns one only while bytes are in it.

use bytes::BytesMut;
use std::cell::Cell;

/// Bytes that one read may take: two messages of 64 KiB with all around them. Fewer reads are also fewer
/// acknowledgements and window updates of TCP's for the same bytes.
const READ_SIZE: usize = 144 << 10;
/// Room below which the buffer is renewed before a read.
const MIN_ROOM: usize = 8 << 10;
/// The beginning of a frame that is not longer than this waits for the rest in memory of its own size.
const LEFTOVER: usize = 4 << 10;

thread_local! {
    /// The buffer that the connections of this thread take turns with: empty, but others may still have pieces of its memory.
    static SPARE: Cell<BytesMut> = Cell::new(BytesMut::new());
}

/// Gives `input` room for a read of which `hint` bytes are known to be coming.
pub(super) fn make_room(input: &mut BytesMut, hint: usize) {
    // Mostly nobody has the pieces of the last read any more, and its memory serves again. To free it and to allocate it anew
    // is dear at this size: allocators give it back to the system in between.
    if input.is_empty() && input.capacity() == 0 && !input.try_reclaim(READ_SIZE) {
        *input = SPARE.take();
        let _ = input.try_reclaim(READ_SIZE);
    }
    let room = input.capacity() - input.len();
    if room >= MIN_ROOM.max(hint.min(READ_SIZE)) {
        return;
    }
    if (1..=LEFTOVER).contains(&input.len()) && !input.try_reclaim(READ_SIZE) {
        let mut spare = SPARE.take();
        spare.reserve(READ_SIZE);
        spare.extend_from_slice(input);
        *input = spare;
    }
    input.reserve(READ_SIZE);
}

/// Gives the buffer back, unless much is in it. A connection that waits holds no memory but that of the bytes it has.
pub(super) fn put_back(input: &mut BytesMut) {
    if input.len() > LEFTOVER {
        return;
    }
    let leftover = match input.len() {
        0 => BytesMut::new(),
        _ => BytesMut::from(&input[..]),
    };
    let mut spare = std::mem::replace(input, leftover);
    spare.clear();
    let _ = spare.try_reclaim(READ_SIZE);
    let other = SPARE.take();
    SPARE.set(if other.capacity() > spare.capacity() {
        other
    } else {
        spare
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_read_serves_again_once_its_pieces_are_gone() {
        let mut input = BytesMut::new();
        make_room(&mut input, 0);
        let room = input.capacity();
        input.resize(room, 1);
        let at = input.as_ptr();
        let piece = input.split_to(room).freeze();
        put_back(&mut input);
        drop(piece);
        make_room(&mut input, 0);
        assert_eq!((input.as_ptr(), input.capacity()), (at, room));
    }

    #[test]
    fn what_was_read_does_not_keep_the_rest_of_its_buffer_with_the_connection() {
        for filled in [100, READ_SIZE - 100, READ_SIZE] {
            for left in [0, 100] {
                let mut input = BytesMut::new();
                make_room(&mut input, 0);
                input.resize(filled, 1);
                let pieces = input.split_to(filled - left).freeze();
                put_back(&mut input);
                assert_eq!(input.len(), left);
                drop(SPARE.take());
                assert!(pieces.is_unique(), "{filled} {left}");
            }
        }
    }

    #[test]
    fn pieces_that_somebody_has_are_left_alone() {
        let mut input = BytesMut::new();
        make_room(&mut input, 0);
        let room = input.capacity();
        input.resize(room, 1);
        let piece = input.split_to(room).freeze();
        make_room(&mut input, 0);
        input.resize(READ_SIZE, 2);
        assert!(piece.iter().all(|byte| *byte == 1));
    }
}
