//! Streams of deflate (RFC 1951), bare or in zlib's frame (RFC 1950).

use super::{
    compressor::DecompressError,
    room::{first_room, make_room},
};
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};
use std::io;

/// Appends `input`, compressed, to `output`. The state is fresh.
pub(super) fn deflate(state: &mut Compress, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    output.reserve(input.len() / 3 + 64);
    loop {
        let consumed = state.total_in() as usize;
        let status = state.compress_vec(&input[consumed..], output, FlushCompress::Finish)?;
        if status == Status::StreamEnd {
            return Ok(());
        }
        output.reserve(output.capacity().max(64));
    }
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
