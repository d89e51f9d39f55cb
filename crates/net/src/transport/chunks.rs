//! Payload on its way to the driver: small messages together, large ones as they are.

use super::fifo::Fifo;
use bytes::Bytes;
use farcall_core::message::PREFIX;
use farcall_http2::{Connection, StreamKey};
use std::{mem, time::Instant};

/// Where a piece of gathered messages ends: they travel in DATA frames of about this size.
const GATHER: usize = 16 << 10;
/// Room that the second message to be gathered makes: a task that sends two without a pause sends more.
const SECOND: usize = 1 << 10;

/// The largest buffer that a stream keeps for its next messages.
const SPARE: usize = 256;

/// What a task has sent and the driver has not taken, in order. A message that is copied in costs no
/// memory of its own.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    whole: Fifo<Bytes>,
    /// Behind `whole`.
    gathered: Vec<u8>,
}

impl From<Bytes> for Chunks {
    /// One chunk, as it is.
    #[inline]
    fn from(chunk: Bytes) -> Chunks {
        Chunks {
            whole: Fifo::from(chunk),
            gathered: Vec::new(),
        }
    }
}

impl Chunks {
    /// Adds a chunk as it is.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.seal();
        self.whole.push(chunk);
    }

    /// Adds a copy of `bytes`.
    pub(crate) fn copy(&mut self, bytes: &[u8]) {
        let len = self.gathered.len() + bytes.len();
        if len > GATHER {
            self.seal();
        } else if len > self.gathered.capacity() && !self.gathered.is_empty() {
            self.gathered
                .reserve((4 * self.gathered.len()).clamp(SECOND, GATHER));
        }
        self.gathered.extend_from_slice(bytes);
    }

    /// Adds what stands in another queue.
    pub(crate) fn append(&mut self, mut newer: Chunks) {
        while let Some(chunk) = newer.pop() {
            self.push(chunk);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        if self.whole.is_empty() {
            self.seal();
        }
        self.whole.pop()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.gathered.is_empty()
    }

    /// The chunk, if there is exactly one.
    #[inline]
    pub(crate) fn only(&self) -> Option<&Bytes> {
        self.whole.only().filter(|_| self.gathered.is_empty())
    }

    /// All bytes.
    pub(crate) fn size(&self) -> usize {
        if let Some(chunk) = self.only() {
            return chunk.len();
        }
        let whole: usize = self.whole.iter().map(Bytes::len).sum();
        whole + self.gathered.len()
    }

    pub(crate) fn clear(&mut self) {
        *self = Chunks::default();
    }

    /// The size of the largest message, without its prefix.
    pub(crate) fn largest_message(&self) -> Option<usize> {
        let chunks = self.whole.iter().map(|chunk| &chunk[..]);
        chunks
            .chain([&self.gathered[..]])
            .flat_map(message_sizes)
            .max()
    }

    fn seal(&mut self) {
        if !self.gathered.is_empty() {
            self.whole.push(mem::take(&mut self.gathered).into());
        }
    }

    /// Hands everything to the machine; `end_stream` rides on the last frame. A stream that has gone meanwhile has an event on
    /// its way that says so. Answers a buffer that small messages can be [gathered in](Self::reuse) again.
    pub(crate) fn send(
        mut self,
        connection: &mut Connection,
        now: Instant,
        stream: StreamKey,
        end_stream: bool,
    ) -> Vec<u8> {
        if end_stream && self.is_empty() {
            connection.send_data(now, stream, Bytes::new(), true).ok();
        }
        while let Some(chunk) = self.whole.pop() {
            let last = end_stream && self.is_empty();
            connection.send_data(now, stream, chunk, last).ok();
        }
        let mut gathered = self.gathered;
        if gathered.is_empty() {
            return gathered;
        }
        if gathered.capacity() > SPARE {
            let all = gathered.into();
            connection.send_data(now, stream, all, end_stream).ok();
            return Vec::new();
        }
        connection
            .send_data_copied(now, stream, &gathered, end_stream)
            .ok();
        gathered.clear();
        gathered
    }

    /// Gathers in `buffer`, which is empty, from now on.
    #[inline]
    pub(crate) fn reuse(&mut self, buffer: Vec<u8>) {
        if self.gathered.capacity() == 0 {
            self.gathered = buffer;
        }
    }
}

/// The sizes of the whole messages that stand one behind the other in `chunk`.
fn message_sizes(mut chunk: &[u8]) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let [_, length @ ..] = *chunk.first_chunk::<PREFIX>()?;
        let size = u32::from_be_bytes(length) as usize;
        chunk = chunk.get(PREFIX + size..)?;
        Some(size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(mut chunks: Chunks) -> Vec<Bytes> {
        std::iter::from_fn(|| chunks.pop()).collect()
    }

    #[test]
    fn small_messages_come_out_together_and_large_ones_alone_in_order() {
        let mut chunks = Chunks::default();
        chunks.copy(b"a");
        chunks.copy(b"b");
        chunks.push(Bytes::from_static(b"large"));
        chunks.copy(b"c");
        chunks.copy(b"d");
        assert!(!chunks.is_empty());
        assert_eq!(drained(chunks), ["ab", "large", "cd"]);
    }

    #[test]
    fn gathered_messages_are_cut_into_pieces() {
        let mut chunks = Chunks::default();
        (0..1000).for_each(|_| chunks.copy(&[7; 100]));
        let pieces = drained(chunks);
        assert_eq!(pieces.iter().map(Bytes::len).sum::<usize>(), 100_000);
        assert!(pieces.iter().all(|piece| piece.len() <= GATHER));
        assert_eq!(pieces.len(), 100_000_usize.div_ceil(GATHER - GATHER % 100));
    }

    #[test]
    fn one_message_takes_no_more_memory_than_it_has_bytes() {
        let mut chunks = Chunks::default();
        chunks.copy(&[1; 23]);
        assert!(chunks.gathered.capacity() <= 32);
    }

    #[test]
    fn the_largest_message_is_found_among_gathered_and_single_ones() {
        let mut chunks = Chunks::default();
        assert_eq!(chunks.largest_message(), None);
        chunks.copy(b"\0\0\0\0\x01a");
        chunks.copy(b"\0\0\0\0\x02bc");
        assert_eq!(chunks.largest_message(), Some(2));
        chunks.push(Bytes::from_static(b"\0\0\0\0\x03def"));
        chunks.copy(b"\0\0\0\0\0");
        assert_eq!(chunks.largest_message(), Some(3));
    }

    #[test]
    fn a_queue_behind_a_queue_keeps_the_order() {
        let (mut older, mut newer) = (Chunks::default(), Chunks::default());
        older.copy(b"1");
        newer.copy(b"2");
        newer.push(Bytes::from_static(b"3"));
        older.append(newer);
        older.copy(b"4");
        assert_eq!(drained(older), ["1", "2", "3", "4"]);
    }
}
