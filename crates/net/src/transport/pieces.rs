//! Payload that has arrived and was not taken yet.

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// Pieces below this are joined while their reader is busy elsewhere: each costs a handle, and keeps the whole buffer
/// alive that it was read into.
const SMALL: usize = 4 << 10;
/// Where joining begins anew, so that bytes are not moved again and again.
const JOINED: usize = 64 << 10;

/// A queue of payload whose memory is of the order of its bytes, however small the frames were that brought them. It
/// needs no memory of its own for one piece: most calls carry one message.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    first: Option<Bytes>,
    /// Boxed: mostly there is none, and then it should cost nothing to make and to drop.
    rest: Option<Box<Rest>>,
}

#[derive(Debug, Default)]
struct Rest {
    whole: VecDeque<Bytes>,
    /// Small pieces, joined; behind `whole`.
    joined: BytesMut,
}

impl Rest {
    fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.joined.is_empty()
    }

    fn join(&mut self, piece: &[u8]) {
        if self.joined.len() + piece.len() > JOINED {
            self.whole.push_back(self.joined.split().freeze());
            self.joined = BytesMut::new();
        }
        self.joined.extend_from_slice(piece);
    }

    fn push(&mut self, piece: Bytes) {
        if !self.joined.is_empty() {
            self.whole
                .push_back(std::mem::take(&mut self.joined).freeze());
        }
        self.whole.push_back(piece);
    }

    fn pop(&mut self) -> Option<Bytes> {
        let joined = |rest: &mut Rest| match rest.joined.is_empty() {
            true => None,
            false => Some(std::mem::take(&mut rest.joined).freeze()),
        };
        self.whole.pop_front().or_else(|| joined(self))
    }
}

impl Pieces {
    pub(crate) fn push(&mut self, piece: Bytes) {
        if self.is_empty() {
            self.first = Some(piece);
            return;
        }
        let rest = self.rest.get_or_insert_default();
        if piece.len() >= SMALL {
            return rest.push(piece);
        }
        if rest.is_empty()
            && let Some(first) = self.first.take_if(|first| first.len() < SMALL)
        {
            rest.join(&first);
        }
        rest.join(&piece);
    }

    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        self.first
            .take()
            .or_else(|| self.rest.as_mut().and_then(|rest| rest.pop()))
    }

    /// The piece, if there is exactly one.
    pub(crate) fn only(&self) -> Option<&Bytes> {
        match &self.rest {
            Some(rest) if !rest.is_empty() => None,
            _ => self.first.as_ref(),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none() && self.rest.as_ref().is_none_or(|rest| rest.is_empty())
    }

    pub(crate) fn clear(&mut self) {
        *self = Pieces::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(pieces: &mut Pieces) -> Vec<Bytes> {
        std::iter::from_fn(|| pieces.pop()).collect()
    }

    #[test]
    fn bytes_come_out_in_the_order_they_went_in_whatever_the_sizes() {
        let mut state = 7_u32;
        for _ in 0..200 {
            let (mut pieces, mut all, mut taken) = (Pieces::default(), Vec::new(), Vec::new());
            for _ in 0..40 {
                state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                let len = [1, 5, 100, 4095, 4096, 16_384][(state >> 16) as usize % 6];
                let piece: Bytes = (0..len).map(|i| (i as u32 ^ state) as u8).collect();
                all.extend_from_slice(&piece);
                pieces.push(piece);
                if state >> 20 & 7 == 0 {
                    taken.extend(pieces.pop());
                }
            }
            taken.extend(drain(&mut pieces));
            assert!(pieces.is_empty());
            assert!(taken.concat() == all);
        }
    }

    #[test]
    fn a_single_piece_is_handed_on_as_it_is() {
        let mut pieces = Pieces::default();
        let piece = Bytes::from_static(b"one");
        pieces.push(piece.clone());
        assert_eq!(
            pieces.only().map(|piece| piece.as_ptr()),
            Some(piece.as_ptr())
        );
        assert!(pieces.rest.is_none());
        assert_eq!(pieces.pop(), Some(piece));
        assert_eq!((pieces.pop(), pieces.only()), (None, None));
    }

    #[test]
    fn large_pieces_are_not_copied() {
        let mut pieces = Pieces::default();
        let large = Bytes::from(vec![1; SMALL]);
        for _ in 0..3 {
            pieces.push(large.clone());
        }
        let taken = drain(&mut pieces);
        assert!(taken.iter().all(|piece| piece.as_ptr() == large.as_ptr()));
        assert_eq!(taken.len(), 3);
    }

    #[test]
    fn a_million_bytes_that_come_one_by_one_take_about_a_million_bytes() {
        let mut pieces = Pieces::default();
        let buffer = Bytes::from(vec![7; 1000]);
        for i in 0..1_000_000 {
            pieces.push(buffer.slice(i % 1000..i % 1000 + 1));
        }
        assert!(pieces.first.is_none(), "it would keep the buffer alive");
        let rest = pieces.rest.as_ref().unwrap();
        assert!(rest.whole.len() + 1 < 1_000_000 / JOINED + 3);
        assert!(rest.joined.capacity() <= 2 * JOINED);
        assert!(buffer.is_unique());
        assert_eq!(drain(&mut pieces).concat().len(), 1_000_000);
    }
}
