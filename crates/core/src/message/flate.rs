//! Streams of deflate (RFC 1951), bare or in zlib's frame (RFC 1950).

use super::{
    compressor::DecompressError,
    room::{first_room, make_room},
};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::{cell::Cell, io};

/// The state of a writer, with its level.
type Writer = Cell<Option<(u32, Compress)>>;
type Reader = Cell<Option<Decompress>>;

thread_local! {
    // What a thread keeps from one message to the next: of bare streams, and of those in zlib's frame.
    static WRITERS: [Writer; 2] = const { [Cell::new(None), Cell::new(None)] };
    static READERS: [Reader; 2] = const { [Cell::new(None), Cell::new(None)] };
}

/// Appends `input`, compressed, to `output`; with zlib's frame if `zlib`.
pub(super) fn deflate(
    (level, zlib): (u32, bool),
    input: &[u8],
    output: &mut Vec<u8>,
) -> io::Result<()> {
    let mut state = match WRITERS.try_with(|kept| kept[usize::from(zlib)].take()) {
        Ok(Some((kept, mut state))) if kept == level => {
            state.reset();
            state
        }
        _ => Compress::new(Compression::new(level), zlib),
    };
    output.reserve(input.len() / 3 + 64);
    loop {
        let consumed = state.total_in() as usize;
        let status = state.compress_vec(&input[consumed..], output, FlushCompress::Finish)?;
        if status == Status::StreamEnd {
            break;
        }
        output.reserve(output.capacity().max(64));
    }
    let _ = WRITERS.try_with(|kept| kept[usize::from(zlib)].set(Some((level, state))));
    Ok(())
}

/// Lends the thread's state for reading, which is to be reset before each stream.
pub(super) fn with_reader<T>(zlib: bool, read: impl FnOnce(&mut Decompress) -> T) -> T {
    let kept = READERS.try_with(|kept| kept[usize::from(zlib)].take());
    let mut state = kept.ok().flatten().unwrap_or_else(|| Decompress::new(zlib));
    let result = read(&mut state);
    let _ = READERS.try_with(|kept| kept[usize::from(zlib)].set(Some(state)));
    result
}

/// Inflates until the stream ends and says how much input that took; stops when `output` is longer than `end`.
pub(super) fn inflate(
    state: &mut Decompress,
    input: &[u8],
    end: usize,
    output: &mut Vec<u8>,
) -> Result<usize, DecompressError> {
    loop {
        make_room(output, first_room(input), end);
        let consumed = state.total_in() as usize;
        let status = state
            .decompress_vec(&input[consumed..], output, FlushDecompress::None)
            .map_err(|_| DecompressError::Malformed("deflate stream"))?;
        if output.len() > end {
            return Err(DecompressError::TooLarge);
        }
        match status {
            Status::StreamEnd => return Ok(state.total_in() as usize),
            _ if output.len() < output.capacity() => {
                return Err(DecompressError::Malformed("deflate stream is cut"));
            }
            Status::Ok | Status::BufError => {}
        }
    }
}
