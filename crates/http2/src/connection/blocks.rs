//! Received header blocks: put together from HEADERS and CONTINUATION, decoded, checked, remembered.

use crate::{
    config::Config,
    error::PeerMisbehaved,
    headers::{Headers, ListKind, Validator},
    hpack::{BlockMemo, DecodeError, DecodeLimits, Decoder},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// The receiving end of header compression and the one block that may be unfinished.
#[derive(Debug)]
pub(super) struct Blocks {
    decoder: Decoder,
    memo: BlockMemo<(ListKind, Decoded)>,
    limits: DecodeLimits,
    unfinished: Option<Block>,
    max_len: usize,
    max_frames: u32,
    timeout: Duration,
}

/// A list and its size (RFC 9113 §6.5.2).
type Decoded = (Arc<Headers>, u32);

/// A header block and what its HEADERS frame said.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) stream: u32,
    pub(super) end_stream: bool,
    pub(super) self_dependency: bool,
    pub(super) bytes: Vec<u8>,
    frames: u32,
    deadline: Instant,
}

/// Table size of both ends before any SETTINGS (RFC 9113 §6.5.2).
const INITIAL_TABLE_SIZE: usize = 4096;

impl Blocks {
    pub(super) fn new(config: &Config) -> Blocks {
        let max_list_size = config
            .accepted_header_list_size
            .max(config.max_header_list_size) as usize;
        let limits = DecodeLimits {
            max_list_size,
            max_count: config.max_header_count,
            max_string: max_list_size,
        };
        Blocks {
            decoder: Decoder::new(INITIAL_TABLE_SIZE),
            memo: BlockMemo::new(),
            limits,
            unfinished: None,
            // A list that is somewhat too large is an error of its stream; from here on it is an attack.
            max_len: 4 * max_list_size + config.max_frame_size as usize,
            max_frames: config
                .max_continuations
                .saturating_add(u32::try_from(max_list_size / 4096).unwrap_or(u32::MAX)),
            timeout: config.header_block_timeout,
        }
    }

    /// The peer has acknowledged our SETTINGS_HEADER_TABLE_SIZE.
    pub(super) fn set_table_size(&mut self, size: u32) {
        self.decoder.set_max_table_size(size as usize);
    }

    /// The stream whose block is unfinished: only its CONTINUATION may come now (RFC 9113 §4.3).
    #[inline]
    pub(super) fn unfinished(&self) -> Option<u32> {
        self.unfinished.as_ref().map(|block| block.stream)
    }

    /// When the unfinished block is late.
    #[inline]
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.unfinished.as_ref().map(|block| block.deadline)
    }

    /// A HEADERS frame without END_HEADERS.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        stream: u32,
        end_stream: bool,
        self_dependency: bool,
        fragment: &[u8],
    ) -> Result<(), PeerMisbehaved> {
        self.unfinished = Some(Block {
            stream,
            end_stream,
            self_dependency,
            bytes: Vec::new(),
            frames: 0,
            deadline: now + self.timeout,
        });
        self.append(fragment, false).map(|_| ())
    }

    /// A CONTINUATION frame of the unfinished block, which is handed out when this was its last.
    pub(super) fn append(
        &mut self,
        fragment: &[u8],
        end_headers: bool,
    ) -> Result<Option<Block>, PeerMisbehaved> {
        let (max_len, max_frames) = (self.max_len, self.max_frames);
        let block = self
            .unfinished
            .as_mut()
            .ok_or(PeerMisbehaved::UnexpectedContinuation)?;
        block.frames += 1;
        if block.frames > max_frames {
            return Err(PeerMisbehaved::TooManyContinuations);
        }
        if block.bytes.len() + fragment.len() > max_len {
            return Err(PeerMisbehaved::HeaderBlockTooLarge);
        }
        block.bytes.extend_from_slice(fragment);
        Ok(if end_headers {
            self.unfinished.take()
        } else {
            None
        })
    }

    /// Decodes and checks a block. The outer error ends the connection, the inner one the stream.
    #[inline]
    pub(super) fn decode(
        &mut self,
        block: &[u8],
        kind: ListKind,
    ) -> Result<Result<Decoded, PeerMisbehaved>, PeerMisbehaved> {
        if let Some((known, list)) = self.memo.find(block, self.decoder.generation())
            && *known == kind
        {
            return Ok(Ok(list.clone()));
        }
        self.decode_afresh(block, kind)
    }

    fn decode_afresh(
        &mut self,
        block: &[u8],
        kind: ListKind,
    ) -> Result<Result<Decoded, PeerMisbehaved>, PeerMisbehaved> {
        let mut validator = Validator::new(kind);
        let sink = |name, value, sensitive| validator.push(name, value, sensitive);
        let outcome = self
            .decoder
            .decode(block, self.limits, sink)
            .map_err(crime)?;
        if outcome.too_large.is_some() {
            return Ok(Err(PeerMisbehaved::HeaderListTooLarge));
        }
        Ok(validator.finish().map(|headers| {
            let size = u32::try_from(outcome.list_size).unwrap_or(u32::MAX);
            let list = (Arc::new(headers), size);
            let entry = (kind, list.clone());
            self.memo
                .remember(block, self.decoder.generation(), &outcome, entry);
            list
        }))
    }

    /// Decodes a block that nobody wants, to keep the table in step (RFC 9113 §4.3).
    pub(super) fn skip(&mut self, block: &[u8]) -> Result<(), PeerMisbehaved> {
        self.decoder
            .decode(block, self.limits, |_, _, _| ())
            .map(|_| ())
            .map_err(crime)
    }
}

fn crime(error: DecodeError) -> PeerMisbehaved {
    match error {
        DecodeError::Truncated => PeerMisbehaved::HpackTruncated,
        DecodeError::InvalidIndex => PeerMisbehaved::HpackInvalidIndex,
        DecodeError::IntegerOverflow => PeerMisbehaved::HpackIntegerOverflow,
        DecodeError::InvalidPadding | DecodeError::EndOfStringCode => {
            PeerMisbehaved::HpackInvalidHuffman
        }
        DecodeError::TableSizeTooLarge
        | DecodeError::LateSizeUpdate
        | DecodeError::TooManySizeUpdates
        | DecodeError::MissingSizeUpdate => PeerMisbehaved::HpackTableSize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = &[0x82, 0x86, 0x84]; // GET http /
    const REQUEST: ListKind = ListKind::Request;

    #[test]
    fn a_repeated_block_gives_the_same_list_again_but_not_for_another_kind() {
        let mut blocks = Blocks::new(&Config::default());
        let mut decode = |kind| blocks.decode(GET, kind).unwrap();
        let lists: Vec<_> = (0..4).map(|_| decode(REQUEST).unwrap()).collect();
        assert!(Arc::ptr_eq(&lists[1].0, &lists[2].0) && Arc::ptr_eq(&lists[2].0, &lists[3].0));
        assert_eq!(
            decode(ListKind::Trailers),
            Err(PeerMisbehaved::PseudoInTrailers)
        );
        assert_eq!(
            decode(ListKind::Response),
            Err(PeerMisbehaved::UnknownPseudo)
        );
    }

    #[test]
    fn a_block_in_pieces_is_put_together() {
        let mut blocks = Blocks::new(&Config::default());
        blocks
            .begin(Instant::now(), 5, true, false, &GET[..1])
            .unwrap();
        assert_eq!(blocks.unfinished(), Some(5));
        assert!(blocks.append(&GET[1..2], false).unwrap().is_none());
        let block = blocks.append(&GET[2..], true).unwrap().unwrap();
        assert_eq!(
            (&block.bytes[..], block.stream, block.end_stream),
            (GET, 5, true)
        );
        assert_eq!(blocks.unfinished(), None);
        assert_eq!(
            blocks.append(b"", true).err(),
            Some(PeerMisbehaved::UnexpectedContinuation)
        );
    }

    #[test]
    fn endless_blocks_are_stopped_by_number_and_by_size() {
        let mut blocks = Blocks::new(&Config::default());
        blocks.begin(Instant::now(), 1, true, false, b"").unwrap();
        let crime = (0..100).find_map(|_| blocks.append(b"", false).err());
        assert_eq!(crime, Some(PeerMisbehaved::TooManyContinuations));
        let mut blocks = Blocks::new(&Config::default());
        blocks.begin(Instant::now(), 1, true, false, b"").unwrap();
        let crime = (0..16).find_map(|_| blocks.append(&[0; 16_384], false).err());
        assert_eq!(crime, Some(PeerMisbehaved::HeaderBlockTooLarge));
    }

    #[test]
    fn a_list_that_is_too_large_ends_the_stream_only_and_the_table_stays_in_step() {
        let mut config = Config::default();
        (
            config.max_header_list_size,
            config.accepted_header_list_size,
        ) = (150, 150);
        let mut blocks = Blocks::new(&config);
        let mut big = vec![0x40, 1, b'a', 0x7f, 0x80 - 0x7f + 100];
        big.extend([b'x'; 128 + 100]);
        big[3..5].copy_from_slice(&[0x7f, 101]); // a length of 228
        assert_eq!(
            blocks.decode(&big, REQUEST),
            Ok(Err(PeerMisbehaved::HeaderListTooLarge))
        );
        let with_index = [GET, &[0xbe]].concat(); // refers to the entry of the refused list
        assert_eq!(
            blocks.decode(&with_index, REQUEST),
            Ok(Err(PeerMisbehaved::HeaderListTooLarge))
        );
        assert!(blocks.decode(GET, REQUEST).unwrap().is_ok());
    }
}
