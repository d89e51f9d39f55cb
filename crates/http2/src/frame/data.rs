//! DATA, RFC 9113 §6.1.

use super::{Head, Kind, flags};
use crate::error::PeerMisbehaved;

/// Where the payload of a DATA frame lies. The payload itself stays where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Data {
    /// The stream.
    pub stream: u32,
    /// Octets of the frame before the payload, beyond the head: 1 with padding, else 0.
    pub prefix: u32,
    /// Octets of payload.
    pub len: u32,
    /// Octets after the payload.
    pub padding: u32,
    /// Nothing more comes on the stream.
    pub end_stream: bool,
}

impl Data {
    /// Reads what comes before the payload; `pad_length` is the octet after the head, if the frame has
    /// [`flags::PADDED`].
    ///
    /// # Errors
    /// The crime that the frame is: it stands on stream 0, or is shorter than its padding (RFC 9113 §6.1).
    #[inline]
    pub fn parse(head: &Head, pad_length: u8) -> Result<Data, PeerMisbehaved> {
        let stream = head.require_stream()?;
        let end_stream = head.has(flags::END_STREAM);
        if !head.has(flags::PADDED) {
            return Ok(Data {
                stream,
                prefix: 0,
                len: head.len,
                padding: 0,
                end_stream,
            });
        }
        let rest = head
            .len
            .checked_sub(1)
            .ok_or(PeerMisbehaved::WrongFrameSize)?;
        let padding = u32::from(pad_length);
        let len = rest
            .checked_sub(padding)
            .ok_or(PeerMisbehaved::PaddingTooLong)?;
        Ok(Data {
            stream,
            prefix: 1,
            len,
            padding,
            end_stream,
        })
    }

    /// The head of a DATA frame without padding.
    #[inline]
    pub fn head(stream: u32, len: u32, end_stream: bool) -> Head {
        let flags = if end_stream { flags::END_STREAM } else { 0 };
        Head {
            len,
            kind: Kind::DATA,
            flags,
            stream,
        }
    }
}
