//! What calls may take and what becomes of their messages.

use super::Server;
use crate::{
    call::Encoding,
    clock,
    server::{MethodLimits, overload::Overload},
};
use farcall_core::message::Compressors;
use std::time::Duration;

impl Server {
    /// How many calls the server handles at a time, over all its connections; those that are too many are refused before their handler
    /// starts. Default: no limit but [`max_concurrent_streams`](Server::max_concurrent_streams) of each connection. Calls of the services of
    /// health and reflection are not counted, nor those of others that are [operational](MethodLimits::operational).
    ///
    /// ```
    /// use farcall::{Server, server::Overload};
    ///
    /// let server = Server::builder().overload(Overload::adaptive());
    /// # let _ = server;
    /// ```
    pub fn overload(mut self, overload: Overload) -> Self {
        self.load.overload = Some(overload);
        self
    }

    /// The timeout of calls whose caller has set none; then they end with `DEADLINE_EXCEEDED`. Default: they may take for ever. Streams
    /// that are meant to last need a caller who says so.
    pub fn default_timeout(mut self, timeout: Duration) -> Self {
        self.load.timeouts.default = Some(timeout.min(clock::FOREVER));
        self
    }

    /// The longest timeout that a caller may set, and that of those who set none, unless there is a shorter
    /// [default](Server::default_timeout). Default: none.
    pub fn max_timeout(mut self, timeout: Duration) -> Self {
        self.load.timeouts.max = Some(timeout.min(clock::FOREVER));
        self
    }

    /// Limits of one method by its path, such as `/pkg.Service/Method`, or of a service: `/pkg.Service/`. They take the place of those of the
    /// server; of several that name the same method, what is said last counts. A path at which nothing was added is an error of
    /// [`bind`](Server::bind).
    pub fn limits_of(mut self, path: &str, limits: MethodLimits) -> Self {
        self.load.of_methods.push((path.to_owned(), limits));
        self
    }

    /// The compressors that the server knows, announces and understands. Default: those that are built in. See the guide's chapter on
    /// compression.
    pub fn compressors(mut self, compressors: Compressors) -> Self {
        self.compression.compressors = compressors;
        self
    }

    /// How responses are compressed where the handler does not [say so](crate::Response::set_compression), for callers that accept
    /// it; others get them uncompressed. Default: as the request was. An encoding without a compressor is an error of
    /// [`bind`](Server::bind).
    pub fn compress_responses(mut self, encoding: Encoding) -> Self {
        self.compression.responses = Some(encoding);
        self
    }

    /// As [`compress_responses`](Server::compress_responses), for one method by its path, such as `/pkg.Service/Method`, or for a service:
    /// `/pkg.Service/`. What is said last counts. A path at which nothing was added is an error of [`bind`](Server::bind).
    pub fn compress_responses_of(mut self, path: &str, encoding: Encoding) -> Self {
        self.compression
            .of_methods
            .push((path.to_owned(), encoding));
        self
    }

    /// Largest message that the server accepts, in bytes, after decompression; `RESOURCE_EXHAUSTED` beyond it.
    /// Default 4 MiB. Each of a connection's concurrent calls can hold that much memory.
    pub fn max_receive_message_size(mut self, bytes: usize) -> Self {
        self.limits.receive = bytes;
        self
    }

    /// Largest message that handlers send, in bytes; the call ends with `RESOURCE_EXHAUSTED` beyond it. Default 2^31−1.
    pub fn max_send_message_size(mut self, bytes: usize) -> Self {
        self.limits.send = bytes;
        self
    }
}
