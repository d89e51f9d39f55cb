//! Read buffers: a connection owns one only while bytes are in it.

use bytes::BytesMut;
use std::cell::Cell;

/// Bytes that one read may take.
const READ_SIZE: usize = 64 << 10;
/// Room below which the buffer is renewed before a read.
const MIN_ROOM: usize = 8 << 10;

thread_local! {
    /// The empty buffer that the connections of this thread take turns with.
    static SPARE: Cell<BytesMut> = Cell::new(BytesMut::new());
}

/// Gives `input` room for a read of which `hint` bytes are known to be coming.
pub(super) fn make_room(input: &mut BytesMut, hint: usize) {
    if input.is_empty() && input.capacity() == 0 {
        *input = SPARE.take();
    }
    let room = input.capacity() - input.len();
    if room < MIN_ROOM.max(hint.min(READ_SIZE)) {
        input.reserve(READ_SIZE);
    }
}

/// Gives an empty buffer back.
pub(super) fn put_back(input: &mut BytesMut) {
    if input.is_empty() && input.capacity() > 0 {
        SPARE.set(std::mem::take(input));
    }
}
