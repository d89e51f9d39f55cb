//! Calls with raw messages, for any path.

use bytes::Bytes;
use farcall_core::{Method, MethodKind, Raw};
use farcall_net::{
    Channel, IntoRequest,
    client::{BidiCall, ClientStreamingCall, ServerStreamingCall, UnaryCall},
};

fn method(path: &'static str, kind: MethodKind) -> Method<Bytes, Bytes, Raw> {
    Method::with_codec(path, kind, Raw)
}

/// A unary call of `path` with a message as it is.
pub fn unary(
    channel: &Channel,
    path: &'static str,
    request: impl IntoRequest<Bytes>,
) -> UnaryCall<Bytes, Bytes, Raw> {
    UnaryCall::new(channel, &method(path, MethodKind::Unary), request)
}

/// A call of `path` with one message and a stream of replies.
pub fn server_streaming(
    channel: &Channel,
    path: &'static str,
    request: impl IntoRequest<Bytes>,
) -> ServerStreamingCall<Bytes, Bytes, Raw> {
    ServerStreamingCall::new(channel, &method(path, MethodKind::ServerStreaming), request)
}

/// A call of `path` with a stream of messages and one reply.
pub fn client_streaming(
    channel: &Channel,
    path: &'static str,
) -> ClientStreamingCall<Bytes, Bytes, Raw> {
    ClientStreamingCall::new(channel, &method(path, MethodKind::ClientStreaming))
}

/// A call of `path` with streams in both directions.
pub fn bidi(channel: &Channel, path: &'static str) -> BidiCall<Bytes, Bytes, Raw> {
    BidiCall::new(channel, &method(path, MethodKind::Bidi))
}
