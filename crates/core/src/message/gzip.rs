//! gzip (RFC 1952) around raw deflate.
//!
//! The frame is written and read here because the library's gzip decoder cannot be reset without
//! building its state anew, which costs more than a small message.

use super::{
    compressor::{Compressor, DecompressError},
    flate::{deflate, inflate, with_reader},
};
use flate2::{Crc, Decompress};
use std::io;

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// No flags, no time, no hint of the level, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
const TRAILER: usize = 8;

/// The compressor named `gzip`. Each thread keeps one state of each direction (about 300 KiB together, once used).
///
/// ```
/// use farcall_core::{Compressors, message::Gzip};
///
/// let fast = Compressors::none().with(Gzip::with_level(1));
/// # let _ = fast;
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gzip {
    level: u32,
}

impl Gzip {
    /// Level 0 (store) to 9 (smallest); larger numbers mean 9. Default 6; level 1 is about three times
    /// faster for a somewhat larger result.
    pub fn with_level(level: u32) -> Gzip {
        Gzip {
            level: level.min(9),
        }
    }
}

impl Default for Gzip {
    fn default() -> Gzip {
        Gzip { level: 6 }
    }
}

impl Compressor for Gzip {
    fn name(&self) -> &'static str {
        "gzip"
    }

    fn compress(&self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        output.extend_from_slice(&HEADER);
        deflate((self.level, false), input, output)?;
        let mut crc = Crc::new();
        crc.update(input);
        output.extend_from_slice(&crc.sum().to_le_bytes());
        output.extend_from_slice(&(input.len() as u32).to_le_bytes());
        Ok(())
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        with_reader(false, |state| inflate_members(state, input, limit, output))
    }
}

/// A gzip file is a sequence of members; they are concatenated.
fn inflate_members(
    state: &mut Decompress,
    input: &[u8],
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    let end = output.len().saturating_add(limit);
    let mut rest = input;
    loop {
        rest = skip_header(rest).ok_or(DecompressError::Malformed("gzip header"))?;
        let start = output.len();
        state.reset(false);
        let consumed = inflate(state, rest, end, output)?;
        let (trailer, after) = rest[consumed..]
            .split_first_chunk::<TRAILER>()
            .ok_or(DecompressError::Malformed("gzip trailer"))?;
        let mut crc = Crc::new();
        crc.update(&output[start..]);
        if trailer[..4] != crc.sum().to_le_bytes()
            || trailer[4..] != ((output.len() - start) as u32).to_le_bytes()
        {
            return Err(DecompressError::Malformed("gzip checksum"));
        }
        if after.is_empty() {
            return Ok(());
        }
        rest = after;
    }
}

/// What follows the member's header (RFC 1952 §2.3).
fn skip_header(input: &[u8]) -> Option<&[u8]> {
    const HEADER_CRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let (fixed, mut rest) = input.split_first_chunk::<10>()?;
    let flags = fixed[3];
    if !fixed.starts_with(&MAGIC) || flags & 0xe0 != 0 {
        return None;
    }
    if flags & EXTRA != 0 {
        let (length, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            rest = &rest[rest.iter().position(|byte| *byte == 0)? + 1..];
        }
    }
    if flags & HEADER_CRC != 0 {
        rest.get(2..)
    } else {
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::XorShift;
    use flate2::Compression;
    use std::io::{Read, Write};

    fn compress(level: u32, input: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        Gzip::with_level(level)
            .compress(input, &mut output)
            .unwrap();
        output
    }

    fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
        let mut output = Vec::new();
        Gzip::default()
            .decompress(input, limit, &mut output)
            .map(|()| output)
    }

    fn payload(random: &mut XorShift, size: usize) -> Vec<u8> {
        (0..size)
            .map(|i| {
                if i % 7 == 0 {
                    random.next_u64() as u8
                } else {
                    i as u8 / 16
                }
            })
            .collect()
    }

    #[test]
    fn what_is_compressed_comes_back_at_every_level_and_size_with_reused_state() {
        let mut random = XorShift::new(4);
        for level in [6, 6, 1, 9, 0, 6] {
            for size in [0, 1, 100, 5_000, 300_000] {
                let input = payload(&mut random, size);
                assert_eq!(
                    decompress(&compress(level, &input), size).unwrap(),
                    input,
                    "level {level}, {size} bytes"
                );
            }
        }
    }

    #[test]
    fn another_implementation_of_the_format_reads_and_writes_the_same() {
        let input = payload(&mut XorShift::new(5), 10_000);
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&compress(6, &input)[..])
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, input);

        let mut writer = flate2::GzBuilder::new()
            .filename("name")
            .comment("comment")
            .extra(vec![1, 2, 3])
            .write(Vec::new(), Compression::best());
        writer.write_all(&input).unwrap();
        assert_eq!(
            decompress(&writer.finish().unwrap(), usize::MAX).unwrap(),
            input
        );
    }

    #[test]
    fn members_are_concatenated_and_garbage_behind_them_is_refused() {
        let mut two = compress(6, b"one ");
        two.extend(compress(6, b"two"));
        assert_eq!(decompress(&two, 100).unwrap(), b"one two");
        two.push(0);
        assert_eq!(
            decompress(&two, 100),
            Err(DecompressError::Malformed("gzip header"))
        );
    }

    #[test]
    fn inflation_stops_at_the_limit_and_not_later() {
        let bomb = compress(9, &vec![0; 4 << 20]);
        assert!(bomb.len() < 6_000);
        let mut output = Vec::new();
        let result = Gzip::default().decompress(&bomb, 1 << 20, &mut output);
        assert_eq!(result, Err(DecompressError::TooLarge));
        assert!(output.capacity() <= (1 << 20) + 1, "{}", output.capacity());
        assert_eq!(
            decompress(&bomb, (4 << 20) - 1),
            Err(DecompressError::TooLarge)
        );
        assert_eq!(decompress(&bomb, 4 << 20).unwrap().len(), 4 << 20);
    }

    #[test]
    fn cut_damaged_and_foreign_input_is_malformed() {
        let good = compress(
            6,
            b"some text that is long enough to be worth it, some text",
        );
        for length in 0..good.len() {
            assert!(
                matches!(
                    decompress(&good[..length], 1000),
                    Err(DecompressError::Malformed(_))
                ),
                "{length}"
            );
        }
        for index in [0, 1, 2, good.len() - 8, good.len() - 1] {
            let mut bad = good.clone();
            bad[index] ^= 1;
            assert!(
                matches!(decompress(&bad, 1000), Err(DecompressError::Malformed(_))),
                "{index}"
            );
        }
        assert!(matches!(
            decompress(b"not gzip at all, really not", 1000),
            Err(DecompressError::Malformed(_))
        ));
        // And the state is good for the next message.
        assert!(decompress(&good, 1000).is_ok());
    }
}
