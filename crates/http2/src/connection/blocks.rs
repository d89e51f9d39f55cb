//! Received header blocks: put together from HEADERS and CONTINUATION, decoded, checked, remembered.

use crate::{
    config::Config,
    error::PeerMisbehaved,
    headers::{Headers, ListKind, TimeoutValue, Validator},
    hpack::{BlockMemo, DecodeError, DecodeLimits, Decoder, TimeoutMemo},
    later::later,
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
    /// Requests without their timeouts.
    timed: Option<Box<TimeoutMemo<(ListKind, Decoded)>>>,
    limits: DecodeLimits,
    unfinished: Option<Box<Block>>,
    max_len: usize,
    max_frames: u32,
    timeout: Duration,
}

/// A list that is as it should be.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Decoded {
    pub(super) headers: Arc<Headers>,
    /// Of a request, beside the list.
    pub(super) timeout: Option<TimeoutValue>,
    /// RFC 9113 §6.5.2; the timeout counts.
    pub(super) size: u32,
}

/// What the HEADERS frame of a block has said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Arrival {
    pub(super) stream: u32,
    pub(super) end_stream: bool,
    pub(super) self_dependency: bool,
}

/// A header block that is put together.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) arrival: Arrival,
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
            timed: None,
            limits,
            unfinished: None,
            // A list that is somewhat too large is an error of its stream; from here on it is an attack.
            max_len: max_list_size
                .saturating_mul(4)
                .saturating_add(config.max_frame_size as usize),
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
        self.unfinished.as_ref().map(|block| block.arrival.stream)
    }

    /// When the unfinished block is late.
    #[inline]
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.unfinished.as_ref().map(|block| block.deadline)
    }

    /// A HEADERS frame without END_HEADERS.
    #[cold]
    pub(super) fn begin(
        &mut self,
        now: Instant,
        arrival: Arrival,
        fragment: &[u8],
    ) -> Result<(), PeerMisbehaved> {
        self.unfinished = Some(Box::new(Block {
            arrival,
            bytes: Vec::new(),
            frames: 0,
            deadline: later(now, self.timeout),
        }));
        self.append(fragment, false)?;
        if let Some(block) = &mut self.unfinished {
            block.frames = 0; // those of CONTINUATION are counted
        }
        Ok(())
    }

    /// A CONTINUATION frame of the unfinished block, which is handed out when this was its last.
    pub(super) fn append(
        &mut self,
        fragment: &[u8],
        end_headers: bool,
    ) -> Result<Option<Box<Block>>, PeerMisbehaved> {
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

    /// The list of a block that the peer repeats.
    #[inline]
    pub(super) fn known(&mut self, block: &[u8], kind: ListKind) -> Option<&Decoded> {
        let (known, list) = self.memo.find(block, self.decoder.generation())?;
        (*known == kind).then_some(list)
    }

    /// Decodes and checks a block that is not [known](Self::known). The outer error ends the connection, the inner one the
    /// stream.
    #[inline(never)]
    pub(super) fn decode(
        &mut self,
        block: &[u8],
        kind: ListKind,
    ) -> Result<Result<Decoded, PeerMisbehaved>, PeerMisbehaved> {
        if let Some(timed) = &mut self.timed
            && let Some((&(known, ref list), timeout)) =
                timed.find(block, self.decoder.generation())
            && known == kind
        {
            let size = list.size + timeout.len() as u32;
            if size as usize <= self.limits.max_list_size {
                return Ok(Ok(Decoded {
                    headers: Arc::clone(&list.headers),
                    timeout: Some(timeout),
                    size,
                }));
            }
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
        let (timeout, single) = validator.timeout();
        Ok(validator.finish().map(|headers| {
            let list = Decoded {
                headers: Arc::new(headers),
                timeout,
                size: u32::try_from(outcome.list_size).unwrap_or(u32::MAX),
            };
            let generation = self.decoder.generation();
            match timeout {
                None => {
                    let entry = (kind, list.clone());
                    self.memo.remember(block, generation, &outcome, entry);
                }
                Some(timeout) if single => {
                    let without = Decoded {
                        size: list.size.saturating_sub(timeout.len() as u32),
                        ..list.clone()
                    };
                    self.timed
                        .get_or_insert_with(|| Box::new(TimeoutMemo::new()))
                        .remember(block, generation, &outcome, (kind, without));
                }
                Some(_) => {}
            }
            list
        }))
    }

    /// Decodes a block that nobody wants, to keep the table in step (RFC 9113 §4.3).
    #[cold]
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
mod tests;
