//! From bytes to [`Frame`]s.

use super::frame::{Frame, HeaderList, flag, kind};
use bytes::{Buf, Bytes, BytesMut};
use farcall_http2::{
    Reason,
    hpack::{DecodeLimits, Decoder},
};

/// Splits bytes into frames and decodes header blocks.
pub(super) struct Reader {
    input: BytesMut,
    decoder: Decoder,
    /// A header block that goes on: stream, END_STREAM, its fragments.
    block: Option<(u32, bool, BytesMut)>,
}

struct Raw {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Bytes,
}

impl Raw {
    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload without padding (RFC 9113 §6.1) and priority (§6.2).
    fn content(&self) -> Bytes {
        let mut payload = self.payload.clone();
        if self.has(flag::PADDED) && !payload.is_empty() {
            let padding = usize::from(payload.get_u8());
            payload.truncate(payload.len().saturating_sub(padding));
        }
        if self.kind == kind::HEADERS && self.has(flag::PRIORITY) {
            payload.advance(payload.len().min(5));
        }
        payload
    }
}

impl Reader {
    pub(super) fn new() -> Reader {
        Reader {
            input: BytesMut::new(),
            decoder: Decoder::new(4096),
            block: None,
        }
    }

    /// Where bytes are to be appended.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// The next whole frame.
    ///
    /// # Panics
    /// A header block cannot be decoded.
    pub(super) fn next_frame(&mut self) -> Option<Frame> {
        loop {
            let raw = self.raw()?;
            if let Some(frame) = self.interpret(raw) {
                return Some(frame);
            }
        }
    }

    fn raw(&mut self) -> Option<Raw> {
        let head = self.input.get(..9)?;
        let len = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        if self.input.len() < 9 + len {
            return None;
        }
        self.input.advance(9);
        Some(Raw {
            kind,
            flags,
            stream,
            payload: self.input.split_to(len).freeze(),
        })
    }

    fn interpret(&mut self, raw: Raw) -> Option<Frame> {
        let stream = raw.stream;
        let mut payload = raw.content();
        Some(match (raw.kind, payload.len()) {
            (kind::DATA, _) => Frame::Data {
                stream,
                data: payload,
                end_stream: raw.has(flag::END_STREAM),
            },
            (kind::HEADERS, _) => {
                self.block = Some((
                    stream,
                    raw.has(flag::END_STREAM),
                    BytesMut::from(&payload[..]),
                ));
                return self.end_of_block(&raw);
            }
            (kind::CONTINUATION, _) => {
                let (_, _, block) = self.block.as_mut()?;
                block.extend_from_slice(&payload);
                return self.end_of_block(&raw);
            }
            (kind::RST_STREAM, 4) => Frame::Rst {
                stream,
                reason: Reason(payload.get_u32()),
            },
            (kind::SETTINGS, 0) if raw.has(flag::ACK) => Frame::SettingsAck,
            (kind::SETTINGS, len) if len % 6 == 0 => Frame::Settings(
                (0..len / 6)
                    .map(|_| (payload.get_u16(), payload.get_u32()))
                    .collect(),
            ),
            (kind::PING, 8) => Frame::Ping {
                payload: payload.get_u64(),
                ack: raw.has(flag::ACK),
            },
            (kind::GOAWAY, 8..) => Frame::GoAway {
                last: payload.get_u32() & 0x7fff_ffff,
                reason: Reason(payload.get_u32()),
                debug: payload,
            },
            (kind::WINDOW_UPDATE, 4) => Frame::WindowUpdate {
                stream,
                increment: payload.get_u32() & 0x7fff_ffff,
            },
            (kind, _) => Frame::Other {
                kind,
                flags: raw.flags,
                stream,
                payload: raw.payload,
            },
        })
    }

    fn end_of_block(&mut self, raw: &Raw) -> Option<Frame> {
        if !raw.has(flag::END_HEADERS) {
            return None;
        }
        let (stream, end_stream, block) = self.block.take()?;
        let limits = DecodeLimits {
            max_list_size: 1 << 24,
            max_count: 1 << 20,
            max_string: 1 << 24,
        };
        let mut list = HeaderList::default();
        let decoded = self.decoder.decode(&block, limits, |name, value, _| {
            list.0
                .push((String::from_utf8_lossy(name.as_bytes()).into_owned(), value));
        });
        if let Err(error) = decoded {
            panic!("the header block of stream {stream} cannot be decoded: {error:?}");
        }
        Some(Frame::Headers {
            stream,
            list,
            end_stream,
        })
    }
}
