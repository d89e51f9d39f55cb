//! What a scripted peer says.

use super::{
    ScriptedPeer,
    frame::{flag, head, kind},
};
use crate::Rng;
use bytes::{BufMut, Bytes};
use farcall_http2::{Field, Name, Part, Reason};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// What an HTTP/2 client says first (RFC 9113 §3.4); written out for the same reason as the [numbers](super::kind).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Everything is written at once and as it is given; no rule is applied. A peer that has closed the connection is no
/// error here: what it said can still be read.
impl<IO: AsyncRead + AsyncWrite + Unpin> ScriptedPeer<IO> {
    /// Bytes, whatever they are.
    pub async fn raw(&mut self, bytes: &[u8]) {
        let _ = self.io.write_all(bytes).await;
        let _ = self.io.flush().await;
    }

    /// `len` random bytes.
    pub async fn garbage(&mut self, seed: u64, len: usize) {
        self.raw(&Rng::new(seed).bytes(len)).await;
    }

    /// A frame of any kind.
    pub async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut bytes = head(payload.len(), kind, flags, stream).to_vec();
        bytes.extend_from_slice(payload);
        self.raw(&bytes).await;
    }

    /// The client's connection preface, without the SETTINGS that belong to it.
    pub async fn preface(&mut self) {
        self.raw(PREFACE).await;
    }

    /// SETTINGS with these parameters; see [`setting`](super::setting).
    pub async fn settings(&mut self, parameters: &[(u16, u32)]) {
        let mut payload = Vec::new();
        for &(id, value) in parameters {
            payload.put_u16(id);
            payload.put_u32(value);
        }
        self.frame(kind::SETTINGS, flag::NONE, 0, &payload).await;
    }

    /// The acknowledgement of SETTINGS.
    pub async fn settings_ack(&mut self) {
        self.frame(kind::SETTINGS, flag::ACK, 0, &[]).await;
    }

    /// PING, or with `ack` the answer to one.
    pub async fn ping(&mut self, payload: u64, ack: bool) {
        self.frame(
            kind::PING,
            if ack { flag::ACK } else { flag::NONE },
            0,
            &payload.to_be_bytes(),
        )
        .await;
    }

    /// HEADERS with these fields, in their order, well-formed or not.
    pub async fn headers(&mut self, stream: u32, fields: &[(&str, &str)], end_stream: bool) {
        let block = self.encode(fields);
        self.header_block(stream, &block, end_stream).await;
    }

    /// HEADERS with a header block made by hand.
    pub async fn header_block(&mut self, stream: u32, block: &[u8], end_stream: bool) {
        let end = if end_stream {
            flag::END_STREAM
        } else {
            flag::NONE
        };
        self.frame(kind::HEADERS, flag::END_HEADERS | end, stream, block)
            .await;
    }

    /// The fields as a header block, with the connection's HPACK state: send each block, in order.
    pub fn encode(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let field = |&(name, value): &(&str, &str)| {
            Field::new(
                Name::from_bytes(Bytes::copy_from_slice(name.as_bytes())),
                Bytes::copy_from_slice(value.as_bytes()),
            )
        };
        let fields: Vec<Field> = fields.iter().map(field).collect();
        let mut block = Vec::new();
        self.encoder.encode(&[Part::Fields(&fields)], &mut block);
        block
    }

    /// (fake client) The head of a gRPC request for `path`, with `more` fields behind it.
    pub async fn request(&mut self, stream: u32, path: &str, more: &[(&str, &str)]) {
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "test"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ];
        self.headers(stream, &[&fields, more].concat(), false).await;
    }

    /// (fake server) The head of a gRPC response.
    pub async fn response(&mut self, stream: u32) {
        self.headers(
            stream,
            &[(":status", "200"), ("content-type", "application/grpc")],
            false,
        )
        .await;
    }

    /// DATA; one frame, however long.
    pub async fn data(&mut self, stream: u32, data: &[u8], end_stream: bool) {
        self.frame(
            kind::DATA,
            if end_stream {
                flag::END_STREAM
            } else {
                flag::NONE
            },
            stream,
            data,
        )
        .await;
    }

    /// RST_STREAM.
    pub async fn rst(&mut self, stream: u32, reason: Reason) {
        self.frame(
            kind::RST_STREAM,
            flag::NONE,
            stream,
            &reason.0.to_be_bytes(),
        )
        .await;
    }

    /// GOAWAY.
    pub async fn goaway(&mut self, last: u32, reason: Reason, debug: &str) {
        let mut payload = Vec::new();
        payload.put_u32(last);
        payload.put_u32(reason.0);
        payload.put_slice(debug.as_bytes());
        self.frame(kind::GOAWAY, flag::NONE, 0, &payload).await;
    }

    /// WINDOW_UPDATE; stream 0 is the connection.
    pub async fn window_update(&mut self, stream: u32, increment: u32) {
        self.frame(
            kind::WINDOW_UPDATE,
            flag::NONE,
            stream,
            &increment.to_be_bytes(),
        )
        .await;
    }

    /// Closes the writing side; what the other end says can still be read.
    pub async fn close(&mut self) {
        let _ = self.io.shutdown().await;
    }
}
