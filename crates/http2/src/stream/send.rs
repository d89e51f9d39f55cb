//! The sending side of a stream: DATA that could not leave at once, and how the stream ends after it.

use crate::headers::{Field, Fields, Part, TimeoutValue};
use bytes::Bytes;
use std::{collections::VecDeque, sync::Arc};

/// A header list that must wait: trailers behind DATA.
#[derive(Clone, Debug)]
pub(crate) struct OwnedParts(Vec<OwnedPart>);

#[derive(Clone, Debug)]
enum OwnedPart {
    Shared(Arc<Fields>),
    Fields(Vec<Field>),
    Timeout(TimeoutValue),
}

impl OwnedParts {
    pub(crate) fn new(parts: &[Part<'_>]) -> OwnedParts {
        let own = |part: &Part<'_>| match part {
            Part::Shared(list) => OwnedPart::Shared(Arc::clone(list)),
            Part::Fields(fields) => OwnedPart::Fields(fields.to_vec()),
            Part::Timeout(value) => OwnedPart::Timeout(*value),
        };
        OwnedParts(parts.iter().map(own).collect())
    }

    pub(crate) fn as_parts(&self) -> Vec<Part<'_>> {
        self.0.iter().map(OwnedPart::as_part).collect()
    }
}

impl OwnedPart {
    fn as_part(&self) -> Part<'_> {
        match self {
            OwnedPart::Shared(list) => Part::Shared(list),
            OwnedPart::Fields(fields) => Part::Fields(fields),
            OwnedPart::Timeout(value) => Part::Timeout(*value),
        }
    }
}

/// What comes behind the buffered DATA.
#[derive(Clone, Debug, Default)]
pub(crate) enum Ending {
    /// Perhaps more: our side is open.
    #[default]
    Open,
    /// END_STREAM on the last DATA.
    EndStream,
    /// A last HEADERS frame.
    Trailers(Box<OwnedParts>),
}

/// What a stream has accepted for sending and not yet sent.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    first: Option<Bytes>,
    /// Boxed: mostly there is none, and then it should cost nothing to make and to drop.
    #[allow(clippy::box_collection)]
    rest: Option<Box<VecDeque<Bytes>>>,
    bytes: usize,
    ending: Ending,
    /// The sender has been asked to pause: `Writable` is owed to it.
    paused: bool,
}

impl SendQueue {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Our side will close, or has: no more commands are accepted.
    #[inline]
    pub(crate) fn is_ending(&self) -> bool {
        !matches!(self.ending, Ending::Open)
    }

    pub(crate) fn push(&mut self, data: Bytes) {
        if !data.is_empty() {
            self.bytes += data.len();
            if self.first.is_none() {
                self.first = Some(data);
            } else {
                self.rest.get_or_insert_default().push_back(data);
            }
        }
    }

    pub(crate) fn end(&mut self, ending: Ending) {
        self.ending = ending;
    }

    /// Whether END_STREAM rides on the next `len` octets.
    pub(crate) fn ends_with(&self, len: usize) -> bool {
        len == self.bytes && matches!(self.ending, Ending::EndStream)
    }

    /// Hands out the next `len` octets, piece by piece.
    pub(crate) fn take(&mut self, len: usize, mut sink: impl FnMut(Bytes)) {
        let mut left = len;
        while left > 0 {
            let Some(first) = &mut self.first else {
                break;
            };
            let piece = if first.len() > left {
                first.split_to(left)
            } else {
                let next = self.rest.as_mut().and_then(|rest| rest.pop_front());
                std::mem::replace(&mut self.first, next).unwrap_or_default()
            };
            left -= piece.len();
            self.bytes -= piece.len();
            sink(piece);
        }
    }

    /// What the stream ends with, once all DATA has left.
    pub(crate) fn take_ending(&mut self) -> Ending {
        if self.bytes > 0 {
            Ending::Open
        } else {
            std::mem::take(&mut self.ending)
        }
    }

    /// Remembers that the sender should pause while there is `high_water` or more.
    #[inline]
    pub(crate) fn note_high_water(&mut self, high_water: usize) {
        if self.bytes >= high_water {
            self.paused = true;
        }
    }

    /// Whether a paused sender may go on: once per pause, below half of `high_water`.
    #[inline]
    pub(crate) fn resumes(&mut self, high_water: usize) -> bool {
        let resumes = self.paused && (self.bytes < high_water / 2 || self.bytes == 0);
        self.paused &= !resumes;
        resumes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(queue: &mut SendQueue, len: usize) -> Vec<u8> {
        let mut taken = Vec::new();
        queue.take(len, |piece| taken.extend_from_slice(&piece));
        taken
    }

    #[test]
    fn end_stream_rides_on_the_last_octets() {
        let mut queue = SendQueue::default();
        queue.push(Bytes::from_static(b"abcdef"));
        queue.push(Bytes::from_static(b"gh"));
        queue.end(Ending::EndStream);
        assert!(!queue.ends_with(4));
        assert_eq!(take(&mut queue, 3), b"abc");
        assert_eq!(take(&mut queue, 4), b"defg");
        assert!(queue.ends_with(1));
        assert_eq!(take(&mut queue, 1), b"h");
    }

    #[test]
    fn trailers_wait_for_the_data() {
        let mut queue = SendQueue::default();
        queue.push(Bytes::from_static(b"a"));
        queue.end(Ending::Trailers(Box::new(OwnedParts::new(&[]))));
        assert!(matches!(queue.take_ending(), Ending::Open));
        assert!(!queue.ends_with(1), "trailers do");
        take(&mut queue, 1);
        assert!(matches!(queue.take_ending(), Ending::Trailers(_)));
        assert!(!queue.is_ending());
    }

    #[test]
    fn a_paused_sender_is_told_once_below_half_of_the_mark() {
        let mut queue = SendQueue::default();
        queue.push(Bytes::from(vec![0; 100]));
        queue.note_high_water(80);
        assert!(!queue.resumes(80));
        take(&mut queue, 61);
        assert!(queue.resumes(80));
        assert!(!queue.resumes(80));
    }
}
