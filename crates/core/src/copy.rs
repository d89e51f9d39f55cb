//! Copying payload.

/// Largest piece that is copied at once.
const CHUNK: usize = 2048;

/// Appends `bytes` in pieces of 2 KiB.
///
/// On current AMD cores one long copy is 15 to 27 times slower when destination and source differ by
/// 1 to 15 bytes modulo a page, which a five-byte prefix in front of a page-aligned payload gives
/// exactly; pieces of this size do not take that path and cost nothing elsewhere.
#[inline]
pub(crate) fn extend_chunked(target: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() <= CHUNK {
        return target.extend_from_slice(bytes);
    }
    target.reserve(bytes.len());
    for piece in bytes.chunks(CHUNK) {
        target.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_every_size_around_the_chunk_are_exact() {
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
            let source: Vec<u8> = (0..size).map(|i| i as u8).collect();
            let mut target = vec![9];
            extend_chunked(&mut target, &source);
            assert_eq!(target[0], 9);
            assert_eq!(&target[1..], source);
        }
    }
}
