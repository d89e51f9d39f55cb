//! What is ready to be written.

use bytes::{Buf, Bytes};
use std::{collections::VecDeque, io::IoSlice};

/// Payloads up to this are copied behind their frame head; larger ones are written from where they are.
pub(crate) const COPY_MAX: usize = 4096;
/// Copies go in pieces: long unaligned ones are many times slower on some processors.
const COPY_PIECE: usize = 2048;
/// Written bytes in front of unwritten ones are cut off beyond this.
const SLACK: usize = 16 << 10;
/// A buffer up to this size stays when everything in it has been written, until `rest`: of one that goes on, as much as drivers
/// gather.
const KEPT: usize = 128 << 10;

/// Bytes for the wire, in order: frames and small payloads in one buffer, large payloads by reference between them.
///
/// Read it as a [`Buf`]: [`chunks_vectored`](Buf::chunks_vectored) gives everything for one `writev`. A very large
/// buffer is freed when all of it has been read, any other by [`rest`](Self::rest), so an idle connection owns none.
///
/// ```
/// use bytes::{Buf, BytesMut};
/// use farcall_http2::{Config, Connection};
///
/// let now = std::time::Instant::now();
/// let mut client = Connection::client(Config::default(), now);
/// client.fill(now, usize::MAX);
/// let output = client.output();
/// assert!(output.chunk().starts_with(b"PRI * HTTP/2.0"));
/// output.advance(output.remaining()); // written
/// assert!(output.is_empty());
/// ```
#[derive(Debug, Default)]
pub struct Output {
    scratch: Vec<u8>,
    /// Of `scratch`, what has been read.
    read: usize,
    /// Where `scratch[0]` stands among all bytes that ever were in it.
    base: u64,
    payloads: VecDeque<Payload>,
    remaining: usize,
    /// All bytes that were ever read.
    written: u64,
    /// Size of the last buffer, a good size for the next.
    usual: usize,
}

#[derive(Debug)]
struct Payload {
    /// Stands before the byte of `scratch` with this place (see `base`).
    before: u64,
    bytes: Bytes,
}

impl Output {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.remaining == 0
    }

    /// Appends what `write` appends to the buffer.
    #[inline]
    pub(crate) fn frames<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        if self.scratch.capacity() == 0 {
            self.scratch.reserve(self.usual.max(512));
        }
        let before = self.scratch.len();
        let result = write(&mut self.scratch);
        self.remaining += self.scratch.len() - before;
        result
    }

    /// Appends a payload: by copy if it is small, else by reference.
    #[inline]
    pub(crate) fn payload(&mut self, bytes: Bytes) {
        if bytes.len() <= COPY_MAX {
            self.copy(&bytes);
        } else {
            self.remaining += bytes.len();
            let before = self.base + self.scratch.len() as u64;
            self.payloads.push_back(Payload { before, bytes });
        }
    }

    /// Gives the buffer back if nothing is in it: the connection rests for a while.
    #[inline]
    pub fn rest(&mut self) {
        if self.remaining == 0 {
            self.scratch = Vec::new();
        }
    }

    /// Appends a short payload by copy.
    #[inline]
    pub(crate) fn copy(&mut self, bytes: &[u8]) {
        self.frames(|out| {
            bytes
                .chunks(COPY_PIECE)
                .for_each(|piece| out.extend_from_slice(piece))
        });
    }

    /// The number of the byte that would be appended next, counted from the connection's start.
    pub(crate) fn end(&self) -> u64 {
        self.written + self.remaining as u64
    }

    /// The number of bytes that were read since the connection's start.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    #[cfg(test)]
    pub(crate) fn retained(&self) -> usize {
        self.scratch.capacity()
            + self
                .payloads
                .iter()
                .map(|payload| payload.bytes.len())
                .sum::<usize>()
    }

    /// Everything has been read.
    fn reset(&mut self) {
        self.usual = self.scratch.len().min(64 << 10).next_power_of_two();
        self.base += self.scratch.len() as u64;
        self.read = 0;
        self.scratch.clear();
        if self.scratch.capacity() > KEPT {
            self.scratch = Vec::new();
        }
        if self.payloads.capacity() > 64 {
            self.payloads = VecDeque::new();
        }
    }

    /// Unread bytes of `scratch` before the first payload.
    #[inline]
    fn front_len(&self) -> usize {
        let end = match self.payloads.front() {
            Some(payload) => (payload.before - self.base) as usize,
            None => self.scratch.len(),
        };
        end - self.read
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        match (self.front_len(), self.payloads.front()) {
            (0, Some(payload)) => &payload.bytes,
            (len, _) => &self.scratch[self.read..self.read + len],
        }
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let (mut filled, mut at) = (0, self.read);
        let mut put = |bytes: &'a [u8]| {
            if !bytes.is_empty() && filled < dst.len() {
                dst[filled] = IoSlice::new(bytes);
                filled += 1;
            }
            filled < dst.len()
        };
        for payload in &self.payloads {
            let end = (payload.before - self.base) as usize;
            if !put(&self.scratch[at..end]) || !put(&payload.bytes) {
                return filled;
            }
            at = end;
        }
        put(&self.scratch[at..]);
        filled
    }

    /// # Panics
    /// If `count` is more than [`remaining`](Buf::remaining).
    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining, "cannot write more than there is");
        self.remaining -= count;
        self.written += count as u64;
        if self.remaining == 0 {
            self.payloads.clear();
            self.reset();
            return;
        }
        while count > 0 {
            let front = self.front_len();
            if front > 0 {
                let step = front.min(count);
                self.read += step;
                count -= step;
            } else if let Some(payload) = self.payloads.front_mut() {
                let step = payload.bytes.len().min(count);
                payload.bytes.advance(step);
                count -= step;
                if payload.bytes.is_empty() {
                    self.payloads.pop_front();
                }
            }
        }
        if self.read > SLACK && self.read > self.scratch.len() / 2 {
            self.scratch.drain(..self.read);
            self.base += self.read as u64;
            self.read = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small and large pieces, and the same bytes in one piece.
    fn sample() -> (Output, Vec<u8>) {
        let (mut output, mut expected) = (Output::default(), Vec::new());
        for (i, len) in [10, 5000, 3, 4096, 9, 70_000, 20_000, 1]
            .into_iter()
            .enumerate()
        {
            let bytes: Vec<u8> = (0..len).map(|at| (at * 7 + i) as u8).collect();
            expected.extend_from_slice(&bytes);
            if i % 2 == 0 && len < 100 {
                output.frames(|out| out.extend_from_slice(&bytes));
            } else {
                output.payload(Bytes::from(bytes));
            }
        }
        (output, expected)
    }

    #[test]
    fn bytes_come_out_in_order_in_steps_of_any_size() {
        for step in [1, 7, 4097, 6000, 30_000, 1 << 20] {
            let (mut output, expected) = sample();
            let mut read = Vec::new();
            while output.has_remaining() {
                let len = step.min(output.remaining());
                let mut left = len;
                let mut slices = [IoSlice::new(&[]); 3];
                let filled = output.chunks_vectored(&mut slices);
                for slice in &slices[..filled] {
                    let take = slice.len().min(left);
                    read.extend_from_slice(&slice[..take]);
                    left -= take;
                }
                output.advance(len - left);
            }
            assert!(read == expected, "step {step}");
            assert_eq!(output.written(), expected.len() as u64);
        }
    }

    #[test]
    fn chunk_and_chunks_vectored_agree() {
        let (output, expected) = sample();
        let mut slices = [IoSlice::new(&[]); 16];
        let filled = output.chunks_vectored(&mut slices);
        assert_eq!(&slices[0][..], output.chunk());
        assert!(
            slices[..filled]
                .iter()
                .flat_map(|slice| slice.iter())
                .eq(&expected)
        );
    }

    #[test]
    fn an_output_at_rest_owns_no_memory() {
        let (mut output, expected) = sample();
        output.advance(expected.len());
        output.rest();
        assert_eq!((output.scratch.capacity(), output.payloads.len()), (0, 0));
        assert_eq!(output.chunk(), b"");
    }

    #[test]
    fn a_buffer_that_never_runs_empty_does_not_grow_for_ever() {
        let mut output = Output::default();
        output.frames(|out| out.extend_from_slice(&[0; 100]));
        for _ in 0..10_000 {
            output.frames(|out| out.extend_from_slice(&[1; 100]));
            output.advance(100);
        }
        assert!(output.scratch.capacity() <= 4 * SLACK);
        assert_eq!((output.remaining(), output.end()), (100, 1_000_100));
    }
}
