//! A short request or response in one go: what most calls begin and end with.

use super::Connection;
use crate::{
    error::OpenError,
    event::StreamKey,
    frame::{Data, Head, Kind, flags},
    headers::Part,
    hpack::Remembered,
    output::COPY_MAX,
    stream::{Progress, State},
};
use bytes::Bytes;
use std::time::Instant;

impl Connection {
    /// Opens a stream and sends its first DATA: both at once if nothing is in the way of the DATA and the lists are
    /// remembered, otherwise one after the other.
    #[inline]
    pub(super) fn start_request(
        &mut self,
        now: Instant,
        head: &[Part<'_>],
        data: &Bytes,
        end_stream: bool,
    ) -> Result<StreamKey, OpenError> {
        let id = self.next_id()?;
        let size = data.len();
        let mut window = self.new_window();
        let allowed = window
            .available()
            .min(self.window.available())
            .min(self.remote.quantum) as usize;
        let fits = size > 0 && size <= allowed.min(COPY_MAX) && self.goes_directly();
        let limit = self.header_limit();
        // Filled where it stands: to hand it up would cost more than to look it up.
        let mut block = Remembered::default();
        let known = fits && self.encoder.remembered_request(head, &mut block);
        if !known || block.list_size() > limit {
            let key = self.open_stream(head, false)?;
            // A stream that has just been opened takes DATA.
            self.submit_data_kept(now, key, data, end_stream, || data.clone())
                .ok();
            return Ok(key);
        }
        let octets = block.octets();
        let len = octets[0].len() + octets[1].len() + octets[2].len();
        let headers = Head {
            len: len as u32,
            kind: Kind::HEADERS,
            flags: flags::END_HEADERS,
            stream: id,
        };
        let (headers, payload) = (
            headers.to_bytes(),
            Data::head(id, size as u32, end_stream).to_bytes(),
        );
        self.output.frames(|out| {
            out.reserve(2 * headers.len() + len + size);
            out.extend_from_slice(&headers);
            out.extend_from_slice(octets[0]);
            out.extend_from_slice(octets[1]);
            out.extend_from_slice(octets[2]);
            out.extend_from_slice(&payload);
            out.extend_from_slice(data);
        });
        self.abuse.note_sent(0);
        self.abuse.note_sent(size as u32);
        self.window.consume(size as u32);
        window.consume(size as u32);
        self.streams.note_opened(id);
        let mut stream = self.new_stream(id, State::opened_by_us(end_stream));
        stream.window = window;
        Ok(self.streams.insert(stream))
    }

    /// Puts HEADERS, one DATA frame and trailers into the output, if nothing is in the way: windows, other streams'
    /// turns, the peer's limits, lists that are not remembered. `Err` gives the data back; nothing has changed then.
    #[inline]
    pub(super) fn try_respond(
        &mut self,
        key: StreamKey,
        [head, trailers]: [&[Part<'_>]; 2],
        data: Bytes,
    ) -> Result<(), Bytes> {
        let (size, limit) = (data.len(), self.header_limit());
        let Some(stream) = self.streams.get(key) else {
            return Err(data);
        };
        let allowed = stream
            .window
            .available()
            .min(self.window.available())
            .min(self.remote.quantum) as usize;
        let fits = size > 0 && size <= allowed.min(COPY_MAX) && self.goes_directly();
        let Some(stream) = self.streams.get(key).filter(|stream| {
            fits && stream.state.ours() == Some(Progress::Headers) && !stream.queue.is_ending()
        }) else {
            return Err(data);
        };
        let (Ok(state), Some(head), Some(trailers)) = (
            stream.state.send_headers(true),
            self.encoder.remembered(head),
            self.encoder.remembered(trailers),
        ) else {
            return Err(data);
        };
        if head.list_size.max(trailers.list_size) > limit {
            return Err(data);
        }
        stream.state = state;
        stream.window.consume(size as u32);
        self.window.consume(size as u32);
        let blocks = [(head.octets, 0), (trailers.octets, flags::END_STREAM)];
        self.output.frames(|out| {
            let [first, last] = blocks.map(|(octets, end)| {
                let head = Head {
                    len: octets.len() as u32,
                    kind: Kind::HEADERS,
                    flags: flags::END_HEADERS | end,
                    stream: key.id,
                };
                (head.to_bytes(), octets)
            });
            out.reserve(3 * first.0.len() + first.1.len() + size + last.1.len());
            out.extend_from_slice(&first.0);
            out.extend_from_slice(first.1);
            Data::head(key.id, size as u32, false).encode(out);
            out.extend_from_slice(&data);
            out.extend_from_slice(&last.0);
            out.extend_from_slice(last.1);
        });
        self.abuse.note_sent(size as u32);
        self.on_our_end(key, state);
        Ok(())
    }
}
