//! From DATA to messages.

use super::{Compressor, DecompressError, PREFIX, lent};
use crate::{copy::extend_chunked, status::Status};
use bytes::{Buf, Bytes};
use std::{collections::VecDeque, fmt, ops::Range, sync::Arc};

/// Least capacity of a buffer that gathers a message from several chunks.
const MIN_GATHER: usize = 4096;
/// How much larger than what has arrived (and [`MIN_GATHER`]) it may be.
const MAX_FACTOR: usize = 4;

/// Cuts the payload of a stream into messages.
///
/// A message that lies in one chunk is a slice of it, without a copy. One that lies in several is gathered in a
/// buffer that grows with what has arrived: the length in a prefix makes nobody allocate anything.
///
/// ```
/// use bytes::Bytes;
/// use farcall_core::message::Deframer;
///
/// let mut deframer = Deframer::new(4 << 20, None);
/// deframer.push(Bytes::from_static(b"\0\0\0\0\x02hi\0\0\0\0\x05he"));
/// assert_eq!(deframer.next_message().unwrap().unwrap(), "hi");
/// assert_eq!(deframer.next_message().unwrap(), None);
/// assert_eq!(deframer.missing(), 3);
/// assert!(deframer.end().is_err()); // inside a message
/// ```
pub struct Deframer {
    /// What has arrived and is not consumed: this first …
    chunk: Bytes,
    /// … then these, none of them empty.
    queue: VecDeque<Bytes>,
    state: State,
    decompressor: Option<Arc<dyn Compressor>>,
    max_size: usize,
    last_was_compressed: bool,
}

enum State {
    /// Reading the prefix, of which so many bytes are there.
    Prefix { have: usize, bytes: [u8; PREFIX] },
    /// Reading a message of `size` bytes.
    Body {
        size: usize,
        compressed: bool,
        gathered: Vec<u8>,
    },
    /// Nothing more is to be had.
    Failed(Status),
}

const START: State = State::Prefix {
    have: 0,
    bytes: [0; PREFIX],
};

impl Deframer {
    /// Lowers the limit of messages whose prefix has not been read, if it is higher than `bytes`.
    pub fn lower_max_size(&mut self, bytes: usize) {
        self.max_size = self.max_size.min(bytes);
    }

    /// Messages may have `max_size` bytes, before and after decompression; without a decompressor they must
    /// not be compressed.
    pub fn new(max_size: usize, decompressor: Option<Arc<dyn Compressor>>) -> Deframer {
        Deframer {
            chunk: Bytes::new(),
            queue: VecDeque::new(),
            state: START,
            decompressor,
            max_size,
            last_was_compressed: false,
        }
    }

    /// Allows compressed messages from now on.
    pub fn set_decompressor(&mut self, decompressor: Arc<dyn Compressor>) {
        self.decompressor = Some(decompressor);
    }

    /// Takes payload in the order of its arrival.
    pub fn push(&mut self, data: Bytes) {
        if data.is_empty() || matches!(self.state, State::Failed(_)) {
            return;
        }
        if self.chunk.is_empty() && self.queue.is_empty() {
            self.chunk = data;
        } else {
            self.queue.push_back(data);
        }
    }

    /// The next whole message, decompressed; `None` if more payload is needed.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED for a message over the limit (before anything is allocated for it), INTERNAL for a flag
    /// that is neither 0 nor 1, a compressed message where none is allowed, or one that cannot be decompressed. Once
    /// failed, the deframer repeats its error.
    #[inline]
    pub fn next_message(&mut self) -> Result<Option<Bytes>, Status> {
        if let Some(message) = self.next_in_chunk() {
            return Ok(Some(message));
        }
        self.next_by_steps()
    }

    /// Shows `look` the next message where it stands, in a range of the buffer that it arrived in, and takes it: nothing is
    /// counted up and down for it. `None`, and nothing has happened, if the message is not whole, or if it is anything but
    /// uncompressed, within the limit and in one piece: [`next_message`](Self::next_message) tells.
    #[inline]
    pub fn next_in_place<R>(&mut self, look: impl FnOnce(&Bytes, Range<usize>) -> R) -> Option<R> {
        let size = self.whole_in_chunk()?;
        self.last_was_compressed = false;
        let end = PREFIX + size;
        let result = look(&self.chunk, PREFIX..end);
        if end == self.chunk.len() {
            self.chunk = self.queue.pop_front().unwrap_or_default();
        } else {
            self.chunk.advance(end);
        }
        Some(result)
    }

    /// The next message if it lies whole in the chunk, is within the limit and not compressed: what nearly all are.
    #[inline]
    fn next_in_chunk(&mut self) -> Option<Bytes> {
        let size = self.whole_in_chunk()?;
        self.last_was_compressed = false;
        if PREFIX + size == self.chunk.len() {
            // The last of the chunk takes it along.
            let mut message = std::mem::take(&mut self.chunk);
            message.advance(PREFIX);
            return Some(message);
        }
        let message = self.chunk.slice(PREFIX..PREFIX + size);
        self.chunk.advance(PREFIX + size);
        Some(message)
    }

    /// The size of the message that lies whole in the chunk.
    #[inline]
    fn whole_in_chunk(&self) -> Option<usize> {
        let State::Prefix { have: 0, .. } = self.state else {
            return None;
        };
        let [0, length @ ..] = *self.chunk.first_chunk::<PREFIX>()? else {
            return None;
        };
        let size = u32::from_be_bytes(length) as usize;
        (size <= self.max_size && size <= self.chunk.len() - PREFIX).then_some(size)
    }

    fn next_by_steps(&mut self) -> Result<Option<Bytes>, Status> {
        let result = self.advance();
        if let Err(status) = &result {
            self.state = State::Failed(status.clone());
            self.chunk = Bytes::new();
            self.queue = VecDeque::new();
        }
        result
    }

    /// How many more bytes the message needs whose prefix has been read; 0 if there is none. Exact after
    /// [`next_message`](Self::next_message) has returned `None`.
    pub fn missing(&self) -> usize {
        match &self.state {
            State::Body { size, gathered, .. } => {
                (size - gathered.len()).saturating_sub(self.chunk.len())
            }
            State::Prefix { .. } | State::Failed(_) => 0,
        }
    }

    /// Whether the last message came compressed.
    pub fn last_was_compressed(&self) -> bool {
        self.last_was_compressed
    }

    /// Whether nothing is left of what was pushed, once [`next_message`](Self::next_message) has returned `None`.
    ///
    /// # Errors
    /// INTERNAL if the payload ended inside a message.
    pub fn end(&self) -> Result<(), Status> {
        match &self.state {
            State::Prefix { have: 0, .. } => Ok(()),
            State::Prefix { have, .. } => Err(Status::internal(format!(
                "stream ended inside a message prefix, after {have} of 5 bytes"
            ))),
            State::Body { size, .. } => Err(Status::internal(format!(
                "stream ended inside a message, after {} of {size} bytes",
                size - self.missing()
            ))),
            State::Failed(status) => Err(status.clone()),
        }
    }

    fn advance(&mut self) -> Result<Option<Bytes>, Status> {
        if let State::Failed(status) = &self.state {
            return Err(status.clone());
        }
        if matches!(self.state, State::Prefix { .. }) && !self.read_prefix()? {
            return Ok(None);
        }
        let Some((message, compressed)) = self.read_body() else {
            return Ok(None);
        };
        self.state = START;
        self.last_was_compressed = compressed;
        // Some senders set the flag on empty messages, which are no gzip file; nothing is lost by leniency.
        if !compressed || message.is_empty() {
            return Ok(Some(message));
        }
        self.decompress(&message).map(Some)
    }

    /// Whether the prefix is complete (and the state `Body`).
    fn read_prefix(&mut self) -> Result<bool, Status> {
        let State::Prefix {
            mut have,
            mut bytes,
        } = self.state
        else {
            return Ok(true);
        };
        while have < PREFIX {
            if !self.refill() {
                self.state = State::Prefix { have, bytes };
                return Ok(false);
            }
            let take = self.chunk.len().min(PREFIX - have);
            bytes[have..have + take].copy_from_slice(&self.chunk[..take]);
            self.chunk.advance(take);
            have += take;
        }
        let [flag, length @ ..] = bytes;
        let size = u32::from_be_bytes(length) as usize;
        self.check_prefix(flag, size)?;
        self.state = State::Body {
            size,
            compressed: flag == 1,
            gathered: Vec::new(),
        };
        Ok(true)
    }

    fn check_prefix(&self, flag: u8, size: usize) -> Result<(), Status> {
        if flag > 1 {
            return Err(Status::internal(format!(
                "message with the undefined flag byte {flag:#04x}"
            )));
        }
        if flag == 1 && self.decompressor.is_none() {
            return Err(Status::internal(
                "compressed message, but grpc-encoding names no compression",
            ));
        }
        if size > self.max_size {
            return Err(Status::resource_exhausted(format!(
                "message of {size} bytes is larger than max_receive_message_size ({})",
                self.max_size
            )));
        }
        Ok(())
    }

    /// The message as it came and whether it is compressed, once it is whole.
    fn read_body(&mut self) -> Option<(Bytes, bool)> {
        // The chunk may have been used up by the prefix.
        self.refill();
        let State::Body {
            size,
            compressed,
            gathered,
        } = &mut self.state
        else {
            return None;
        };
        if gathered.is_empty() && self.chunk.len() >= *size {
            return Some((self.chunk.split_to(*size), *compressed));
        }
        loop {
            let take = self.chunk.len().min(*size - gathered.len());
            gather(gathered, &self.chunk[..take], *size);
            self.chunk.advance(take);
            if gathered.len() == *size {
                return Some((lent::lend(std::mem::take(gathered)), *compressed));
            }
            self.chunk = self.queue.pop_front()?;
        }
    }

    /// Moves on to the next chunk if the current one is used up; whether there is anything to read.
    fn refill(&mut self) -> bool {
        if self.chunk.is_empty() {
            self.chunk = self.queue.pop_front().unwrap_or_default();
        }
        !self.chunk.is_empty()
    }

    fn decompress(&self, message: &[u8]) -> Result<Bytes, Status> {
        let Some(decompressor) = &self.decompressor else {
            return Err(Status::internal(
                "compressed message, but grpc-encoding names no compression",
            ));
        };
        let mut output = Vec::new();
        match decompressor.decompress(message, self.max_size, &mut output) {
            Ok(()) => Ok(output.into()),
            Err(DecompressError::TooLarge) => Err(Status::resource_exhausted(format!(
                "message of {} bytes is larger than max_receive_message_size ({}) when decompressed",
                message.len(),
                self.max_size
            ))),
            Err(error) => Err(Status::internal(format!(
                "{} message: {error}",
                decompressor.name()
            ))),
        }
    }
}

impl fmt::Debug for Deframer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Prefix { have, .. } => format!("{have} bytes of a prefix"),
            State::Body { size, gathered, .. } => format!("{} of {size} bytes", gathered.len()),
            State::Failed(status) => status.to_string(),
        };
        f.debug_struct("Deframer")
            .field("state", &state)
            .field("max_size", &self.max_size)
            .finish_non_exhaustive()
    }
}

/// Appends; the capacity stays within a few times what has arrived and ends exactly at `size`. A message of some frames gets
/// all its room at its first one: each step to a larger buffer would copy it once more.
fn gather(gathered: &mut Vec<u8>, bytes: &[u8], size: usize) {
    let needed = gathered.len() + bytes.len();
    if needed > gathered.capacity() {
        let capacity = match size <= MAX_FACTOR * needed + MIN_GATHER {
            true => size,
            false => needed
                .max(gathered.capacity() * 2)
                .max(MIN_GATHER)
                .min(size),
        };
        if gathered.is_empty() {
            *gathered = lent::buffer(capacity);
        } else {
            gathered.reserve_exact(capacity - gathered.len());
        }
    }
    extend_chunked(gathered, bytes);
}

#[cfg(test)]
mod tests;
