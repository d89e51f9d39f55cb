//! `zstd` (RFC 8878).

use super::{
    compressor::{Compressor, DecompressError},
    room::{first_room, make_room},
};
use std::{cell::Cell, io};
use zstd::zstd_safe::{
    CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective, compress_bound,
    get_error_name, zstd_sys::ZSTD_EndDirective,
};

/// The largest window that is accepted, as a power of two: the 8 MiB that RFC 8878 §3.1.1.1.2 wants decoders to have. A frame can make
/// its reader hold that much whatever its size.
const MAX_WINDOW_LOG: u32 = 23;
/// A state that has grown beyond this is not kept for the next message.
const MAX_KEPT: usize = 1 << 20;

/// The compressor named `zstd`. Each thread keeps one state of each direction, up to 1 MiB each; a message that claims a large
/// window holds up to 8 MiB while it is read.
///
/// ```
/// use farcall_core::{Compressors, message::Zstd};
///
/// let set = Compressors::none().with(Zstd::with_level(1));
/// assert_eq!(set.accept_encoding().unwrap(), "zstd");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Zstd {
    level: i32,
}

impl Zstd {
    /// Level 1 (fast) to 22 (small, and slow beyond use), or negative for even faster; what is out of range means the nearest. Default 3.
    pub fn with_level(level: i32) -> Zstd {
        let range = zstd::compression_level_range();
        Zstd {
            level: level.clamp(*range.start(), *range.end()),
        }
    }
}

impl Default for Zstd {
    fn default() -> Zstd {
        Zstd { level: 3 }
    }
}

thread_local! {
    static WRITER: Cell<Option<CCtx<'static>>> = const { Cell::new(None) };
    static READER: Cell<Option<DCtx<'static>>> = const { Cell::new(None) };
}

fn failed(code: usize) -> io::Error {
    io::Error::other(get_error_name(code))
}

impl Compressor for Zstd {
    fn name(&self) -> &'static str {
        "zstd"
    }

    fn compress(&self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        let kept = WRITER.try_with(Cell::take).ok().flatten();
        let mut state = match kept.or_else(CCtx::try_create) {
            Some(state) => state,
            None => return Err(io::ErrorKind::OutOfMemory.into()),
        };
        let level = CParameter::CompressionLevel(self.level);
        state.reset(ResetDirective::SessionOnly).map_err(failed)?;
        state.set_parameter(level).map_err(failed)?;
        // With room for the worst case it is written in one go.
        output.reserve(compress_bound(input.len()));
        let mut source = InBuffer::around(input);
        loop {
            let start = output.len();
            let mut room = OutBuffer::around_pos(output, start);
            let end = ZSTD_EndDirective::ZSTD_e_end;
            let left = state
                .compress_stream2(&mut room, &mut source, end)
                .map_err(failed)?;
            if left == 0 {
                break;
            }
            output.reserve(left);
        }
        if state.sizeof() <= MAX_KEPT {
            let _ = WRITER.try_with(|slot| slot.set(Some(state)));
        }
        Ok(())
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        let kept = READER.try_with(Cell::take).ok().flatten();
        let Some(mut state) = kept.or_else(DCtx::try_create) else {
            return Err(DecompressError::Malformed("no memory for zstd"));
        };
        let result = read_frames(&mut state, input, limit, output);
        if state.sizeof() <= MAX_KEPT {
            let _ = READER.try_with(|slot| slot.set(Some(state)));
        }
        result
    }
}

/// Frames are concatenated (RFC 8878 §3.1).
fn read_frames(
    state: &mut DCtx<'_>,
    input: &[u8],
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    const MALFORMED: DecompressError = DecompressError::Malformed("zstd frame");
    let set = |result: Result<usize, usize>| result.map_err(|_| MALFORMED);
    set(state.reset(ResetDirective::SessionOnly))?;
    set(state.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG)))?;
    let end = output.len().saturating_add(limit);
    let mut source = InBuffer::around(input);
    loop {
        make_room(output, first_room(input), end);
        let start = output.len();
        let mut target = OutBuffer::around_pos(output, start);
        let missing = state
            .decompress_stream(&mut target, &mut source)
            .map_err(|_| MALFORMED)?;
        if output.len() > end {
            return Err(DecompressError::TooLarge);
        }
        let consumed = source.pos() == input.len();
        match missing {
            0 if consumed => return Ok(()),
            0 => {}
            _ if consumed && output.len() < output.capacity() => {
                return Err(DecompressError::Malformed("zstd frame is cut"));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
        let mut output = Vec::new();
        Zstd::default()
            .decompress(input, limit, &mut output)
            .map(|()| output)
    }

    #[test]
    fn the_librarys_own_functions_read_and_write_the_same_at_every_level() {
        let input = b"a frame of zstd, a frame of zstd".repeat(40);
        for level in [-5, 1, 3, 19] {
            let mut wire = Vec::new();
            Zstd::with_level(level).compress(&input, &mut wire).unwrap();
            assert_eq!(zstd::stream::decode_all(&wire[..]).unwrap(), input);
            let wire = zstd::stream::encode_all(&input[..], level).unwrap();
            assert_eq!(decompress(&wire, input.len()).unwrap(), input);
        }
    }

    #[test]
    fn frames_are_concatenated_and_garbage_behind_them_is_refused() {
        let mut two = zstd::stream::encode_all(&b"one "[..], 3).unwrap();
        two.extend(zstd::stream::encode_all(&b"two"[..], 3).unwrap());
        assert_eq!(decompress(&two, 100).unwrap(), b"one two");
        two.extend(b"garbage");
        assert!(matches!(
            decompress(&two, 100),
            Err(DecompressError::Malformed(_))
        ));
    }

    #[test]
    fn a_window_of_more_than_8_mib_is_refused() {
        let mut writer = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        writer.set_parameter(CParameter::WindowLog(24)).unwrap();
        std::io::Write::write_all(&mut writer, &[7; 100_000]).unwrap();
        let wire = writer.finish().unwrap();
        assert!(matches!(
            decompress(&wire, 200_000),
            Err(DecompressError::Malformed(_))
        ));
    }
}
