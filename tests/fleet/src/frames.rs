//! Which requests pass on a connection: the headers of HTTP/2 frames, read as bytes go by.

/// The client's preface (RFC 9113 §3.4).
const PREFACE: usize = 24;
/// Octets of a frame's header (RFC 9113 §4.1).
const HEADER: usize = 9;
const HEADERS: u8 = 1;

/// Counts the HEADERS frames in what a client writes, however the bytes are cut.
#[derive(Debug)]
pub struct Frames {
    /// Octets that are of no interest: the rest of the preface or of a payload.
    skip: usize,
    header: [u8; HEADER],
    known: usize,
}

/// A connection whose client has written nothing yet.
impl Default for Frames {
    fn default() -> Frames {
        Frames {
            skip: PREFACE,
            header: [0; HEADER],
            known: 0,
        }
    }
}

impl Frames {
    /// How many requests begin in these bytes, the next ones of the connection. A client sends one HEADERS frame for each
    /// request: gRPC has no trailers in that direction.
    pub fn requests(&mut self, mut bytes: &[u8]) -> u64 {
        let mut count = 0;
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let taken = (HEADER - self.known).min(bytes.len());
            if taken == 0 {
                return count;
            }
            self.header[self.known..self.known + taken].copy_from_slice(&bytes[..taken]);
            self.known += taken;
            bytes = &bytes[taken..];
            if self.known == HEADER {
                let [a, b, c, kind, ..] = self.header;
                count += u64::from(kind == HEADERS);
                self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
                self.known = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let mut bytes = (payload as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([kind, 0, 0, 0, 0, 1]);
        bytes.resize(HEADER + payload, HEADERS);
        bytes
    }

    #[test]
    fn requests_are_counted_wherever_the_bytes_are_cut() {
        let mut bytes = vec![b'P'; PREFACE];
        for (kind, payload) in [(4, 6), (1, 30), (0, 300), (1, 0), (8, 4), (1, 7)] {
            bytes.extend(frame(kind, payload));
        }
        for size in [1, 2, 5, 9, 10, 100, bytes.len()] {
            let mut frames = Frames::default();
            let counts = bytes.chunks(size).map(|chunk| frames.requests(chunk));
            assert_eq!(counts.sum::<u64>(), 3, "in pieces of {size}");
        }
    }

    #[test]
    fn a_request_counts_when_its_frame_begins() {
        let mut frames = Frames::default();
        let mut bytes = vec![b'P'; PREFACE];
        bytes.extend(&frame(1, 50)[..HEADER]);
        assert_eq!(frames.requests(&bytes[..PREFACE + 8]), 0);
        assert_eq!(frames.requests(&bytes[PREFACE + 8..]), 1);
    }
}
