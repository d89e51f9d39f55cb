//! The whole of a short response in one go: what most calls of a server end with.

use super::Connection;
use crate::{
    event::StreamKey,
    frame::{Data, Head, Kind, flags},
    headers::Part,
    output::COPY_MAX,
    stream::Progress,
};
use bytes::Bytes;

impl Connection {
    /// Puts HEADERS, one DATA frame and trailers into the output, if nothing is in the way: windows, other streams'
    /// turns, the peer's limits, lists that are not remembered. `Err` gives the data back; nothing has changed then.
    #[inline]
    pub(super) fn try_respond(
        &mut self,
        key: StreamKey,
        [head, trailers]: [&[Part<'_>]; 2],
        data: Bytes,
    ) -> Result<(), Bytes> {
        let size = data.len();
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
        let limit = self
            .remote
            .max_header_list
            .map_or(usize::MAX, |n| n as usize);
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
        self.abuse.note_sent();
        self.on_our_end(key, state);
        Ok(())
    }
}
