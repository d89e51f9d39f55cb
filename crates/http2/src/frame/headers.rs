//! HEADERS, RFC 9113 §6.2.

use super::{HEAD_LEN, Head, Kind, Priority, continuation::Continuation, flags, head};
use crate::error::PeerMisbehaved;

/// A HEADERS frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Headers<'a> {
    /// The stream.
    pub stream: u32,
    /// The header block or its first piece.
    pub fragment: &'a [u8],
    /// Nothing more comes on the stream.
    pub end_stream: bool,
    /// No CONTINUATION follows.
    pub end_headers: bool,
    /// The deprecated priority that the frame carries (RFC 9113 §5.3.2).
    pub priority: Option<Priority>,
}

impl<'a> Headers<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// The crime that the frame is: it stands on stream 0, or is too short for its padding or priority (RFC 9113 §6.2).
    #[inline]
    pub fn parse(head: &Head, payload: &'a [u8]) -> Result<Headers<'a>, PeerMisbehaved> {
        let stream = head.require_stream()?;
        let mut fragment = head::unpad(head, payload)?;
        let mut priority = None;
        if head.has(flags::PRIORITY) {
            if fragment.len() < Priority::LEN {
                return Err(PeerMisbehaved::WrongFrameSize);
            }
            priority = Some(Priority::read(stream, fragment));
            fragment = &fragment[Priority::LEN..];
        }
        Ok(Headers {
            stream,
            fragment,
            end_stream: head.has(flags::END_STREAM),
            end_headers: head.has(flags::END_HEADERS),
            priority,
        })
    }

    /// Appends a header block, which `block` appends, as HEADERS and as many CONTINUATIONs as payloads of
    /// `max_frame_size` need.
    ///
    /// # Panics
    /// If `max_frame_size` is 0 and the block is not empty.
    #[inline]
    pub fn encode(
        stream: u32,
        end_stream: bool,
        max_frame_size: u32,
        out: &mut Vec<u8>,
        block: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = out.len();
        out.extend_from_slice(&[0; HEAD_LEN]);
        block(out);
        let len = out.len() - start - HEAD_LEN;
        let end = if end_stream { flags::END_STREAM } else { 0 };
        let fits = len <= max_frame_size as usize;
        let head = Head {
            len: len.min(max_frame_size as usize) as u32,
            kind: Kind::HEADERS,
            flags: if fits { end | flags::END_HEADERS } else { end },
            stream,
        };
        out[start..start + HEAD_LEN].copy_from_slice(&head.to_bytes());
        if !fits {
            let rest = out.split_off(start + HEAD_LEN + max_frame_size as usize);
            Continuation::encode_all(stream, max_frame_size, &rest, out);
        }
    }
}
