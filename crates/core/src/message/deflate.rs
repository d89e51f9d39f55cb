//! `deflate`, which for HTTP and gRPC is zlib's format (RFC 9110 §8.4.1.2, RFC 1950).

use super::{
    compressor::{Compressor, DecompressError},
    flate::{deflate, inflate, with_reader},
};
use std::io;

/// The compressor named `deflate`. Each thread keeps one state of each direction (about 300 KiB together, once used).
///
/// ```
/// use farcall_core::{Compressors, message::Deflate};
///
/// let set = Compressors::none().with(Deflate::with_level(1));
/// assert_eq!(set.accept_encoding().unwrap(), "deflate");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deflate {
    level: u32,
}

impl Deflate {
    /// Level 0 (store) to 9 (smallest); larger numbers mean 9. Default 6.
    pub fn with_level(level: u32) -> Deflate {
        Deflate {
            level: level.min(9),
        }
    }
}

impl Default for Deflate {
    fn default() -> Deflate {
        Deflate { level: 6 }
    }
}

impl Compressor for Deflate {
    fn name(&self) -> &'static str {
        "deflate"
    }

    fn compress(&self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        deflate((self.level, true), input, output)
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        let end = output.len().saturating_add(limit);
        let result = with_reader(true, |state| {
            state.reset(true);
            inflate(state, input, end, output)
        });
        match result? {
            consumed if consumed == input.len() => Ok(()),
            _ => Err(DecompressError::Malformed("bytes behind the zlib stream")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use std::io::{Read, Write};

    #[test]
    fn another_implementation_of_the_format_reads_and_writes_the_same() {
        let input = b"zlib, not bare deflate; zlib, not bare deflate";
        let mut wire = Vec::new();
        Deflate::default().compress(input, &mut wire).unwrap();
        let mut read = Vec::new();
        flate2::read::ZlibDecoder::new(&wire[..])
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, input);

        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), Compression::best());
        writer.write_all(input).unwrap();
        let mut output = Vec::new();
        let wire = writer.finish().unwrap();
        Deflate::default()
            .decompress(&wire, 100, &mut output)
            .unwrap();
        assert_eq!(output, input);
    }
}
